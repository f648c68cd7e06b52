//! Takes back from the transport what consumers held that went away, and forgets
//! workers that have long been silent.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{Queue, QueueError, rescue};

use crate::{duty::Duty, pace::Next};

/// The duty of the reclaimer.
#[derive(Clone, Debug)]
pub struct Reclaimer {
    queue: Queue,
}

impl Reclaimer {
    /// A reclaimer of this queue's ids.
    #[must_use]
    pub const fn new(queue: Queue) -> Self {
        Self { queue }
    }
}

#[async_trait]
impl Duty for Reclaimer {
    fn name(&self) -> &'static str {
        "reclaimer"
    }

    fn interval(&self) -> Duration {
        self.queue.options().heartbeat
    }

    async fn tick(&self) -> Result<Next, QueueError> {
        rescue::reclaim(&self.queue).await?;
        Ok(Next::InTurn)
    }
}
