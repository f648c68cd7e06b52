//! Graphile Worker for Rust.

use std::time::Duration;

use anyhow::Context;
use graphile_worker::{
    Database, IntoTaskHandlerResult, JobSpec, LocalQueueConfig, RawJobSpec, TaskHandler, WorkerContext,
    WorkerOptions, WorkerUtils,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::{
    plan::{Peer, Plan},
    tally,
};

const BEST: usize = 100;
const LOCAL_QUEUE: usize = 1_000;
const COMPLETE_EVERY: Duration = Duration::from_millis(5);

pub struct Graphile {
    pool: PgPool,
    utils: WorkerUtils,
    concurrency: usize,
}

#[derive(Deserialize, Serialize)]
struct Noop {}

impl TaskHandler for Noop {
    const IDENTIFIER: &'static str = "noop";

    async fn run(self, _ctx: WorkerContext) -> impl IntoTaskHandlerResult {
        tally::start();
        Ok::<(), String>(())
    }
}

#[derive(Deserialize, Serialize)]
struct Stamp {
    index: usize,
}

impl TaskHandler for Stamp {
    const IDENTIFIER: &'static str = "stamp";

    async fn run(self, _ctx: WorkerContext) -> impl IntoTaskHandlerResult {
        tally::stamp(self.index);
        Ok::<(), String>(())
    }
}

pub async fn connect(plan: &Plan) -> anyhow::Result<Graphile> {
    let pool = PgPoolOptions::new().max_connections(20).connect(&plan.database).await?;
    let utils = WorkerUtils::new(Database::from(pool.clone()), "graphile_worker");
    utils.migrate().await.context("cannot make its tables")?;
    Ok(Graphile { pool, utils, concurrency: plan.concurrency(BEST) })
}

impl Peer for Graphile {
    fn describe(&self) -> (&'static str, &'static str, String) {
        let configuration = format!(
            "concurrency {}, local queue {LOCAL_QUEUE}, completions batched for {} ms",
            self.concurrency,
            COMPLETE_EVERY.as_millis()
        );
        ("graphile_worker for Rust", "graphile_worker", configuration)
    }

    async fn enqueue(&self, count: usize) -> anyhow::Result<()> {
        if count == 1 {
            self.utils.add_job(Noop {}, JobSpec::default()).await?;
            return Ok(());
        }
        let jobs = (0..count).map(|_| RawJobSpec {
            identifier: Noop::IDENTIFIER.to_owned(),
            payload: json!({}),
            spec: JobSpec::default(),
        });
        self.utils.add_raw_jobs(&jobs.collect::<Vec<_>>()).await?;
        Ok(())
    }

    async fn enqueue_stamp(&self, index: usize) -> anyhow::Result<()> {
        self.utils.add_job(Stamp { index }, JobSpec::default()).await?;
        Ok(())
    }

    async fn clear(&self) -> anyhow::Result<()> {
        sqlx::query("DELETE FROM graphile_worker._private_jobs").execute(&self.pool).await?;
        Ok(())
    }

    async fn work(&mut self) -> anyhow::Result<()> {
        sqlx::query("ANALYZE graphile_worker._private_jobs").execute(&self.pool).await?;
        let worker = WorkerOptions::default()
            .pg_pool(self.pool.clone())
            .schema("graphile_worker")
            .concurrency(self.concurrency)
            .poll_interval(Duration::from_secs(1))
            .complete_job_batch_delay(COMPLETE_EVERY)
            .local_queue(LocalQueueConfig::default().with_size(LOCAL_QUEUE))
            .listen_os_shutdown_signals(false)
            .define_job::<Noop>()
            .define_job::<Stamp>()
            .init()
            .await?;
        tokio::spawn(async move {
            if let Err(error) = worker.run().await {
                eprintln!("the worker ended: {error}");
            }
        });
        Ok(())
    }

    async fn is_drained(&self, _jobs: usize) -> anyhow::Result<bool> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM graphile_worker._private_jobs)";
        Ok(sqlx::query_scalar(sql).fetch_one(&self.pool).await?)
    }
}
