//! The apalis backend of a queue: its fetch answers jobs that are already claimed. apalis
//! runs them. It neither acknowledges nor retries: that is done in SQL.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use apalis_core::{
    backend::{
        Backend, BackendConfig,
        finalize::Ephemeral,
        persistence::{Persisted, Persistence, TaskEvent},
    },
    task::{Task, builder::TaskBuilder, task_id::TaskId},
    worker::context::WorkerContext,
};
use atelier_entities::{JobId, jobs};
use tokio::sync::{Mutex, OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;
use tower::layer::util::Identity;

use super::finisher::Finisher;

/// A claimed job before its handler runs. Dropping it frees the slot.
pub(super) struct ClaimedJob {
    pub(super) job: Arc<jobs::Model>,
    pub(super) stop: CancellationToken,
    _slot: OwnedSemaphorePermit,
}

impl ClaimedJob {
    pub(super) fn new(job: jobs::Model, stop: CancellationToken, slot: OwnedSemaphorePermit) -> Self {
        Self { job: Arc::new(job), stop, _slot: slot }
    }
}

impl fmt::Debug for ClaimedJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClaimedJob").field(&self.job.id).finish()
    }
}

/// The jobs of one claim, which are one task of apalis: a task costs about as much as a
/// short job.
pub(super) type Batch = Vec<ClaimedJob>;

/// apalis's own heartbeat is not used: leases are kept in SQL.
const APALIS_HEARTBEAT: Duration = Duration::from_secs(3600);

/// The receiving end of the claim loop.
#[derive(Clone)]
pub(super) struct ClaimReceiver {
    receiver: Arc<Mutex<mpsc::Receiver<Batch>>>,
    finisher: Finisher,
}

/// The error of a push through apalis. Receiving cannot fail.
#[derive(Debug, thiserror::Error)]
#[error("jobs are enqueued through SQL, not through apalis")]
pub(super) struct NoPush;

impl Persistence for ClaimReceiver {
    type Compact = Batch;
    type Response = ();
    type Error = NoPush;

    async fn register(&mut self, _worker: &WorkerContext) -> Result<(), NoPush> {
        Ok(())
    }

    async fn heartbeat(&mut self, _worker: &WorkerContext) -> Result<(), NoPush> {
        Ok(())
    }

    /// Waits for claimed jobs. Once the claim loop has stopped this waits forever, and the
    /// monitor stops the worker.
    async fn fetch_next(&mut self, _worker: &WorkerContext) -> Result<Vec<Task<Batch>>, NoPush> {
        let Some(batch) = self.receiver.lock().await.recv().await else {
            return std::future::pending().await;
        };
        Ok(vec![task(batch)])
    }

    /// Hands back jobs that a stopping worker did not start.
    async fn reenqueue_abandoned(
        &mut self,
        tasks: Vec<Task<Batch>>,
        _worker: &WorkerContext,
    ) -> Result<u64, NoPush> {
        let abandoned: Vec<_> = tasks.into_iter().flat_map(|task| task.args).collect();
        for claimed in &abandoned {
            self.finisher.hand_back(&claimed.job).await;
        }
        Ok(abandoned.len() as u64)
    }

    async fn handle_events(&mut self, _: Vec<TaskEvent<()>>, _: &WorkerContext) -> Result<(), NoPush> {
        Ok(())
    }

    async fn push_tasks(&mut self, _tasks: Vec<Task<Batch>>) -> Result<(), NoPush> {
        Err(NoPush)
    }
}

fn task(batch: Batch) -> Task<Batch> {
    let id = batch.first().map_or_else(JobId::new, |claimed| claimed.job.id);
    TaskBuilder::new(batch).task_id(TaskId::from_string(id.to_string())).build()
}

/// The backend of a queue's apalis worker. A restarted worker goes on with its jobs.
#[derive(Clone)]
pub(super) struct ClaimedBackend {
    persisted: Persisted<ClaimReceiver>,
    config: (),
}

impl ClaimedBackend {
    pub(super) fn new(receiver: mpsc::Receiver<Batch>, finisher: Finisher) -> Self {
        let jobs = ClaimReceiver { receiver: Arc::new(Mutex::new(receiver)), finisher };
        Self { persisted: Persisted::new(jobs), config: () }
    }
}

impl Backend for ClaimedBackend {
    type Task = Task<Batch>;
    type Error = NoPush;

    fn poll_ready(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), NoPush>> {
        self.persisted.poll_ready(cx, worker, APALIS_HEARTBEAT)
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, NoPush>>> {
        self.persisted.poll_next(cx, worker)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), NoPush>> {
        self.persisted.poll_close(cx, worker)
    }
}

impl BackendConfig for ClaimedBackend {
    type Args = Batch;
    type Id = JobId;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &self.config
    }

    fn middleware(&mut self, _worker: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
