//! Sets the gauges of queues, relay and schedules for Prometheus. They also show overdue
//! work, which a component that fails silently would not report itself.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{
    Queue, QueueError,
    inspect::QueueOverview,
    metrics, relay,
    schedule::{self, Recurring},
};

use crate::{duty::Duty, pace::Next};

/// The duty that sets these gauges.
#[derive(Clone, Debug)]
pub struct Gauges {
    queue: Queue,
    recurring: Vec<Recurring>,
}

impl Gauges {
    /// Sets the gauges of this queue and of these schedules.
    #[must_use]
    pub const fn new(queue: Queue, recurring: Vec<Recurring>) -> Self {
        Self { queue, recurring }
    }
}

#[async_trait]
impl Duty for Gauges {
    fn name(&self) -> &'static str {
        "gauges"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn tick(&self) -> Result<Next, QueueError> {
        metrics::observe_overdue(relay::overdue(&self.queue).await?);
        for (name, overdue) in schedule::overdue(&self.queue, &self.recurring).await? {
            metrics::observe_schedule_overdue(name, overdue);
        }
        for overview in self.queue.queue_overview().await? {
            observe(&overview);
        }
        Ok(Next::InTurn)
    }
}

fn observe(overview: &QueueOverview) {
    let counts = [
        ("scheduled", overview.scheduled),
        ("available", overview.available),
        ("running", overview.running),
        ("retrying", overview.retrying),
        ("failed", overview.failed),
    ];
    let oldest = Duration::try_from_secs_f64(overview.oldest_age_secs.unwrap_or(0.0)).unwrap_or_default();
    metrics::observe_queue(overview.queue.as_str(), &counts, oldest);
}
