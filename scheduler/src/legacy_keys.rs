//! Removes what versions before this one left in the transport.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{Queue, QueueError};

use crate::{duty::Duty, pace::Next};

/// The duty that clears away the transport's former keys once nobody uses them.
#[derive(Clone, Debug)]
pub struct LegacyKeys {
    queue: Queue,
}

impl LegacyKeys {
    /// Clears away what was left in this queue's transport.
    #[must_use]
    pub const fn new(queue: Queue) -> Self {
        Self { queue }
    }
}

#[async_trait]
impl Duty for LegacyKeys {
    fn name(&self) -> &'static str {
        "legacy keys"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn tick(&self) -> Result<Next, QueueError> {
        match self.queue.transport().retire().await {
            Ok(0) => {}
            Ok(ids) => tracing::info!(ids, "keys of an earlier version were removed from the transport"),
            Err(error) => tracing::debug!(%error, "keys of an earlier version are not removed now"),
        }
        Ok(Next::InTurn)
    }
}
