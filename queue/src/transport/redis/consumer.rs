//! A worker's end of a queue in Redis.

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

/// Forgets ids that this consumer took and still has. One that was taken back from it
/// meanwhile waits in the list again: it keeps its data.
const FORGET: &str = r"
for i = 2, #ARGV do
    if redis.call('srem', KEYS[1], ARGV[i]) == 1 then
        redis.call('hdel', KEYS[2], ARGV[i])
        redis.call('del', ARGV[1] .. ':' .. ARGV[i])
    end
end
return #ARGV
";

/// Puts ids back that this consumer took and still has: one that was taken back from
/// it meanwhile is there already.
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
    /// Ids may have been taken that nobody here knows of: an answer was lost.
    pub(super) unanswered: bool,
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

    async fn fetch_or_doubt(&mut self, max: usize) -> Result<Vec<JobId>, TransportError> {
        let fetched = self.fetch(max).await;
        self.unanswered |= fetched.is_err();
        fetched
    }

    /// Forgets whatever was taken and not answered for: the relay pushes it again.
    async fn forget_unanswered(&mut self) -> Result<(), TransportError> {
        let taken: Vec<String> = self.connection.smembers(self.inflight()).await?;
        self.forget(&taken).await?;
        self.unanswered = false;
        Ok(())
    }

    async fn forget(&mut self, ids: &[String]) -> Result<(), TransportError> {
        static SCRIPT: OnceLock<Script> = OnceLock::new();
        if ids.is_empty() {
            return Ok(());
        }
        let script = SCRIPT.get_or_init(|| Script::new(FORGET));
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
        if self.unanswered {
            self.forget_unanswered().await?;
        }
        match self.fetch_or_doubt(max).await {
            // A Redis that came back empty does not know this worker.
            Err(error) if error.says("not registered") => {
                self.beat().await?;
                self.fetch_or_doubt(max).await
            }
            answer => answer,
        }
    }

    async fn settle(&mut self, ids: &[JobId]) -> Result<(), TransportError> {
        self.forget(&texts(ids)).await
    }

    async fn restore(&mut self, ids: &[JobId]) -> Result<(), TransportError> {
        if ids.is_empty() {
            return Ok(());
        }
        let restored = self.put_back(&texts(ids)).await;
        self.unanswered |= restored.is_err();
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
        // Between two pops nothing is taken, unless a pop that was given up long ago
        // reached Redis after all.
        self.forget_unanswered().await
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
