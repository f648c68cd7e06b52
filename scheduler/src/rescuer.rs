//! Takes back what dead workers held.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{Queue, QueueError, rescue};

use crate::{duty::Duty, pace::Next};

/// The duty of the rescuer.
#[derive(Clone, Debug)]
pub struct Rescuer {
    queue: Queue,
}

impl Rescuer {
    /// A rescuer of this queue's jobs.
    #[must_use]
    pub const fn new(queue: Queue) -> Self {
        Self { queue }
    }
}

#[async_trait]
impl Duty for Rescuer {
    fn name(&self) -> &'static str {
        "rescuer"
    }

    /// Little on top of the two heartbeats of a lease: most of the second that is
    /// promised is left for the job to be taken and started in.
    fn interval(&self) -> Duration {
        (self.queue.options().heartbeat / 4).clamp(Duration::from_millis(100), Duration::from_millis(250))
    }

    async fn tick(&self) -> Result<Next, QueueError> {
        rescue::tick(&self.queue).await?;
        Ok(Next::InTurn)
    }
}
