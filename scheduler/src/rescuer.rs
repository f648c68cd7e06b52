//! Takes jobs back from workers whose lease has expired.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{Queue, QueueError, rescue};

use crate::{duty::Duty, pace::Next};

/// The duty that rescues jobs.
#[derive(Clone, Debug)]
pub struct Rescuer {
    queue: Queue,
}

impl Rescuer {
    /// Rescues the jobs of this queue.
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

    /// Short against the two heartbeats of a lease: most of the promised second is left
    /// to claim and start the job.
    fn interval(&self) -> Duration {
        (self.queue.options().heartbeat / 4).clamp(Duration::from_millis(100), Duration::from_millis(250))
    }

    async fn tick(&self) -> Result<Next, QueueError> {
        rescue::tick(&self.queue).await?;
        Ok(Next::InTurn)
    }
}
