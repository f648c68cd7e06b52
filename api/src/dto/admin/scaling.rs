use std::time::Duration;

use atelier_queue::inspect::{PerSecond, QueueScaling};
use serde::{Deserialize, Serialize};

use crate::{
    error::ApiError,
    schema::{IntoParams, ToSchema, sets},
};

const DEFAULT_TARGET_WAIT: u64 = 30;
const LONGEST_TARGET_WAIT: u64 = 24 * 3_600;

/// What an autoscaler wants to know.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ScalingQuery {
    /// Only this queue, as one flat object: `{"value": workers}`.
    #[param(value_type = Option<sets::QueueName>)]
    pub(crate) queue: Option<String>,
    /// Seconds within which a due job is to start.
    #[param(minimum = 1, maximum = 86400, default = 30)]
    target_wait_secs: Option<u64>,
    /// text is the number of one queue's workers and nothing else; without it the header
    /// `Accept: text/plain` asks for the same.
    #[param(value_type = Option<sets::ScalingFormat>, default = "json")]
    format: Option<ScalingFormat>,
}

/// How the load is told.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum ScalingFormat {
    Json,
    Text,
}

impl ScalingQuery {
    /// How long a job may wait; 422 where that makes no sense.
    pub(crate) fn target_wait(&self) -> Result<Duration, ApiError> {
        let secs = self.target_wait_secs.unwrap_or(DEFAULT_TARGET_WAIT);
        if (1..=LONGEST_TARGET_WAIT).contains(&secs) {
            return Ok(Duration::from_secs(secs));
        }
        Err(ApiError::invalid([("target_wait_secs", format!("must be 1 to {LONGEST_TARGET_WAIT}"))]))
    }

    /// Whether a bare number is wanted, by a client that accepts this; 422 where that is
    /// asked for of all queues at once.
    pub(crate) fn wants_text(&self, accepted: Option<&str>) -> Result<bool, ApiError> {
        match (self.format, &self.queue) {
            (Some(ScalingFormat::Text), None) => {
                Err(ApiError::invalid([("queue", "text is the number of one queue: name it")]))
            }
            (Some(format), _) => Ok(format == ScalingFormat::Text),
            (None, queue) => {
                let plain = accepted.is_some_and(|kinds| kinds.trim_start().starts_with("text/plain"));
                Ok(plain && queue.is_some())
            }
        }
    }
}

/// The load of every queue, or a single number.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ScalingAnswer {
    /// Where a queue was named.
    One(ScalingValue),
    /// Otherwise.
    All(Vec<ScalingView>),
}

/// One number, as autoscalers read it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScalingValue {
    /// Workers that the queue wants.
    #[schema(example = 3)]
    pub(crate) value: u64,
}

/// The load of a queue and who is there to carry it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScalingView {
    /// The queue.
    #[schema(value_type = sets::QueueName)]
    queue: &'static str,
    /// Jobs that are due and wait for a worker.
    backlog: u64,
    /// Seconds that the oldest of them has been due.
    oldest_age_secs: Option<f64>,
    /// Jobs that run.
    running: u64,
    /// Live workers that serve the queue.
    workers: u64,
    /// Jobs that they can run at once.
    slots: u64,
    /// Jobs enqueued.
    arrivals: RateView,
    /// Jobs that succeeded or failed.
    finishes: RateView,
    /// Seconds that one takes on average; none where none ended lately.
    mean_run_secs: Option<f64>,
    /// Seconds until nothing waits any more at the present rates; none where that does
    /// not come.
    drain_secs: Option<f64>,
    /// Workers of the present size that it takes for a job to start in time.
    desired_workers: u64,
    /// Whether workers leave it alone.
    paused: bool,
}

/// Jobs a second.
#[derive(Serialize, ToSchema)]
pub(crate) struct RateView {
    /// Over the last minute.
    last_minute: f64,
    /// Over the last five minutes.
    last_five_minutes: f64,
}

impl From<PerSecond> for RateView {
    fn from(rate: PerSecond) -> Self {
        Self { last_minute: rate.last_minute, last_five_minutes: rate.last_five_minutes }
    }
}

impl ScalingView {
    /// What a queue looks like to somebody who wants jobs to start within that time.
    pub(crate) fn new(queue: &QueueScaling, target_wait: Duration) -> Self {
        Self {
            queue: queue.queue.as_str(),
            backlog: queue.backlog,
            oldest_age_secs: queue.oldest_age_secs,
            running: queue.running,
            workers: queue.workers,
            slots: queue.slots,
            arrivals: queue.arrivals.into(),
            finishes: queue.finishes.into(),
            mean_run_secs: queue.mean_run_secs,
            drain_secs: queue.drain_secs(),
            desired_workers: queue.desired_workers(target_wait),
            paused: queue.paused,
        }
    }
}
