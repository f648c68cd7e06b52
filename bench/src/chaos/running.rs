//! Checks during the run that each running job has one lease, and that no more jobs run than
//! their queue allows.

use std::collections::HashMap;

use atelier_entities::{JobId, UserId};
use atelier_queue::{QueueLimits, QueueName};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};

use super::tables::statement;

/// Running jobs with their queue, owner and number of leases, in one consistent read.
const RUNNING: &str = "SELECT jobs.id, jobs.queue, jobs.owner_id, COALESCE(held.leases, 0) AS leases FROM jobs \
    LEFT JOIN (SELECT id, COUNT(*) AS leases FROM running_jobs GROUP BY id) AS held ON held.id = jobs.id \
    WHERE jobs.phase = 1 AND jobs.state = 'running'";

/// A queue and its limits.
pub(super) type Limited = (QueueName, QueueLimits);

struct Running {
    id: JobId,
    queue: String,
    owner: Option<UserId>,
    leases: i64,
}

/// The checks of leases and of limits.
#[derive(Debug, Default)]
pub(super) struct RunningWatch {
    limited: Option<Limited>,
    pub(super) leases: Tally,
    pub(super) limits: Tally,
}

/// Number of checked cases, and the breaches.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) cases: usize,
    pub(super) breaches: Vec<String>,
}

impl Tally {
    /// Adds another tally.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.cases += other.cases;
        self.breaches.extend(other.breaches);
        self
    }
}

impl RunningWatch {
    /// Checks the limits of this queue too.
    pub(super) fn of_limited(limited: Limited) -> Self {
        Self { limited: Some(limited), ..Self::default() }
    }

    /// Checks the jobs that run now.
    pub(super) async fn look(&mut self, direct: &DatabaseConnection) -> Result<(), DbErr> {
        let mut running = Vec::new();
        for row in direct.query_all_raw(statement(direct, RUNNING, [])).await? {
            running.push(Running {
                id: row.try_get("", "id")?,
                queue: row.try_get("", "queue")?,
                owner: row.try_get("", "owner_id")?,
                leases: row.try_get("", "leases")?,
            });
        }
        self.judge(&running);
        Ok(())
    }

    fn judge(&mut self, running: &[Running]) {
        self.leases.cases += running.len();
        let leased_wrongly = running.iter().filter(|job| job.leases != 1);
        self.leases
            .breaches
            .extend(leased_wrongly.map(|job| format!("job {} runs under {} leases", job.id, job.leases)));
        let Some((queue, limits)) = self.limited else { return };
        let of_queue: Vec<_> = running.iter().filter(|job| job.queue == queue.as_str()).collect();
        let mut owners: HashMap<UserId, usize> = HashMap::new();
        for owner in of_queue.iter().filter_map(|job| job.owner) {
            *owners.entry(owner).or_default() += 1;
        }
        self.limits.cases += of_queue.len();
        let is_over = |count: usize, most: Option<u32>| most.is_some_and(|most| count > most as usize);
        if is_over(of_queue.len(), limits.max_running) {
            self.limits.breaches.push(format!("{} jobs of {queue} run", of_queue.len()));
        }
        let over = owners.into_iter().filter(|(_, count)| is_over(*count, limits.max_running_per_owner));
        let over = over.map(|(owner, count)| format!("{count} jobs of {owner} run in {queue}"));
        self.limits.breaches.extend(over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(queue: QueueName, owner: Option<UserId>, leases: i64) -> Running {
        Running { id: JobId::new(), queue: queue.to_string(), owner, leases }
    }

    #[test]
    fn notices_what_runs_under_no_lease_and_under_two() {
        let mut watch = RunningWatch::default();

        watch.judge(&[1, 0, 1, 2].map(|leases| running(QueueName::Email, None, leases)));

        let Tally { cases, breaches } = watch.leases;
        assert_eq!((cases, breaches.len()), (4, 2));
        assert!(breaches[0].ends_with("under 0 leases"), "{breaches:?}");
        assert!(breaches[1].ends_with("under 2 leases"), "{breaches:?}");
    }

    #[test]
    fn notices_more_than_a_queue_allows_and_more_than_an_owner_may() {
        let limits =
            QueueLimits { max_running: Some(3), max_running_per_owner: Some(1), ..QueueLimits::default() };
        let mut watch = RunningWatch::of_limited((QueueName::Email, limits));
        let (one, other) = (Some(UserId::new()), Some(UserId::new()));
        let email = |owner| running(QueueName::Email, owner, 1);

        watch.judge(&[email(one), email(other), email(None), running(QueueName::Stats, one, 1)]);
        assert_eq!((watch.limits.cases, watch.limits.breaches.len()), (3, 0));
        watch.judge(&[email(one), email(one), email(None), email(None)]);

        let Tally { cases, breaches } = watch.limits;
        assert_eq!((cases, breaches.len()), (7, 2), "{breaches:?}");
    }
}
