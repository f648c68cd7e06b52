//! Sets the gauges of the domains.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{Observe, Queue, QueueError};

use crate::{duty::Duty, pace::Next};

/// The duty that sets the gauges of the domains.
#[derive(Clone, Debug)]
pub struct DomainGauges {
    queue: Queue,
    observers: Vec<Observe>,
}

impl DomainGauges {
    /// Sets the gauges that these functions set.
    #[must_use]
    pub const fn new(queue: Queue, observers: Vec<Observe>) -> Self {
        Self { queue, observers }
    }
}

#[async_trait]
impl Duty for DomainGauges {
    fn name(&self) -> &'static str {
        "domain_gauges"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(15)
    }

    async fn tick(&self) -> Result<Next, QueueError> {
        for observe in &self.observers {
            observe(&self.queue).await?;
        }
        Ok(Next::InTurn)
    }
}
