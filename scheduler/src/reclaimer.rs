//! Reclaims ids that vanished consumers held in the transport, and deletes the rows of
//! workers without a recent heartbeat.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{Queue, QueueError, rescue};

use crate::{duty::Duty, pace::Next};

/// The duty that reclaims ids.
#[derive(Clone, Debug)]
pub struct Reclaimer {
    queue: Queue,
}

impl Reclaimer {
    /// Reclaims the ids of this queue.
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
