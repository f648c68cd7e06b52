//! Enqueue, drain and latency on SQLite and the in-process transport, all in this
//! process.

use std::time::{Duration, Instant};

use anyhow::ensure;
use atelier_queue::{Queue, QueueName};
use tokio::{sync::mpsc, time};

use super::{
    cli::{EmbeddedArgs, EnqueueArgs, RowsArgs},
    enqueue,
    figures::Figures,
    kinds,
    latency::{self, InProcessWorker},
    rows, testbed,
};
use crate::servers::{reaper::Reaper, scratch::Scratch};

/// Prefix of the names of figures.
const PREFIX: &str = "embedded ";

/// Interval of checking whether jobs are left.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Longest that a drain may take.
const LIMIT: Duration = Duration::from_secs(600);

const CALLERS: usize = 64;
const BULK: usize = 1_000;

/// Jobs drained for each one enqueued alone.
const MORE: usize = 10;

/// Everything once a run, each on a new file.
pub(super) async fn measure(args: EmbeddedArgs, runs: u16, figures: &mut Figures) -> anyhow::Result<()> {
    let scratch = Scratch::create("atelier-bench-", false)?;
    let reaper = Reaper::start(scratch.path(), false)?;
    let mut outcome = Ok(());
    for run in 0..runs {
        outcome = once(&scratch, run, args, figures).await;
        if outcome.is_err() {
            break;
        }
    }
    reaper.dismiss();
    outcome
}

async fn once(scratch: &Scratch, run: u16, args: EmbeddedArgs, figures: &mut Figures) -> anyhow::Result<()> {
    let file = |name: &str| scratch.path().join(format!("{name}-{run}.db"));

    let queue = testbed::embedded_queue(&file("enqueue")).await?;
    let ways = EnqueueArgs {
        jobs: args.jobs,
        callers: CALLERS,
        bulk: BULK,
        connections: testbed::CONNECTIONS,
        http: false,
        rows: RowsArgs::default(),
    };
    enqueue::every_way(&queue, ways, PREFIX, figures).await?;

    let queue = testbed::embedded_queue(&file("drain")).await?;
    drain(&queue, args, figures).await?;

    let queue = testbed::embedded_queue(&file("latency")).await?;
    let (sender, starts) = mpsc::unbounded_channel();
    let worker = InProcessWorker::start(&queue, kinds::stamp_registry(sender)?, latency::defaults());
    latency::latencies(&queue, starts, args.latency_jobs, PREFIX, figures).await?;
    worker.stop().await
}

async fn drain(queue: &Queue, args: EmbeddedArgs, figures: &mut Figures) -> anyhow::Result<()> {
    let jobs = args.jobs * MORE;
    enqueue::in_bulk(queue, jobs, BULK, &|_| kinds::job(QueueName::Generation, 0)).await?;
    let begun = Instant::now();
    let worker = InProcessWorker::start(queue, kinds::registry()?, kinds::concurrency(1, args.concurrency));
    while rows::is_busy(queue.db()).await? {
        ensure!(begun.elapsed() < LIMIT, "jobs are left after {} s", LIMIT.as_secs());
        time::sleep(LOOK_EVERY).await;
    }
    figures.record(format!("{PREFIX}drain"), "jobs/s", jobs as f64 / begun.elapsed().as_secs_f64());
    worker.stop().await?;
    ensure!(usize::try_from(rows::count_succeeded(queue.db()).await?)? == jobs, "not every job succeeded");
    Ok(())
}
