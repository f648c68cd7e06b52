//! Estimating when a waiting job starts.

use std::time::Duration;

use sea_orm::ConnectionTrait;

use super::scaling::run_secs;
use crate::{
    Queue,
    error::QueueError,
    limits::QueueLimits,
    name::QueueName,
    store::{SUCCEEDED, sql::Sql},
};

/// How far back ended jobs are sampled, how many of all queues are read, and how many of one
/// queue are averaged.
const PERIOD: Duration = Duration::from_secs(300);
const MAX_READ: u32 = 5_000;
const SAMPLE: u32 = 200;

/// What decides how fast a queue starts jobs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Throughput {
    /// Slots of live workers.
    pub(super) slots: u64,
    /// Running jobs.
    pub(super) running: u64,
    /// The mean run time; none where no job has ended lately.
    pub(super) mean_run: Option<Duration>,
    pub(super) limits: QueueLimits,
}

impl Throughput {
    /// How long until a job starts that has `before` others before it: at once while slots
    /// are free, otherwise as slots become free one after the other, and no sooner than the
    /// rate allows. None where the run time is not known.
    pub(super) fn starts_after(self, before: u64) -> Option<Duration> {
        let slots = self.limits.max_running.map_or(self.slots, |most| self.slots.min(u64::from(most)));
        let by_rate = self
            .limits
            .rate
            .map_or(Duration::ZERO, |rate| rate.period.mul_f64(before as f64 / f64::from(rate.count.max(1))));
        let ends_first = (before + self.running + 1).saturating_sub(slots);
        if ends_first == 0 {
            return Some(by_rate);
        }
        let run = self.mean_run.filter(|_| slots > 0)?;
        Some(run.mul_f64(ends_first as f64 / slots as f64).max(by_rate))
    }
}

impl Queue {
    /// The mean run time of the last attempts of jobs of a queue that succeeded lately.
    pub(super) async fn mean_run(&self, queue: QueueName) -> Result<Option<Duration>, QueueError> {
        if let Some(mean) = self.run_times().cached(queue) {
            return Ok(mean);
        }
        let backend = self.db().get_database_backend();
        let mut sql = Sql::new(backend);
        sql.push("SELECT AVG(run_secs) AS mean FROM (SELECT run_secs FROM (SELECT queue, finished_at, ")
            .push(run_secs(backend))
            .push(" AS run_secs FROM jobs WHERE ")
            .push(SUCCEEDED)
            .push(" AND finished_at >= ")
            .bind(self.now() - PERIOD)
            .push(" ORDER BY finished_at DESC LIMIT ")
            .push(&MAX_READ.to_string())
            .push(") AS lately WHERE queue = ")
            .bind(queue.as_str())
            .push(" ORDER BY finished_at DESC LIMIT ")
            .push(&SAMPLE.to_string())
            .push(") AS sample");
        let row = self.db().query_one_raw(sql.build()).await?;
        let secs: Option<f64> = row.map(|row| row.try_get("", "mean")).transpose()?.flatten();
        let mean = secs.and_then(|secs| Duration::try_from_secs_f64(secs).ok());
        self.run_times().store(queue, mean);
        Ok(mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Rate;

    #[test]
    fn a_job_starts_when_enough_earlier_jobs_have_ended() {
        let secs = |secs| Some(Duration::from_secs(secs));
        let none = QueueLimits::default();
        let at_once = QueueLimits { max_running: Some(2), ..none };
        let rate = Rate { count: 10, period: Duration::from_secs(60) };
        let by_rate = QueueLimits { rate: Some(rate), ..none };
        for (what, slots, running, run, limits, before, expected) in [
            ("a free slot", 8, 7, None, none, 0, secs(0)),
            ("the next to start of eight slots", 8, 8, secs(16), none, 0, secs(2)),
            ("behind as many as there are slots", 8, 8, secs(16), none, 8, secs(18)),
            ("the run time is not known", 8, 8, None, none, 0, None),
            ("no slots at all", 0, 0, secs(16), none, 0, None),
            ("the queue's limit makes it fewer", 8, 2, secs(16), at_once, 1, secs(16)),
            ("no sooner than the rate allows", 8, 0, secs(1), by_rate, 5, secs(30)),
        ] {
            let throughput = Throughput { slots, running, mean_run: run, limits };
            assert_eq!(throughput.starts_after(before), expected, "{what}");
        }
    }
}
