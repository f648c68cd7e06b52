//! What the domains leave to schedulers: their gauges and their periodic work.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{Observe, Periodic, Queue, QueueError};

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

/// The duty that does a domain's periodic work, batch by batch.
#[derive(Clone, Debug)]
pub struct DomainWork {
    queue: Queue,
    periodic: Periodic,
}

impl DomainWork {
    /// Does this work.
    #[must_use]
    pub const fn new(queue: Queue, periodic: Periodic) -> Self {
        Self { queue, periodic }
    }
}

#[async_trait]
impl Duty for DomainWork {
    fn name(&self) -> &'static str {
        self.periodic.name
    }

    fn interval(&self) -> Duration {
        self.periodic.interval
    }

    async fn tick(&self) -> Result<Next, QueueError> {
        let is_more = (self.periodic.run)(&self.queue).await?;
        Ok(if is_more { Next::AtOnce } else { Next::InTurn })
    }
}
