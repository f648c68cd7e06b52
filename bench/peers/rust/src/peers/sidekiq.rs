//! Sidekiq for Rust. It has no bulk push, and it takes a job away as it fetches it.

use async_trait::async_trait;
use sidekiq::{Processor, ProcessorConfig, RedisConnectionManager, RedisPool, Worker};

use crate::{
    plan::{Peer, Plan},
    tally,
};

const BEST: usize = 50;
const QUEUE: &str = "default";

pub struct Sidekiq {
    pool: RedisPool,
    concurrency: usize,
}

#[derive(Clone)]
struct Noop;

#[async_trait]
impl Worker<()> for Noop {
    async fn perform(&self, (): ()) -> sidekiq::Result<()> {
        tally::start();
        Ok(())
    }
}

#[derive(Clone)]
struct Stamp;

#[async_trait]
impl Worker<usize> for Stamp {
    async fn perform(&self, index: usize) -> sidekiq::Result<()> {
        tally::stamp(index);
        Ok(())
    }
}

pub async fn connect(plan: &Plan) -> anyhow::Result<Sidekiq> {
    let manager = RedisConnectionManager::new(plan.redis.as_str())?;
    let concurrency = plan.concurrency(BEST);
    let size = concurrency as u32 + 10;
    // Without the ping before each use, which doubles the commands.
    let pool = bb8::Pool::builder().max_size(size).test_on_check_out(false).build(manager).await?;
    Ok(Sidekiq { pool, concurrency })
}

impl Peer for Sidekiq {
    fn describe(&self) -> (&'static str, &'static str, String) {
        (
            "Sidekiq for Rust",
            "rusty-sidekiq",
            format!(
                "concurrency {}, the pool's ping off; in bulk: as many pushes at a time",
                self.concurrency
            ),
        )
    }

    async fn enqueue(&self, count: usize) -> anyhow::Result<()> {
        futures::future::try_join_all((0..count).map(|_| Noop::perform_async(&self.pool, ()))).await?;
        Ok(())
    }

    async fn enqueue_stamp(&self, index: usize) -> anyhow::Result<()> {
        Ok(Stamp::perform_async(&self.pool, index).await?)
    }

    async fn clear(&self) -> anyhow::Result<()> {
        Ok(self.pool.get().await?.del(format!("queue:{QUEUE}")).await.map(|_| ())?)
    }

    async fn work(&mut self) -> anyhow::Result<()> {
        let config = ProcessorConfig::default().num_workers(self.concurrency);
        let mut processor = Processor::new(self.pool.clone(), vec![QUEUE.to_owned()]).with_config(config);
        processor.register(Noop);
        processor.register(Stamp);
        tokio::spawn(processor.run());
        Ok(())
    }

    async fn is_drained(&self, jobs: usize) -> anyhow::Result<bool> {
        Ok(tally::count() >= jobs)
    }
}
