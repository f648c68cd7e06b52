//! A worker process: claims jobs of its queues, runs them, writes their ends.
//!
//! For each queue a claim loop pops ids as slots become free, claims jobs in SQL by one
//! statement, and feeds an apalis worker, which runs the handlers. The finisher writes ends
//! in batches. Heartbeats extend the leases and bring cancellations.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use apalis_core::{
    monitor::Monitor,
    worker::{builder::WorkerBuilder, ext::parallelize::ParallelizeExt},
};
use atelier_entities::{WorkerId, workers};
use tokio::{sync::mpsc, task::JoinSet, time};
use tokio_util::sync::CancellationToken;

use crate::{
    Fault, Queue,
    error::{QueueError, TransportError},
    name::QueueName,
    registry::Registry,
};

mod backend;
mod claim_loop;
mod execute;
mod finisher;
mod heartbeat;
mod leased;

use backend::{Batch, ClaimedBackend};
use execute::Executor;
use finisher::Finisher;
use leased::LeasedJobs;

/// Settings of a worker process.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Jobs that run at the same time, by queue. Other queues are not served.
    pub concurrency: BTreeMap<QueueName, usize>,
    /// How long running jobs may go on once the process is told to stop. After that they
    /// are stopped and handed back, and their attempt does not count.
    pub grace: Duration,
    /// Name of the machine, for display.
    pub host: String,
    /// Version of the program, for display.
    pub version: String,
    /// Makes a job's span a child of its request's trace, given the W3C traceparent.
    pub adopt_trace: fn(&tracing::Span, &str),
}

impl Default for WorkerOptions {
    /// A worker without queues that adopts no traces.
    fn default() -> Self {
        Self {
            concurrency: BTreeMap::new(),
            grace: Duration::from_secs(20),
            host: String::new(),
            version: String::new(),
            adopt_trace: |_, _| {},
        }
    }
}

/// How long stopped handlers may take to return after the grace.
const STOP_BOUND: Duration = Duration::from_secs(2);

/// Runs a worker until `shutdown` fires and its jobs are finished or handed back. It waits
/// out errors of the database and the transport, and never ends because of one.
pub async fn run(
    queue: Queue,
    registry: Registry,
    options: WorkerOptions,
    shutdown: CancellationToken,
) -> Result<(), QueueError> {
    let worker = Worker::new(queue, registry, options);
    worker.run(shutdown).await
}

struct Worker {
    id: WorkerId,
    queue: Queue,
    options: WorkerOptions,
    leased: LeasedJobs,
    executor: Arc<Executor>,
    finisher: Finisher,
    row: workers::Model,
}

impl Worker {
    fn new(queue: Queue, registry: Registry, options: WorkerOptions) -> Self {
        let id = WorkerId::new();
        let leased = LeasedJobs::default();
        let finisher = Finisher::start(queue.clone(), leased.clone());
        let now = queue.now();
        let row = workers::Model {
            id,
            host: options.host.clone(),
            pid: i32::try_from(std::process::id()).unwrap_or(0),
            queues: options.concurrency.iter().map(|(queue, jobs)| (queue.to_string(), *jobs)).collect(),
            kinds: registry.all_names().collect(),
            version: options.version.clone(),
            draining: false,
            running: 0,
            started_at: now,
            heartbeat_at: now,
        };
        let executor = Arc::new(Executor {
            queue: queue.clone(),
            registry,
            leased: leased.clone(),
            finisher: finisher.clone(),
            adopt_trace: options.adopt_trace,
        });
        Self { id, queue, options, leased, executor, finisher, row }
    }

    async fn run(self, shutdown: CancellationToken) -> Result<(), QueueError> {
        tracing::info!(worker.id = %self.id, "worker starts");
        // Claim loops stop first, then the apalis workers, then the heartbeats.
        let stop_claiming = shutdown.child_token();
        let stop_beating = CancellationToken::new();
        // The worker is known to be alive before its first claim.
        heartbeat::beat_in_time(&self.queue, &self.row, &self.leased).await;
        let beats = tokio::spawn(heartbeat::run(
            self.queue.clone(),
            self.row.clone(),
            self.leased.clone(),
            shutdown.clone(),
            stop_beating.clone(),
        ));
        let mut loops = JoinSet::new();
        let mut monitor = Monitor::new();
        for (name, slots) in &self.options.concurrency {
            let (sender, receiver) = mpsc::channel((*slots).max(1));
            loops.spawn(self.claim_loop(*name, *slots, sender).run(stop_claiming.clone()));
            monitor = self.register(monitor, *name, ClaimedBackend::new(receiver, self.finisher.clone()));
        }
        let running = monitor.run_with_signal(async {
            while loops.join_next().await.is_some() {}
            self.drain().await;
            Ok(())
        });
        let ended = running.await;
        // The leases are extended until all ends are written.
        self.finisher.flush().await;
        stop_beating.cancel();
        if let Err(error) = beats.await {
            tracing::error!(%error, "heartbeats ended early");
        }
        tracing::info!(worker.id = %self.id, "worker stopped");
        ended.map_err(|error| TransportError::new(Fault::Refused, error.to_string()).into())
    }

    fn claim_loop(
        &self,
        name: QueueName,
        slots: usize,
        sender: mpsc::Sender<Batch>,
    ) -> claim_loop::ClaimLoop {
        claim_loop::ClaimLoop {
            queue: self.queue.clone(),
            name,
            worker: self.id,
            kinds: self.executor.registry.names(name),
            slots,
            leased: self.leased.clone(),
            sender,
        }
    }

    /// Adds the apalis worker of a queue. Should a panic or an error of apalis end it, it is
    /// started again under a new name.
    fn register(&self, monitor: Monitor, name: QueueName, backend: ClaimedBackend) -> Monitor {
        let executor = self.executor.clone();
        let id = self.id;
        monitor
            .register(move |restarts| {
                let executor = executor.clone();
                WorkerBuilder::new(format!("{name}-{id}-{restarts}"))
                    .backend(backend.clone())
                    .parallelize(tokio::spawn)
                    .build(move |batch: Batch| executor.clone().run_all(batch))
            })
            .should_restart(|worker, error| {
                tracing::error!(worker = worker.name(), %error, "apalis worker ended; starting it again");
                true
            })
    }

    /// Waits for running jobs within the grace, then stops them.
    async fn drain(&self) {
        let running = self.leased.count();
        if running > 0 {
            tracing::info!(running, grace_secs = self.options.grace.as_secs(), "draining");
        }
        if time::timeout(self.options.grace, self.leased.emptied()).await.is_ok() {
            return;
        }
        tracing::warn!(running = self.leased.count(), "grace is over; handing running jobs back");
        self.leased.drain_all();
        if time::timeout(STOP_BOUND, self.leased.emptied()).await.is_err() {
            tracing::error!(running = self.leased.count(), "jobs did not stop; their leases expire");
        }
    }
}
