//! A worker's consumer of a queue in Redis.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use ::redis::{AsyncCommands, Script};
use apalis_core::worker::context::WorkerContext;
use apalis_redis::{Config, queries};
use async_trait::async_trait;
use atelier_entities::JobId;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{BEAT, Consumer, link::Link};
use crate::{error::TransportError, name::QueueName};

/// Removes ids that this consumer popped and still has. An id that was put back meanwhile
/// waits in the list again and keeps its data.
const REMOVE: &str = r"
for i = 2, #ARGV do
    if redis.call('srem', KEYS[1], ARGV[i]) == 1 then
        redis.call('hdel', KEYS[2], ARGV[i])
        redis.call('del', ARGV[1] .. ':' .. ARGV[i])
    end
end
return #ARGV
";

/// Puts back ids that this consumer popped and still has. Others were put back meanwhile.
const RESTORE: &str = r"
for i = 1, #ARGV do
    if redis.call('srem', KEYS[1], ARGV[i]) == 1 then
        redis.call('rpush', KEYS[2], ARGV[i])
    end
end
return #ARGV
";

pub(super) struct RedisConsumer {
    pub(super) connection: Link,
    pub(super) config: Config,
    pub(super) worker: WorkerContext,
    pub(super) wakes: Arc<HashMap<QueueName, Notify>>,
    pub(super) queue: QueueName,
    /// The answer to a pop was lost, so that it may have popped unknown ids.
    pub(super) has_unknown: bool,
}

impl RedisConsumer {
    fn inflight(&self) -> String {
        self.config.inflight_set_for(&self.worker)
    }

    async fn fetch(&mut self, max: usize) -> Result<Vec<JobId>, TransportError> {
        let config = self.config.clone().batch_size(max);
        let tasks = queries::fetch_next(&mut self.connection, &self.worker, &config).await?;
        Ok(tasks.iter().filter_map(|task| Uuid::from_slice(&task.args).ok()).map(JobId).collect())
    }

    async fn fetch_or_mark(&mut self, max: usize) -> Result<Vec<JobId>, TransportError> {
        let fetched = self.fetch(max).await;
        self.has_unknown |= fetched.is_err();
        fetched
    }

    /// Removes popped ids whose answer was lost. The relay pushes them again.
    async fn remove_unknown(&mut self) -> Result<(), TransportError> {
        let popped: Vec<String> = self.connection.smembers(self.inflight()).await?;
        self.remove(&popped).await?;
        self.has_unknown = false;
        Ok(())
    }

    async fn remove(&mut self, ids: &[String]) -> Result<(), TransportError> {
        static SCRIPT: OnceLock<Script> = OnceLock::new();
        if ids.is_empty() {
            return Ok(());
        }
        let script = SCRIPT.get_or_init(|| Script::new(REMOVE));
        let _: i64 = script
            .key(self.inflight())
            .key(self.config.job_data_hash())
            .arg(self.config.job_meta_hash())
            .arg(ids)
            .invoke_async(&mut self.connection)
            .await?;
        Ok(())
    }

    async fn put_back(&mut self, ids: &[String]) -> Result<(), TransportError> {
        static SCRIPT: OnceLock<Script> = OnceLock::new();
        let script = SCRIPT.get_or_init(|| Script::new(RESTORE));
        let _: i64 = script
            .key(self.inflight())
            .key(self.config.active_jobs_list())
            .arg(ids)
            .invoke_async(&mut self.connection)
            .await?;
        Ok(())
    }
}

fn texts(ids: &[JobId]) -> Vec<String> {
    ids.iter().map(JobId::to_string).collect()
}

#[async_trait]
impl Consumer for RedisConsumer {
    async fn pop(&mut self, max: usize) -> Result<Vec<JobId>, TransportError> {
        if max == 0 {
            return Ok(Vec::new());
        }
        if self.has_unknown {
            self.remove_unknown().await?;
        }
        match self.fetch_or_mark(max).await {
            // A Redis that restarted empty does not know this worker.
            Err(error) if error.says("not registered") => {
                self.beat().await?;
                self.fetch_or_mark(max).await
            }
            answer => answer,
        }
    }

    async fn settle(&mut self, ids: &[JobId]) -> Result<(), TransportError> {
        self.remove(&texts(ids)).await
    }

    async fn restore(&mut self, ids: &[JobId]) -> Result<(), TransportError> {
        if ids.is_empty() {
            return Ok(());
        }
        let restored = self.put_back(&texts(ids)).await;
        self.has_unknown |= restored.is_err();
        restored
    }

    async fn wait(&mut self) {
        self.wakes[&self.queue].notified().await;
    }

    async fn beat(&mut self) -> Result<(), TransportError> {
        static SCRIPT: OnceLock<Script> = OnceLock::new();
        let script = SCRIPT.get_or_init(|| Script::new(BEAT));
        let _: i64 = script
            .key(self.config.workers_set())
            .arg(self.worker.name())
            .invoke_async(&mut self.connection)
            .await?;
        // Between two pops the consumer has no ids, unless a pop that timed out has reached
        // Redis later.
        self.remove_unknown().await
    }

    async fn close(&mut self) -> Result<(), TransportError> {
        let left: Vec<String> = self.connection.smembers(self.inflight()).await?;
        let mut pipe = ::redis::pipe();
        pipe.atomic();
        if !left.is_empty() {
            pipe.rpush(self.config.active_jobs_list(), left).ignore();
        }
        pipe.del(self.inflight()).ignore();
        pipe.zrem(self.config.workers_set(), self.worker.name()).ignore();
        let _: () = pipe.query_async(&mut self.connection).await?;
        Ok(())
    }
}
