//! The transport: carries the ids of due jobs to workers. It may lose everything at any time,
//! since the relay pushes due jobs from SQL again. It may carry an id twice, since the claim
//! drops the second one.

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
pub use redis::{RedisHub, RedisOptions, open_redis};

/// Carries ids from enqueues to workers.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Its name for display: `in-process` or `redis`.
    fn name(&self) -> &'static str;

    /// Whether it is reached over a network, so that commits do not wait for it.
    fn is_remote(&self) -> bool {
        false
    }

    /// Adds ids that it does not have, in their order, until `window` ids wait in that queue,
    /// and wakes a worker. Answers how many it added.
    async fn push(&self, queue: QueueName, ids: &[JobId], window: usize) -> Result<usize, TransportError>;

    /// How many ids wait in that queue.
    async fn depth(&self, queue: QueueName) -> Result<usize, TransportError>;

    /// A worker's consumer of that queue.
    async fn consumer(&self, queue: QueueName, worker: WorkerId) -> Box<dyn Consumer>;

    /// Puts back the ids of consumers without heartbeats. Answers how many.
    async fn reclaim(&self) -> Result<usize, TransportError>;

    /// Removes ids under names of earlier versions, once none of their workers is left.
    /// Answers how many. The relay has pushed them under the new names.
    async fn retire(&self) -> Result<usize, TransportError> {
        Ok(0)
    }

    /// Checks that it answers.
    async fn ping(&self) -> Result<(), TransportError>;

    /// Checks that it takes writes and delivers messages. Called through the cache of
    /// [`Queue::transport_fault`](crate::Queue::transport_fault).
    async fn probe(&self) -> Result<(), TransportError> {
        self.ping().await
    }

    /// Its eviction policy; none where it is unknown or there is none.
    async fn eviction(&self) -> Result<Option<Eviction>, TransportError> {
        Ok(None)
    }

    /// Facts about its server; none where there is no server.
    async fn facts(&self) -> Result<Option<ServerFacts>, TransportError> {
        Ok(None)
    }
}

/// A worker's consumer of a queue: ids are popped, claimed in SQL, and then settled.
#[async_trait]
pub trait Consumer: Send {
    /// Pops at most `max` ids without waiting.
    async fn pop(&mut self, max: usize) -> Result<Vec<JobId>, TransportError>;

    /// Removes popped ids, which were claimed or cannot be.
    async fn settle(&mut self, ids: &[JobId]) -> Result<(), TransportError>;

    /// Puts popped ids back after a claim that failed.
    async fn restore(&mut self, ids: &[JobId]) -> Result<(), TransportError>;

    /// Returns when there may be new ids since the last pop. A wake-up is kept until the next
    /// wait.
    async fn wait(&mut self);

    /// Sends a heartbeat.
    async fn beat(&mut self) -> Result<(), TransportError>;

    /// Puts popped ids back and removes the consumer.
    async fn close(&mut self) -> Result<(), TransportError>;
}
