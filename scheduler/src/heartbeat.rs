//! Sends the heartbeats of this scheduler, so that operators see that it runs.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{Queue, QueueError, scheduler_heartbeat::SchedulerHeartbeat};

use crate::{duty::Duty, pace::Next};

/// The duty that refreshes the row of this scheduler.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    queue: Queue,
    row: SchedulerHeartbeat,
}

impl Heartbeat {
    /// The row of a scheduler that starts now, with its host and version.
    #[must_use]
    pub fn new(queue: Queue, host: String, version: String) -> Self {
        let row = SchedulerHeartbeat::new(&queue, host, version);
        Self { queue, row }
    }

    /// Deletes the row, with a time limit. A row that is not deleted expires.
    pub async fn stop(&self) {
        let removed = tokio::time::timeout(Duration::from_secs(1), self.row.remove(&self.queue)).await;
        if !matches!(removed, Ok(Ok(()))) {
            tracing::debug!("cannot delete the row of the scheduler; it will expire");
        }
    }
}

#[async_trait]
impl Duty for Heartbeat {
    fn name(&self) -> &'static str {
        "heartbeat"
    }

    fn interval(&self) -> Duration {
        self.queue.options().heartbeat
    }

    async fn tick(&self) -> Result<Next, QueueError> {
        self.row.beat(&self.queue).await?;
        Ok(Next::InTurn)
    }
}
