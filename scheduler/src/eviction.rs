//! Checks whether Redis may evict keys of the queue.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use atelier_queue::{Queue, QueueError, metrics};

use crate::{duty::Duty, pace::Next};

/// The duty that watches the transport's eviction policy.
#[derive(Debug)]
pub struct EvictionWatch {
    queue: Queue,
    warned: AtomicBool,
}

impl EvictionWatch {
    /// Watches the transport of this queue.
    #[must_use]
    pub const fn new(queue: Queue) -> Self {
        Self { queue, warned: AtomicBool::new(false) }
    }
}

#[async_trait]
impl Duty for EvictionWatch {
    fn name(&self) -> &'static str {
        "eviction watch"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    /// Warns when the risk appears, and not again while it lasts. A policy that cannot be
    /// read counts as no risk.
    async fn tick(&self) -> Result<Next, QueueError> {
        let eviction = match self.queue.transport().eviction().await {
            Ok(Some(eviction)) => eviction,
            Ok(None) => return Ok(Next::InTurn),
            Err(error) => {
                tracing::debug!(%error, "the eviction policy of the transport is unknown");
                return Ok(Next::InTurn);
            }
        };
        metrics::observe_eviction(eviction.is_risky());
        let warned = self.warned.swap(eviction.is_risky(), Ordering::Relaxed);
        if eviction.is_risky() && !warned {
            tracing::warn!(
                "Redis may drop the queue's keys when its memory is full ({eviction}): set maxmemory-policy noeviction"
            );
        }
        Ok(Next::InTurn)
    }
}
