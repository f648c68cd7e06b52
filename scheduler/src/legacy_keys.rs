//! Deletes keys that earlier versions left in the transport.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{Queue, QueueError};

use crate::{duty::Duty, pace::Next};

/// The duty that deletes the transport's legacy keys once no process uses them.
#[derive(Clone, Debug)]
pub struct LegacyKeys {
    queue: Queue,
}

impl LegacyKeys {
    /// Deletes the legacy keys in the transport of this queue.
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
            Ok(ids) => tracing::info!(ids, "deleted keys of an earlier version from the transport"),
            Err(error) => tracing::debug!(%error, "cannot delete keys of an earlier version now"),
        }
        Ok(Next::InTurn)
    }
}
