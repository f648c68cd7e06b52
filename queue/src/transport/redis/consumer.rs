//! A worker's end of a queue in Redis.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use ::redis::{AsyncCommands, Script, aio::ConnectionManager};
use apalis_core::worker::context::WorkerContext;
use apalis_redis::{Config, queries};
use async_trait::async_trait;
use atelier_entities::JobId;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{BEAT, Consumer};
use crate::{error::TransportError, name::QueueName};

pub(super) struct RedisConsumer {
    pub(super) connection: ConnectionManager,
    pub(super) config: Config,
    pub(super) worker: WorkerContext,
    pub(super) wakes: Arc<HashMap<QueueName, Notify>>,
    pub(super) queue: QueueName,
}

impl RedisConsumer {
    fn inflight(&self) -> String {
        self.config.inflight_set_for(&self.worker)
    }

    async fn fetch(&mut self, max: usize) -> Result<Vec<JobId>, TransportError> {
        let config = self.config.clone().batch_size(max);
        let tasks = queries::fetch_next(&mut self.connection, &self.worker, &config)
            .await
            .map_err(|error| TransportError(error.to_string()))?;
        Ok(tasks.iter().filter_map(|task| Uuid::from_slice(&task.args).ok()).map(JobId).collect())
    }

    /// Forgets whatever a pop took and could not answer: the relay pushes it again.
    async fn forget_unanswered(&mut self) -> Result<(), TransportError> {
        let taken: Vec<String> = self.connection.smembers(self.inflight()).await?;
        self.forget(&taken).await
    }

    async fn forget(&mut self, ids: &[String]) -> Result<(), TransportError> {
        if ids.is_empty() {
            return Ok(());
        }
        let meta = self.config.job_meta_hash();
        let meta_keys: Vec<String> = ids.iter().map(|id| format!("{meta}:{id}")).collect();
        let _: () = ::redis::pipe()
            .atomic()
            .srem(self.inflight(), ids)
            .ignore()
            .hdel(self.config.job_data_hash(), ids)
            .ignore()
            .del(meta_keys)
            .ignore()
            .query_async(&mut self.connection)
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
        match self.fetch(max).await {
            // A Redis that came back empty does not know this worker.
            Err(error) if error.0.contains("not registered") => {
                self.beat().await?;
                self.fetch(max).await
            }
            Err(error) => {
                self.forget_unanswered().await?;
                Err(error)
            }
            popped => popped,
        }
    }

    async fn settle(&mut self, ids: &[JobId]) -> Result<(), TransportError> {
        self.forget(&texts(ids)).await
    }

    async fn restore(&mut self, ids: &[JobId]) -> Result<(), TransportError> {
        if ids.is_empty() {
            return Ok(());
        }
        let ids = texts(ids);
        let _: () = ::redis::pipe()
            .atomic()
            .srem(self.inflight(), &ids)
            .ignore()
            .rpush(self.config.active_jobs_list(), &ids)
            .ignore()
            .query_async(&mut self.connection)
            .await?;
        Ok(())
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
        Ok(())
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
