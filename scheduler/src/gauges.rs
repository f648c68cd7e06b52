//! Counts the jobs of each queue for Prometheus.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{Queue, QueueError, inspect::QueueOverview, metrics};

use crate::duty::{Duty, Next};

/// The duty that sets the gauges of the queues.
#[derive(Clone, Debug)]
pub struct Gauges {
    queue: Queue,
}

impl Gauges {
    /// Gauges of this queue's jobs.
    #[must_use]
    pub const fn new(queue: Queue) -> Self {
        Self { queue }
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
