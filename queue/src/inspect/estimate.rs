//! When a job that waits in line will start.

use std::time::Duration;

use atelier_entities::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};

use crate::{Queue, error::QueueError, limits::QueueLimits};

/// How far back ended jobs say how long one takes, and how many of them are looked at.
const LATELY: Duration = Duration::from_secs(300);
const SAMPLE: u64 = 200;

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
    pub(super) async fn mean_run(&self, queue: &str) -> Result<Option<Duration>, QueueError> {
        use atelier_entities::jobs::{Column, Entity};
        let times: Vec<(String, Option<Timestamp>, Option<Timestamp>)> = Entity::find()
            .select_only()
            .columns([Column::Queue, Column::StartedAt, Column::FinishedAt])
            .filter(Expr::cust("phase = 2"))
            .filter(Column::FinishedAt.gte(self.now() - LATELY))
            .order_by_desc(Column::FinishedAt)
            .limit(SAMPLE)
            .into_tuple()
            .all(self.db())
            .await?;
        let runs: Vec<Duration> = times
            .into_iter()
            .filter(|(of, ..)| of == queue)
            .filter_map(|(_, started, finished)| (finished? - started?).to_std().ok())
            .collect();
        let count = u32::try_from(runs.len()).unwrap_or(u32::MAX);
        Ok((count > 0).then(|| runs.iter().sum::<Duration>() / count))
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
