use std::time::Duration;

use atelier_queue::{QueueLimits, Rate, inspect::QueueCapacity};
use serde::{Deserialize, Serialize};

use crate::{error::ApiError, schema::ToSchema};

const MOST_JOBS: u32 = 1_000_000;
const LONGEST_PERIOD: u64 = 24 * 3_600;

/// What the limits of a queue are to be, over all workers.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsInput {
    /// Jobs that may run at once; unlimited where it is null or left out.
    #[schema(minimum = 1, maximum = 1_000_000, example = 20)]
    max_running: Option<u32>,
    /// Jobs of one owner that may run at once; unlimited where it is null or left out.
    #[schema(minimum = 1, maximum = 1_000_000, example = 2)]
    max_running_per_owner: Option<u32>,
    /// Jobs that may start in a time; unlimited where it is null or left out.
    rate: Option<StartRateView>,
}

/// Limits of a queue over all workers.
#[derive(Serialize, ToSchema)]
pub(crate) struct LimitsView {
    /// Jobs that may run at once; null is unlimited.
    #[schema(minimum = 1, maximum = 1_000_000, example = 20)]
    max_running: Option<u32>,
    /// Jobs of one owner that may run at once; null is unlimited.
    #[schema(minimum = 1, maximum = 1_000_000, example = 2)]
    max_running_per_owner: Option<u32>,
    /// Jobs that may start in a time; null is unlimited.
    rate: Option<StartRateView>,
}

/// So many in each period.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartRateView {
    /// Jobs.
    #[schema(minimum = 1, maximum = 1_000_000, example = 100)]
    count: u32,
    /// Seconds.
    #[schema(minimum = 1, maximum = 86400, example = 60)]
    period_secs: u64,
}

/// How many jobs of a queue may run at once, over all workers, and how many can.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConcurrencyView {
    /// Jobs that may run at once; null is unlimited.
    #[schema(example = 20)]
    max_running: Option<u32>,
    /// Jobs of one owner that may run at once; null is unlimited.
    #[schema(example = 2)]
    max_running_per_owner: Option<u32>,
    /// Jobs that the live workers can run at once.
    #[schema(example = 24)]
    slots: u64,
    /// Live workers that serve the queue.
    #[schema(example = 3)]
    workers: u64,
}

impl From<Rate> for StartRateView {
    fn from(rate: Rate) -> Self {
        Self { count: rate.count, period_secs: rate.period.as_secs() }
    }
}

impl From<&QueueCapacity> for ConcurrencyView {
    fn from(capacity: &QueueCapacity) -> Self {
        Self {
            max_running: capacity.limits.max_running,
            max_running_per_owner: capacity.limits.max_running_per_owner,
            slots: capacity.slots,
            workers: capacity.workers,
        }
    }
}

impl From<QueueLimits> for LimitsView {
    fn from(limits: QueueLimits) -> Self {
        Self {
            max_running: limits.max_running,
            max_running_per_owner: limits.max_running_per_owner,
            rate: limits.rate.map(StartRateView::from),
        }
    }
}

impl LimitsInput {
    /// The limits; 422 for numbers that make none.
    pub(crate) fn check(&self) -> Result<QueueLimits, ApiError> {
        let mut faults = Vec::new();
        let rate = self.rate.as_ref();
        for (field, jobs) in [
            ("max_running", self.max_running),
            ("max_running_per_owner", self.max_running_per_owner),
            ("rate.count", rate.map(|rate| rate.count)),
        ] {
            if jobs.is_some_and(|jobs| !(1..=MOST_JOBS).contains(&jobs)) {
                faults.push((field, format!("must be 1 to {MOST_JOBS}; pause the queue to stop it")));
            }
        }
        if rate.is_some_and(|rate| !(1..=LONGEST_PERIOD).contains(&rate.period_secs)) {
            faults.push(("rate.period_secs", format!("must be 1 to {LONGEST_PERIOD}")));
        }
        if !faults.is_empty() {
            return Err(ApiError::invalid(faults));
        }
        Ok(QueueLimits {
            max_running: self.max_running,
            max_running_per_owner: self.max_running_per_owner,
            rate: rate.map(|rate| Rate { count: rate.count, period: Duration::from_secs(rate.period_secs) }),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(body: Value) -> Result<QueueLimits, ApiError> {
        serde_json::from_value::<LimitsInput>(body).expect("it fits").check()
    }

    #[test]
    fn nothing_is_no_limit() {
        for body in [json!({}), json!({"max_running": null, "rate": null})] {
            assert!(check(body).expect("limits").is_unlimited());
        }
    }

    #[test]
    fn names_each_number_that_makes_no_limit() {
        for (body, fields) in [
            (json!({"max_running": 0}), vec!["max_running"]),
            (json!({"max_running_per_owner": 1_000_001}), vec!["max_running_per_owner"]),
            (json!({"rate": {"count": 0, "period_secs": 0}}), vec!["rate.count", "rate.period_secs"]),
            (json!({"rate": {"count": 1, "period_secs": 86_401}}), vec!["rate.period_secs"]),
        ] {
            let refused = format!("{:?}", check(body).expect_err("refused"));
            assert!(fields.iter().all(|field| refused.contains(&format!("{field:?}"))), "{refused}");
        }
    }
}
