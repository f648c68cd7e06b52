//! Watches, while faults strike, that what runs does so under one lease.

use atelier_entities::JobId;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};

use super::tables::statement;

/// What runs, and under how many leases. One statement sees one moment.
const RUNNING: &str = "SELECT jobs.id, COALESCE(held.leases, 0) AS leases FROM jobs \
    LEFT JOIN (SELECT id, COUNT(*) AS leases FROM running_jobs GROUP BY id) AS held ON held.id = jobs.id \
    WHERE jobs.phase = 1 AND jobs.state = 'running'";

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct LeaseWatch {
    seen: usize,
    breaches: Vec<String>,
}

impl LeaseWatch {
    /// Looks at what runs now.
    pub(super) async fn look(&mut self, direct: &DatabaseConnection) -> Result<(), DbErr> {
        for row in direct.query_all_raw(statement(RUNNING, [])).await? {
            self.count(row.try_get("", "id")?, row.try_get("", "leases")?);
        }
        Ok(())
    }

    /// How many jobs were seen to run, each as often as it was seen, and which of them did
    /// so under no lease or under several.
    pub(super) fn into_seen(self) -> (usize, Vec<String>) {
        (self.seen, self.breaches)
    }

    fn count(&mut self, id: JobId, leases: i64) {
        self.seen += 1;
        if leases != 1 {
            self.breaches.push(format!("job {id} runs under {leases} leases"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_what_runs_under_no_lease_and_under_two() {
        let mut watch = LeaseWatch::default();

        for leases in [1, 0, 1, 2] {
            watch.count(JobId::new(), leases);
        }

        let (seen, breaches) = watch.into_seen();
        assert_eq!(seen, 4);
        assert!(breaches[0].ends_with("under 0 leases"), "{breaches:?}");
        assert!(breaches[1].ends_with("under 2 leases"), "{breaches:?}");
        assert_eq!(breaches.len(), 2);
    }
}
