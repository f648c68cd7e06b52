//! Checks whether the database and the transport accept writes, for Prometheus. Without
//! this check, an idle installation would not notice that they do not.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{Queue, QueueError, metrics};

use crate::{duty::Duty, pace::Next};

/// The duty that sets these gauges.
#[derive(Clone, Debug)]
pub struct WriteCheck {
    queue: Queue,
}

impl WriteCheck {
    /// Checks the database and the transport of this queue.
    #[must_use]
    pub const fn new(queue: Queue) -> Self {
        Self { queue }
    }
}

#[async_trait]
impl Duty for WriteCheck {
    fn name(&self) -> &'static str {
        "write check"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn tick(&self) -> Result<Next, QueueError> {
        let database = self.queue.database_fault().await;
        metrics::observe_writable(database, self.queue.transport_fault().await);
        Ok(Next::InTurn)
    }
}
