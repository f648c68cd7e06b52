//! Computes how many workers each queue needs, for autoscaling by Prometheus metrics.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{Queue, QueueError, metrics};

use crate::{duty::Duty, pace::Next};

/// The time within which a due job should start.
const TARGET_WAIT: Duration = Duration::from_secs(30);

/// The duty that sets the gauge of desired workers.
#[derive(Clone, Debug)]
pub struct Scaling {
    queue: Queue,
}

impl Scaling {
    /// Sets the gauge for this queue.
    #[must_use]
    pub const fn new(queue: Queue) -> Self {
        Self { queue }
    }
}

#[async_trait]
impl Duty for Scaling {
    fn name(&self) -> &'static str {
        "scaling"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(15)
    }

    async fn tick(&self) -> Result<Next, QueueError> {
        for load in self.queue.list_scaling().await? {
            metrics::observe_desired_workers(load.queue, load.desired_workers(TARGET_WAIT));
        }
        Ok(Next::InTurn)
    }
}
