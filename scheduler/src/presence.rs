//! Shows that this scheduler lives.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{Queue, QueueError, scheduler_heartbeat::SchedulerHeartbeat};

use crate::duty::{Duty, Next};

/// The duty that keeps this scheduler among those that operators see.
#[derive(Clone, Debug)]
pub struct Presence {
    queue: Queue,
    row: SchedulerHeartbeat,
}

impl Presence {
    /// The presence of a scheduler that starts now, on this machine and of this version.
    #[must_use]
    pub fn new(queue: Queue, host: String, version: String) -> Self {
        let row = SchedulerHeartbeat::new(&queue, host, version);
        Self { queue, row }
    }

    /// Says good-bye, in bounded time: a row that stays counts as gone soon enough.
    pub async fn leave(&self) {
        let left = tokio::time::timeout(Duration::from_secs(1), self.row.remove(&self.queue)).await;
        if !matches!(left, Ok(Ok(()))) {
            tracing::debug!("the scheduler's row is not deleted; it will be swept");
        }
    }
}

#[async_trait]
impl Duty for Presence {
    fn name(&self) -> &'static str {
        "presence"
    }

    fn interval(&self) -> Duration {
        self.queue.options().heartbeat
    }

    async fn tick(&self) -> Result<Next, QueueError> {
        self.row.beat(&self.queue).await?;
        Ok(Next::InTurn)
    }
}
