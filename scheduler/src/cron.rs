//! Enqueues recurring jobs when they are due: once, however many schedulers run.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{
    Queue, QueueError,
    schedule::{self, Recurring},
};
use tokio::sync::OnceCell;

use crate::{duty::Duty, pace::Next};

/// The duty that enqueues recurring jobs.
pub struct Cron {
    queue: Queue,
    recurring: Vec<Recurring>,
    written: OnceCell<()>,
}

impl Cron {
    /// Enqueues these jobs.
    #[must_use]
    pub const fn new(queue: Queue, recurring: Vec<Recurring>) -> Self {
        Self { queue, recurring, written: OnceCell::const_new() }
    }
}

#[async_trait]
impl Duty for Cron {
    fn name(&self) -> &'static str {
        "cron"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// The first tick that reaches the database writes the schedules. Where one cannot be
    /// written, the others still run.
    async fn tick(&self) -> Result<Next, QueueError> {
        let written = self.written.get_or_try_init(|| schedule::sync(&self.queue, &self.recurring)).await;
        schedule::tick(&self.queue, &self.recurring).await?;
        written?;
        Ok(Next::InTurn)
    }
}
