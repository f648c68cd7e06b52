//! Jobs enqueued in a second. Each is acknowledged after its commit.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use atelier_queue::{Queue, QueueName};
use tokio::task::JoinSet;

use super::{cli::EnqueueArgs, figures::Figures, kinds, rows, testbed::Testbed};

const UNIT: &str = "jobs/s";

/// Callers' and bulk jobs for each one enqueued alone.
const MORE: usize = 10;

/// Every way to enqueue, on PostgreSQL and Redis, once a run; figures' names begin with
/// `prefix`.
pub(super) async fn measure(
    testbed: &Testbed,
    args: EnqueueArgs,
    prefix: &str,
    runs: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    for _ in 0..runs {
        let database = testbed.create_run_database_with(args.connections, args.rows).await?;
        rows::settle(database.queue.db()).await?;
        every_way(&database.queue, args, prefix, figures).await?;
        database.close().await?;
    }
    Ok(())
}

/// Every way to enqueue on that queue; figures' names begin with `prefix`.
pub(super) async fn every_way(
    queue: &Queue,
    args: EnqueueArgs,
    prefix: &str,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let (many, callers, bulk) = (args.jobs * MORE, args.callers.max(1), args.bulk.max(1));
    let alone = one_at_a_time(queue, args.jobs).await?;
    figures.record(format!("{prefix}enqueue, one at a time"), UNIT, alone);
    let together = concurrently(queue, many, callers).await?;
    figures.record(format!("{prefix}enqueue, {callers} callers"), UNIT, together);
    let at_once = in_bulk(queue, many, bulk, &|_| kinds::job(QueueName::Generation, 0)).await?;
    figures.record(format!("{prefix}enqueue, bulk of {bulk}"), UNIT, at_once);
    Ok(())
}

/// Jobs of one caller in a second, each committed before the next.
pub(super) async fn one_at_a_time(queue: &Queue, jobs: usize) -> anyhow::Result<f64> {
    let begun = Instant::now();
    for _ in 0..jobs {
        queue.enqueue(kinds::job(QueueName::Generation, 0)).await?;
    }
    Ok(jobs as f64 / begun.elapsed().as_secs_f64())
}

async fn concurrently(queue: &Queue, jobs: usize, callers: usize) -> anyhow::Result<f64> {
    let (taken, begun) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let (queue, taken) = (queue.clone(), taken.clone());
        tasks.spawn(async move {
            while taken.fetch_add(1, Ordering::Relaxed) < jobs {
                queue.enqueue(kinds::job(QueueName::Generation, 0)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(jobs as f64 / begun.elapsed().as_secs_f64())
}

/// Enqueues `jobs` jobs, `bulk` in a transaction, and returns how many in a second.
pub(super) async fn in_bulk(
    queue: &Queue,
    jobs: usize,
    bulk: usize,
    make: &(dyn Fn(usize) -> atelier_queue::NewJob + Sync),
) -> anyhow::Result<f64> {
    let begun = Instant::now();
    for first in (0..jobs).step_by(bulk) {
        let tx = queue.begin().await?;
        tx.enqueue_all((first..jobs.min(first + bulk)).map(make).collect()).await?;
        tx.commit().await?;
    }
    Ok(jobs as f64 / begun.elapsed().as_secs_f64())
}
