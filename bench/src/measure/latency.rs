//! Time from the commit of a job to the start of its handler, on an idle worker.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use anyhow::Context;
use atelier_queue::{
    NewJob, Queue, QueueName, Registry,
    worker::{self, WorkerOptions},
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{self, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::{
    cli::LatencyArgs,
    figures::{Figures, percentile},
    kinds::{self, Stamp, Started},
    testbed::{CONNECTIONS, Testbed},
};

/// Interval of jobs.
const INTERVAL: Duration = Duration::from_millis(5);

/// Jobs that do not count, which open connections and prepare statements.
const WARM_UP: usize = 50;

/// Longest wait for a job to start.
const LIMIT: Duration = Duration::from_secs(30);

/// Idle time before the worker's commands are counted.
const SETTLE: Duration = Duration::from_secs(1);

/// On PostgreSQL and Redis, once a run.
pub(super) async fn measure(
    testbed: &Testbed,
    args: LatencyArgs,
    runs: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    for _ in 0..runs {
        let database = testbed.create_run_database(CONNECTIONS).await?;
        let (sender, starts) = mpsc::unbounded_channel();
        let worker = InProcessWorker::start(&database.queue, kinds::stamp_registry(sender)?, defaults());
        latencies(&database.queue, starts, args.jobs, "", figures).await?;
        time::sleep(SETTLE).await;
        let idle = testbed.redis.count_commands(Duration::from_secs(args.idle_secs)).await?;
        figures.record("idle worker's Redis commands", "1/s", idle);
        worker.stop().await?;
        database.close().await?;
    }
    Ok(())
}

/// The product's default concurrency, over all six queues.
pub(super) fn defaults() -> BTreeMap<QueueName, usize> {
    QueueName::ALL.into_iter().zip([8, 8, 16, 2, 32, 2]).collect()
}

/// Enqueues one job each interval and records how soon their handlers were started.
pub(super) async fn latencies(
    queue: &Queue,
    mut starts: mpsc::UnboundedReceiver<Started>,
    jobs: usize,
    prefix: &str,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    for number in 0..WARM_UP {
        queue.enqueue(NewJob::of(&Stamp { number })).await?;
        next_start(&mut starts).await?;
    }
    let mut committed = Vec::with_capacity(jobs);
    let mut interval = time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in WARM_UP..WARM_UP + jobs {
        interval.tick().await;
        queue.enqueue(NewJob::of(&Stamp { number })).await?;
        committed.push((number, Instant::now()));
    }
    let mut started = HashMap::new();
    while started.len() < jobs {
        let (number, at) = next_start(&mut starts).await?;
        started.entry(number).or_insert(at);
    }
    let waited = committed.iter().filter_map(|(number, at)| {
        Some(started.get(number)?.saturating_duration_since(*at).as_secs_f64() * 1_000.0)
    });
    let mut waited: Vec<f64> = waited.collect();
    waited.sort_by(f64::total_cmp);
    for (name, share) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        figures.record(format!("{prefix}latency, {name}"), "ms", percentile(&waited, share));
    }
    Ok(())
}

async fn next_start(starts: &mut mpsc::UnboundedReceiver<Started>) -> anyhow::Result<Started> {
    let next = time::timeout(LIMIT, starts.recv()).await.context("a job was not started in time")?;
    next.context("the worker has ended")
}

/// A worker in this process.
pub(super) struct InProcessWorker {
    stop: CancellationToken,
    task: JoinHandle<Result<(), atelier_queue::QueueError>>,
}

impl InProcessWorker {
    /// Starts it.
    pub(super) fn start(queue: &Queue, registry: Registry, concurrency: BTreeMap<QueueName, usize>) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(worker::run(queue.clone(), registry, options(concurrency), stop.clone()));
        Self { stop, task }
    }

    /// Shuts it down.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.task.await??)
    }
}

/// Options of every worker of a measurement.
pub(super) fn options(concurrency: BTreeMap<QueueName, usize>) -> WorkerOptions {
    WorkerOptions {
        concurrency,
        grace: Duration::from_secs(1),
        host: "bench".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..WorkerOptions::default()
    }
}
