//! apalis-redis by itself.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use anyhow::ensure;
use apalis::prelude::*;
use apalis_core::backend::ext::poll_strategy::{PollSnapshot, PollStrategy};
use apalis_redis::{Config, ConnectionManager, RedisStorage};
use redis::AsyncCommands;
use serde::{Deserialize, Serialize};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::{
    plan::{Peer, Plan},
    tally,
};

const BEST: usize = 100;
const BATCH: usize = 100;

/// Ids that are moved at once: the script of a fetch cannot take 8,000 due ones.
const PROMOTE: isize = 1_000;

#[derive(Clone, Debug, Deserialize, Serialize)]
enum Work {
    Noop,
    Stamp(usize),
}

pub struct Apalis {
    connection: ConnectionManager,
    config: Config,
    storage: RedisStorage<Work>,
    concurrency: usize,
}

/// Asks for work each millisecond. The strategies that come with it can lose a
/// wake-up.
struct Tick(Interval);

impl PollStrategy for Tick {
    fn poll_drive(&mut self, cx: &mut Context<'_>, _snapshot: &PollSnapshot) -> Poll<Option<()>> {
        let mut ticked = false;
        while self.0.poll_tick(cx).is_ready() {
            ticked = true;
        }
        if ticked { Poll::Ready(Some(())) } else { Poll::Pending }
    }
}

pub async fn connect(plan: &Plan) -> anyhow::Result<Apalis> {
    let connection = apalis_redis::connect(plan.redis.as_str()).await?;
    let config = Config::default().queue("bench").batch_size(BATCH).lock_tasks(false).emit_events(false);
    let storage = RedisStorage::new(connection.clone()).with_config(config.clone());
    Ok(Apalis { connection, config, storage, concurrency: plan.concurrency(BEST) })
}

impl Apalis {
    /// Every push is due work in the scheduled set, from which a fetch moves all at
    /// once and dies of 8,000: they are moved before the worker starts.
    async fn promote(&self) -> anyhow::Result<()> {
        let (scheduled, active) = (self.config.scheduled_jobs_set(), self.config.active_jobs_list());
        let mut connection = self.connection.clone();
        loop {
            let ids: Vec<String> = connection.zrange(&scheduled, 0, PROMOTE - 1).await?;
            if ids.is_empty() {
                return Ok(());
            }
            let moved: i64 = connection.rpush(&active, &ids).await?;
            ensure!(moved > 0, "nothing was moved");
            let _removed: i64 = connection.zrem(&scheduled, &ids).await?;
        }
    }
}

impl Peer for Apalis {
    fn describe(&self) -> (&'static str, &'static str, String) {
        let configuration = format!(
            "concurrency {}, batch {BATCH}, locks and events off, own poll strategy, due work promoted by hand",
            self.concurrency
        );
        ("apalis-redis bare", "apalis-redis", configuration)
    }

    async fn enqueue(&self, count: usize) -> anyhow::Result<()> {
        let mut storage = self.storage.clone();
        if count == 1 {
            storage.push(Work::Noop).await?;
        } else {
            storage.push_bulk(vec![Work::Noop; count]).await?;
        }
        Ok(())
    }

    async fn enqueue_stamp(&self, index: usize) -> anyhow::Result<()> {
        Ok(self.storage.clone().push(Work::Stamp(index)).await?)
    }

    async fn clear(&self) -> anyhow::Result<()> {
        Ok(redis::cmd("FLUSHDB").exec_async(&mut self.connection.clone()).await?)
    }

    async fn work(&mut self) -> anyhow::Result<()> {
        self.promote().await?;
        let mut tick = interval(Duration::from_millis(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let worker = WorkerBuilder::new("bench")
            .backend(self.storage.clone().poll_with_strategy(Tick(tick)))
            .concurrency(self.concurrency)
            .build(handle);
        tokio::spawn(async move {
            if let Err(error) = worker.run().await {
                eprintln!("the worker ended: {error}");
            }
        });
        Ok(())
    }

    async fn is_drained(&self, jobs: usize) -> anyhow::Result<bool> {
        let done: usize = self.connection.clone().scard(self.config.done_jobs_set()).await?;
        Ok(done >= jobs)
    }
}

async fn handle(work: Work) -> Result<(), BoxDynError> {
    match work {
        Work::Noop => tally::start(),
        Work::Stamp(index) => tally::stamp(index),
    }
    Ok(())
}
