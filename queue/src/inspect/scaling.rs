//! Figures for autoscalers: how fast jobs arrive and end, and how many workers that needs.
//!
//! Rates come from bounded index ranges. Arrived jobs are found by their ids, which sort
//! by time; ended jobs by `(phase, finished_at)`. Only the newest [`SAMPLE`] jobs of each
//! range are read.

use std::time::Duration;

use atelier_entities::{JobState, Timestamp};
use sea_orm::{ConnectionTrait, DatabaseBackend};
use uuid::Uuid;

use crate::{Queue, error::QueueError, limits::QueueLimits, name::QueueName, store::sql::Sql};

const MINUTE: Duration = Duration::from_secs(60);
const FIVE_MINUTES: Duration = Duration::from_secs(300);
/// Most rows that are read of a range. A longer range is shortened.
const SAMPLE: u64 = 50_000;
/// How far the clocks of processes, which create ids, may differ from the database's.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Jobs a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PerSecond {
    /// Over the last minute.
    pub last_minute: f64,
    /// Over the last five minutes.
    pub last_five_minutes: f64,
}

impl PerSecond {
    /// The rates of `counts` in the last minute and in the last five, where the rows cover
    /// the last `covered`.
    fn of(counts: [u64; 2], covered: Duration) -> Self {
        let over = |count: u64, window: Duration| {
            count as f64 / window.min(covered).max(Duration::from_secs(1)).as_secs_f64()
        };
        Self { last_minute: over(counts[0], MINUTE), last_five_minutes: over(counts[1], FIVE_MINUTES) }
    }

    /// The greater of the two, so that a burst is not averaged away.
    fn peak(self) -> f64 {
        self.last_minute.max(self.last_five_minutes)
    }
}

/// The load of a queue and its capacity.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueScaling {
    /// The queue.
    pub queue: QueueName,
    /// Jobs that are due and wait for a worker.
    pub backlog: u64,
    /// Seconds that the oldest of them has been due.
    pub oldest_age_secs: Option<f64>,
    /// Running jobs.
    pub running: u64,
    /// Live workers that serve the queue and are not draining.
    pub workers: u64,
    /// Jobs that these workers can run at once.
    pub slots: u64,
    /// Jobs enqueued.
    pub arrivals: PerSecond,
    /// Jobs that succeeded or failed.
    pub finishes: PerSecond,
    /// Mean seconds of the last attempts of ended jobs; none where no job ended in the last
    /// five minutes.
    pub mean_run_secs: Option<f64>,
    /// Whether it is paused.
    pub paused: bool,
    /// Its limits over all workers.
    pub limits: QueueLimits,
}

impl QueueScaling {
    fn empty(queue: QueueName) -> Self {
        Self {
            queue,
            backlog: 0,
            oldest_age_secs: None,
            running: 0,
            workers: 0,
            slots: 0,
            arrivals: PerSecond::default(),
            finishes: PerSecond::default(),
            mean_run_secs: None,
            paused: false,
            limits: QueueLimits::default(),
        }
    }

    /// Seconds until no job waits, at the rates of the last five minutes; none where the
    /// backlog does not shrink.
    #[must_use]
    pub fn drain_secs(&self) -> Option<f64> {
        if self.backlog == 0 {
            return Some(0.0);
        }
        let net = self.finishes.last_five_minutes - self.arrivals.last_five_minutes;
        (!self.paused && net > 0.0).then(|| self.backlog as f64 / net)
    }

    /// How many workers of the current size it takes for a job to start within `target_wait`
    /// of being due. Never fewer than the running jobs need, so that scaling in interrupts
    /// nothing, and no more than the queue's limits can use.
    ///
    /// Where no job has ended lately, the run time is not known, and it is one worker more
    /// than there are.
    #[must_use]
    pub fn desired_workers(&self, target_wait: Duration) -> u64 {
        let waiting = !self.paused && self.backlog > 0;
        if self.workers == 0 || self.slots == 0 {
            return u64::from(waiting);
        }
        let slots_each = self.slots as f64 / self.workers as f64;
        let wanted = self.limited(self.wanted_slots(slots_each, target_wait)).max(self.running as f64);
        let workers = (wanted / slots_each).ceil() as u64;
        workers.max(u64::from(waiting))
    }

    fn wanted_slots(&self, slots_each: f64, target_wait: Duration) -> f64 {
        if self.paused {
            return 0.0;
        }
        let (backlog, running) = (self.backlog as f64, self.running as f64);
        let Some(run) = self.mean_run_secs else {
            let more = if self.backlog > 0 { self.slots as f64 + slots_each } else { 0.0 };
            return more.min(backlog + running);
        };
        let (target, arrivals) = (target_wait.as_secs_f64().max(1.0), self.arrivals.peak());
        let catch_up = backlog * (run / target).min(1.0);
        // Never more slots than there will be jobs.
        (arrivals * run + catch_up).min(backlog + running + arrivals * target)
    }

    /// The slots that the queue's limits can use.
    fn limited(&self, slots: f64) -> f64 {
        let at_once = self.limits.max_running.map_or(f64::INFINITY, f64::from);
        let by_rate = self.limits.rate.zip(self.mean_run_secs).map_or(f64::INFINITY, |(rate, run)| {
            (f64::from(rate.count) / rate.period.as_secs_f64().max(1.0) * run).max(1.0)
        });
        slots.min(at_once).min(by_rate)
    }
}

/// The counts of one queue in a range of jobs.
struct Counted {
    queue: String,
    counts: [u64; 2],
    oldest: Timestamp,
    run_secs: Option<f64>,
}

impl Queue {
    /// The load of every queue, in the order of [`QueueName::ALL`]: a few statements,
    /// whatever the number of jobs.
    pub async fn list_scaling(&self) -> Result<Vec<QueueScaling>, QueueError> {
        let now = self.now();
        let (arrived, ended) = (self.count_arrived(now).await?, self.count_ended(now).await?);
        let (arrived_over, ended_over) = (covered(&arrived, now), covered(&ended, now));
        let capacities = self.list_capacity().await?;
        let mut scaling = Vec::with_capacity(QueueName::ALL.len());
        for (overview, capacity) in self.queue_overview().await?.into_iter().zip(capacities) {
            let name = overview.queue.as_str();
            let of = |counted: &[Counted], over| {
                let found = counted.iter().find(|counted| counted.queue == name);
                found.map(|found| PerSecond::of(found.counts, over)).unwrap_or_default()
            };
            scaling.push(QueueScaling {
                backlog: overview.available,
                oldest_age_secs: overview.oldest_age_secs,
                running: overview.running,
                workers: capacity.workers,
                slots: capacity.slots,
                arrivals: of(&arrived, arrived_over),
                finishes: of(&ended, ended_over),
                mean_run_secs: ended
                    .iter()
                    .find(|ended| ended.queue == name)
                    .and_then(|ended| ended.run_secs),
                paused: overview.is_paused(),
                limits: capacity.limits,
                ..QueueScaling::empty(overview.queue)
            });
        }
        Ok(scaling)
    }

    async fn count_arrived(&self, now: Timestamp) -> Result<Vec<Counted>, QueueError> {
        let from = now - FIVE_MINUTES;
        let mut sql = Sql::new(self.db().get_database_backend());
        counts(&mut sql, "created_at", now)
            .push(", NULL AS run_secs FROM (SELECT queue, created_at FROM jobs WHERE id >= ")
            .bind(lowest_id(from - CLOCK_SKEW))
            .push(" AND created_at >= ")
            .bind(from)
            .push(" ORDER BY id DESC LIMIT ")
            .bind(SAMPLE)
            .push(") AS newest GROUP BY queue");
        self.counted(sql).await
    }

    async fn count_ended(&self, now: Timestamp) -> Result<Vec<Counted>, QueueError> {
        let backend = self.db().get_database_backend();
        let mut sql = Sql::new(backend);
        counts(&mut sql, "finished_at", now).push(", AVG(run_secs) AS run_secs FROM (");
        for (index, state) in [JobState::Succeeded, JobState::Failed].into_iter().enumerate() {
            sql.push(if index == 0 { "" } else { " UNION ALL " })
                .push("SELECT queue, finished_at, run_secs FROM (SELECT queue, finished_at, ")
                .push(run_secs(backend))
                .push(" AS run_secs FROM jobs WHERE finished_at IS NOT NULL AND phase = ")
                .push(&state.phase().to_string())
                .push(" AND finished_at >= ")
                .bind(now - FIVE_MINUTES)
                .push(" ORDER BY finished_at DESC LIMIT ")
                .bind(SAMPLE)
                .push(") AS ")
                .push(state.as_str());
        }
        sql.push(") AS ended GROUP BY queue");
        self.counted(sql).await
    }

    async fn counted(&self, sql: Sql) -> Result<Vec<Counted>, QueueError> {
        let rows = self.db().query_all_raw(sql.build()).await?;
        let number = |value: i64| u64::try_from(value).unwrap_or(0);
        rows.iter()
            .map(|row| {
                Ok(Counted {
                    queue: row.try_get("", "queue")?,
                    counts: [number(row.try_get("", "last_minute")?), number(row.try_get("", "jobs")?)],
                    oldest: row.try_get("", "oldest")?,
                    run_secs: row.try_get("", "run_secs")?,
                })
            })
            .collect()
    }
}

/// Appends the `SELECT` of counts by queue over the times in that column.
fn counts<'a>(sql: &'a mut Sql, column: &str, now: Timestamp) -> &'a mut Sql {
    sql.push("SELECT queue, COUNT(*) AS jobs, COUNT(*) FILTER (WHERE ")
        .push(column)
        .push(" >= ")
        .bind(now - MINUTE)
        .push(") AS last_minute, MIN(")
        .push(column)
        .push(") AS oldest")
}

/// Seconds from the start of the last attempt to the end.
pub(super) fn run_secs(backend: DatabaseBackend) -> &'static str {
    match backend {
        DatabaseBackend::Postgres => {
            "CAST(EXTRACT(EPOCH FROM (finished_at - started_at)) AS DOUBLE PRECISION)"
        }
        _ => "(julianday(finished_at) - julianday(started_at)) * 86400.0",
    }
}

/// How far back the rows that were read reach: five minutes, unless there were more rows.
fn covered(counted: &[Counted], now: Timestamp) -> Duration {
    let jobs: u64 = counted.iter().map(|counted| counted.counts[1]).sum();
    let oldest = counted.iter().map(|counted| counted.oldest).min();
    match oldest {
        Some(oldest) if jobs >= SAMPLE => (now - oldest).to_std().unwrap_or_default(),
        _ => FIVE_MINUTES,
    }
}

/// The lowest id that can be created at that moment.
fn lowest_id(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Rate;

    const TARGET: Duration = Duration::from_secs(30);

    /// A queue with workers of eight slots each.
    fn load(workers: u64, backlog: u64, running: u64, arrivals: f64, run: Option<f64>) -> QueueScaling {
        QueueScaling {
            workers,
            slots: workers * 8,
            backlog,
            running,
            arrivals: PerSecond { last_minute: arrivals, last_five_minutes: 0.0 },
            mean_run_secs: run,
            ..QueueScaling::empty(QueueName::Email)
        }
    }

    #[test]
    fn wants_as_many_workers_as_the_load_asks_for() {
        for (what, load, workers) in [
            ("nothing to do", load(0, 0, 0, 0.0, None), 0),
            ("idle workers are not needed", load(3, 0, 0, 0.0, Some(2.0)), 0),
            ("the first job of an empty cluster", load(0, 1, 0, 0.0, None), 1),
            ("a backlog of unknown run time", load(2, 500, 16, 1.0, None), 3),
            ("no more slots than unfinished jobs", load(2, 1, 2, 1.0, None), 1),
            ("steady arrivals: 4 a second of 6 s each", load(3, 0, 24, 4.0, Some(6.0)), 3),
            ("rare and short jobs keep one", load(1, 0, 0, 0.01, Some(0.1)), 1),
            ("a backlog of short jobs: 300 of 4 s in 30 s", load(1, 300, 8, 0.0, Some(4.0)), 5),
            ("long jobs want a slot each", load(1, 40, 8, 0.0, Some(300.0)), 5),
            ("running jobs are not interrupted", load(4, 0, 30, 0.0, Some(600.0)), 4),
            ("a burst that is over wants no more than there is", load(1, 20, 4, 0.1, Some(600.0)), 4),
        ] {
            assert_eq!(load.desired_workers(TARGET), workers, "{what}");
        }
    }

    #[test]
    fn a_paused_queue_wants_workers_for_running_jobs_only() {
        let paused = |running| QueueScaling { paused: true, ..load(2, 900, running, 9.0, Some(5.0)) };

        assert_eq!(paused(0).desired_workers(TARGET), 0);
        assert_eq!(paused(9).desired_workers(TARGET), 2);
        assert_eq!(paused(9).drain_secs(), None);
    }

    #[test]
    fn limits_bound_what_is_wanted() {
        let limited = |limits| QueueScaling { limits, ..load(1, 1_000, 8, 0.0, Some(30.0)) };
        let at_once = QueueLimits { max_running: Some(20), ..QueueLimits::default() };
        let rate = Rate { count: 60, period: Duration::from_secs(60) };
        let by_rate = QueueLimits { rate: Some(rate), ..QueueLimits::default() };

        assert_eq!(limited(QueueLimits::default()).desired_workers(TARGET), 125);
        assert_eq!(limited(at_once).desired_workers(TARGET), 3);
        assert_eq!(limited(by_rate).desired_workers(TARGET), 4, "one start a second, 30 s each");
    }

    #[test]
    fn drains_at_the_rate_of_ends_minus_arrivals() {
        let at = |arrivals, finishes| QueueScaling {
            arrivals: PerSecond { last_minute: 9.0, last_five_minutes: arrivals },
            finishes: PerSecond { last_minute: 0.0, last_five_minutes: finishes },
            ..load(1, 100, 8, 0.0, None)
        };

        assert_eq!(at(1.0, 3.0).drain_secs(), Some(50.0));
        assert_eq!(at(3.0, 3.0).drain_secs(), None);
        assert_eq!(QueueScaling { backlog: 0, ..at(3.0, 1.0) }.drain_secs(), Some(0.0));
    }

    #[test]
    fn rates_are_over_the_rows_that_were_read() {
        let whole = PerSecond::of([120, 300], FIVE_MINUTES);
        assert_eq!((whole.last_minute, whole.last_five_minutes), (2.0, 1.0));

        let crowded = PerSecond::of([50_000, 50_000], Duration::from_secs(25));
        assert_eq!((crowded.last_minute, crowded.last_five_minutes), (2_000.0, 2_000.0));
    }

    #[test]
    fn ids_of_a_moment_sort_after_its_lowest() {
        let at = |secs| Timestamp::from_timestamp(secs, 0).expect("a valid time");
        let id = Uuid::now_v7();
        let secs = i64::try_from(id.get_timestamp().expect("a time").to_unix().0).expect("seconds");

        assert!(lowest_id(at(secs)) < id && id < lowest_id(at(secs + 1)));
    }
}
