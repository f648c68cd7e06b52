//! River for Rust.

use std::time::Duration;

use riverqueue::{
    BoxError, Client, Job, JobArgs, QueueConfig, WorkContext, WorkOutcome, Workers, migrate::PostgresMigrator,
};
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::{
    plan::{Peer, Plan},
    tally,
};

const BEST: usize = 1_000;
const COOLDOWN: Duration = Duration::from_millis(1);

pub struct River {
    pool: PgPool,
    client: Client,
    concurrency: usize,
}

#[derive(Clone, Debug, Deserialize, JobArgs, Serialize)]
#[river(kind = "noop")]
struct Noop {}

#[derive(Clone, Debug, Deserialize, JobArgs, Serialize)]
#[river(kind = "stamp")]
struct Stamp {
    index: usize,
}

async fn noop(_context: WorkContext, _job: Job<Noop>) -> Result<WorkOutcome, BoxError> {
    tally::start();
    Ok(WorkOutcome::Complete)
}

async fn stamp(_context: WorkContext, job: Job<Stamp>) -> Result<WorkOutcome, BoxError> {
    tally::stamp(job.args.index);
    Ok(WorkOutcome::Complete)
}

pub async fn connect(plan: &Plan) -> anyhow::Result<River> {
    let pool = PgPoolOptions::new().max_connections(20).connect(&plan.database).await?;
    PostgresMigrator::new(pool.clone()).migrate_up().await?;
    let concurrency = plan.concurrency(BEST);
    let mut workers = Workers::new();
    workers.add_fn(noop)?;
    workers.add_fn(stamp)?;
    let client = Client::builder(pool.clone())
        .workers(workers)
        .fetch_cooldown(COOLDOWN)
        .queue("default", QueueConfig::new(concurrency))
        .build()?;
    Ok(River { pool, client, concurrency })
}

impl Peer for River {
    fn describe(&self) -> (&'static str, &'static str, String) {
        let configuration =
            format!("{} workers, fetch cooldown {} ms", self.concurrency, COOLDOWN.as_millis());
        ("River for Rust", "riverqueue", configuration)
    }

    async fn enqueue(&self, count: usize) -> anyhow::Result<()> {
        if count == 1 {
            self.client.insert(Noop {}).await?;
        } else {
            self.client.insert_many((0..count).map(|_| Noop {})).await?;
        }
        Ok(())
    }

    async fn enqueue_stamp(&self, index: usize) -> anyhow::Result<()> {
        self.client.insert(Stamp { index }).await?;
        Ok(())
    }

    async fn clear(&self) -> anyhow::Result<()> {
        sqlx::query("DELETE FROM river_job").execute(&self.pool).await?;
        Ok(())
    }

    async fn work(&mut self) -> anyhow::Result<()> {
        sqlx::query("ANALYZE river_job").execute(&self.pool).await?;
        self.client.start()?.detach();
        Ok(())
    }

    async fn is_drained(&self, _jobs: usize) -> anyhow::Result<bool> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM river_job WHERE state IN ('available', 'running'))";
        Ok(sqlx::query_scalar(sql).fetch_one(&self.pool).await?)
    }
}
