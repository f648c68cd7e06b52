//! What carries the ids of due jobs to workers. It may forget everything at any
//! time: SQL knows what is due, and the relay pushes it again. It may carry an id
//! twice: the claim drops the second.

use async_trait::async_trait;
use atelier_entities::{JobId, WorkerId};

use crate::{error::TransportError, name::QueueName};

mod eviction;
mod facts;
pub mod in_process;
pub mod redis;

pub use eviction::Eviction;
pub use facts::ServerFacts;
pub use in_process::InProcess;
pub use redis::{RedisHub, RedisOptions};

/// A way from those who enqueue to those who work.
#[async_trait]
pub trait Transport: Send + Sync {
    /// For people: `in-process` or `redis`.
    fn name(&self) -> &'static str;

    /// Whether it is reached over a network, so that nobody should wait for it.
    fn is_remote(&self) -> bool {
        false
    }

    /// Adds ids that are not in it already, up to `window` of them waiting in that
    /// queue, in their order, and wakes a worker. Answers how many it took.
    async fn push(&self, queue: QueueName, ids: &[JobId], window: usize) -> Result<usize, TransportError>;

    /// Ids waiting in that queue.
    async fn depth(&self, queue: QueueName) -> Result<usize, TransportError>;

    /// A worker's end of that queue.
    async fn consumer(&self, queue: QueueName, worker: WorkerId) -> Box<dyn Consumer>;

    /// Puts back what consumers took that have not shown themselves for a while.
    /// Answers how many ids that were.
    async fn reclaim(&self) -> Result<usize, TransportError>;

    /// Removes what versions before kept under names that this one no longer uses, once
    /// none of their workers is left. Answers how many ids that were: the relay has
    /// carried them again under their new names.
    async fn retire(&self) -> Result<usize, TransportError> {
        Ok(0)
    }

    /// Whether it answers at all.
    async fn ping(&self) -> Result<(), TransportError>;

    /// Whether it does what carrying ids takes: writes, and news to whoever waits for
    /// them. [`Queue::transport_fault`](crate::Queue::transport_fault) asks it seldom.
    async fn probe(&self) -> Result<(), TransportError> {
        self.ping().await
    }

    /// How it deals with full memory; none where it cannot tell or never evicts.
    async fn eviction(&self) -> Result<Option<Eviction>, TransportError> {
        Ok(None)
    }

    /// What its server tells of itself; none where it has none.
    async fn facts(&self) -> Result<Option<ServerFacts>, TransportError> {
        Ok(None)
    }
}

/// A worker's end of a queue: ids are popped, claimed in SQL, and then settled.
#[async_trait]
pub trait Consumer: Send {
    /// At most `max` ids, at once: none when there are none.
    async fn pop(&mut self, max: usize) -> Result<Vec<JobId>, TransportError>;

    /// Forgets popped ids: they were claimed, or cannot be.
    async fn settle(&mut self, ids: &[JobId]) -> Result<(), TransportError>;

    /// Puts popped ids back: they could not even be asked for.
    async fn restore(&mut self, ids: &[JobId]) -> Result<(), TransportError>;

    /// Returns when there may be something to pop that was not there at the last
    /// pop. A wake-up that comes while nobody waits is kept.
    async fn wait(&mut self);

    /// Shows that this consumer is alive.
    async fn beat(&mut self) -> Result<(), TransportError>;

    /// Says good-bye.
    async fn close(&mut self) -> Result<(), TransportError>;
}
