//! Keeps the row of this scheduler up to date, so that operators see it.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{Queue, QueueError, scheduler_heartbeat::SchedulerHeartbeat};

use crate::{duty::Duty, pace::Next};

/// The duty that refreshes this scheduler's row.
#[derive(Clone, Debug)]
pub struct Presence {
    queue: Queue,
    row: SchedulerHeartbeat,
}

impl Presence {
    /// The row of a scheduler that starts now, with its host and version.
    #[must_use]
    pub fn new(queue: Queue, host: String, version: String) -> Self {
        let row = SchedulerHeartbeat::new(&queue, host, version);
        Self { queue, row }
    }

    /// Deletes the row, in bounded time. A row that stays expires by itself.
    pub async fn leave(&self) {
        let left = tokio::time::timeout(Duration::from_secs(1), self.row.remove(&self.queue)).await;
        if !matches!(left, Ok(Ok(()))) {
            tracing::debug!("the row of the scheduler is not deleted now; it will expire");
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
