//! When a job that waits in line will start.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sea_orm::ConnectionTrait;

use super::scaling::run_secs;
use crate::{
    Queue,
    error::QueueError,
    limits::QueueLimits,
    name::QueueName,
    store::{SUCCEEDED, sql::Sql},
};

/// How far back ended jobs say how long one takes, how many of all queues are looked
/// through, and how many of the one are enough.
const LATELY: Duration = Duration::from_secs(300);
const LOOKED_THROUGH: u32 = 5_000;
const SAMPLE: u32 = 200;

/// How long it is believed: everybody who waits asks for it.
const BELIEVED: Duration = Duration::from_secs(5);

/// How long jobs take by queue, as far as that was asked for a moment ago.
#[derive(Debug, Default)]
pub(crate) struct RunTimes {
    known: Mutex<HashMap<QueueName, (Instant, Option<Duration>)>>,
}

impl RunTimes {
    fn lock(&self) -> MutexGuard<'_, HashMap<QueueName, (Instant, Option<Duration>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, queue: QueueName) -> Option<Option<Duration>> {
        self.lock().get(&queue).filter(|(at, _)| at.elapsed() < BELIEVED).map(|(_, mean)| *mean)
    }

    fn note(&self, queue: QueueName, mean: Option<Duration>) {
        self.lock().insert(queue, (Instant::now(), mean));
    }
}

/// What a queue gets through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Throughput {
    /// Jobs that live workers can run at once.
    pub(super) slots: u64,
    /// Jobs that run.
    pub(super) running: u64,
    /// How long one takes; none where none has ended lately.
    pub(super) mean_run: Option<Duration>,
    pub(super) limits: QueueLimits,
}

impl Throughput {
    /// How long until a job starts that has `before` others before it: at once while
    /// slots are free, else as slots become free one after the other, and no sooner
    /// than the rate allows. None where nobody knows how long a job takes.
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
    /// How long the last attempts of jobs of that queue took that succeeded lately.
    pub(super) async fn mean_run(&self, queue: QueueName) -> Result<Option<Duration>, QueueError> {
        if let Some(mean) = self.run_times().known(queue) {
            return Ok(mean);
        }
        let backend = self.db().get_database_backend();
        let mut sql = Sql::new(backend);
        sql.push("SELECT AVG(run_secs) AS mean FROM (SELECT run_secs FROM (SELECT queue, finished_at, ")
            .push(run_secs(backend))
            .push(" AS run_secs FROM jobs WHERE ")
            .push(SUCCEEDED)
            .push(" AND finished_at >= ")
            .bind(self.now() - LATELY)
            .push(" ORDER BY finished_at DESC LIMIT ")
            .push(&LOOKED_THROUGH.to_string())
            .push(") AS lately WHERE queue = ")
            .bind(queue.as_str())
            .push(" ORDER BY finished_at DESC LIMIT ")
            .push(&SAMPLE.to_string())
            .push(") AS sample");
        let row = self.db().query_one_raw(sql.build()).await?;
        let secs: Option<f64> = row.map(|row| row.try_get("", "mean")).transpose()?.flatten();
        let mean = secs.and_then(|secs| Duration::try_from_secs_f64(secs).ok());
        self.run_times().note(queue, mean);
        Ok(mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Rate;

    #[test]
    fn a_job_starts_when_enough_of_those_before_it_have_ended() {
        let secs = |secs| Some(Duration::from_secs(secs));
        let none = QueueLimits::default();
        let at_once = QueueLimits { max_running: Some(2), ..none };
        let rate = Rate { count: 10, period: Duration::from_secs(60) };
        let by_rate = QueueLimits { rate: Some(rate), ..none };
        for (what, slots, running, run, limits, before, expected) in [
            ("a free slot", 8, 7, None, none, 0, secs(0)),
            ("the next to start of eight slots", 8, 8, secs(16), none, 0, secs(2)),
            ("behind as many as there are slots", 8, 8, secs(16), none, 8, secs(18)),
            ("nobody knows how long one takes", 8, 8, None, none, 0, None),
            ("no slots at all", 0, 0, secs(16), none, 0, None),
            ("the queue's limit makes it fewer", 8, 2, secs(16), at_once, 1, secs(16)),
            ("no sooner than the rate allows", 8, 0, secs(1), by_rate, 5, secs(30)),
        ] {
            let throughput = Throughput { slots, running, mean_run: run, limits };
            assert_eq!(throughput.starts_after(before), expected, "{what}");
        }
    }
}
