//! Workers with options, and a handler that panics.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use atelier_entities::JobId;
use atelier_queue::{
    Handler, Job, JobContext, JobError, Outcome, Policy, Queue, QueueError, QueueName, Registry,
    worker::{self, WorkerOptions},
};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::Semaphore,
    task::JoinHandle,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

use crate::queue::{
    fixture::{Fixture, TIME_LIMIT},
    scripted::{Scripted, ScriptedHandlers, WithEffect},
};

/// A job of another queue whose handler panics.
#[derive(Serialize, Deserialize)]
pub(in crate::queue) struct Crashing {}

impl Job for Crashing {
    const KIND: &'static str = "test.crashing";
    const QUEUE: QueueName = QueueName::Email;

    fn policy() -> Policy {
        Scripted::policy()
    }
}

struct Crash;

#[async_trait]
impl Handler<Crashing> for Crash {
    async fn run(&self, _: &JobContext, _: Crashing) -> Result<Outcome, JobError> {
        panic!("this kind always panics")
    }
}

/// The scripted handlers, and one that panics.
pub(in crate::queue) fn registry(handlers: &ScriptedHandlers) -> Registry {
    let mut registry = Registry::default();
    registry.register::<Scripted>(handlers.clone()).expect("one handler");
    registry.register::<WithEffect>(handlers.clone()).expect("one handler");
    registry.register::<Crashing>(Crash).expect("one handler");
    registry
}

/// A worker that runs until it is dropped or stopped.
pub(in crate::queue) struct RunningWorker {
    shutdown: CancellationToken,
    ended: JoinHandle<Result<(), QueueError>>,
}

impl Drop for RunningWorker {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Starts a worker with four slots in each of these queues.
pub(in crate::queue) fn start_worker(
    queue: &Queue,
    registry: Registry,
    queues: &[QueueName],
    grace: Duration,
) -> RunningWorker {
    let shutdown = CancellationToken::new();
    let options = WorkerOptions {
        concurrency: queues.iter().map(|name| (*name, 4)).collect::<BTreeMap<_, _>>(),
        grace,
        ..WorkerOptions::default()
    };
    let ended = tokio::spawn(worker::run(queue.clone(), registry, options, shutdown.clone()));
    RunningWorker { shutdown, ended }
}

impl RunningWorker {
    /// Stops the worker and returns how long that took.
    pub(in crate::queue) async fn stop(mut self) -> Duration {
        let started = Instant::now();
        self.shutdown.cancel();
        let ended = time::timeout(TIME_LIMIT, &mut self.ended).await.expect("the worker stops in time");
        ended.expect("the worker does not panic").expect("the worker ends without an error");
        started.elapsed()
    }
}

/// Makes jobs with this name wait for a permit of the returned gate.
pub(in crate::queue) fn gate(handlers: &ScriptedHandlers, name: &str) -> Arc<Semaphore> {
    let gate = Arc::new(Semaphore::new(0));
    let entry = gate.clone();
    handlers.on(name, move |_| {
        let entry = entry.clone();
        async move {
            entry.acquire().await.expect("an open gate").forget();
            Ok(Outcome::done())
        }
    });
    gate
}

/// Waits until the job's handler has begun.
pub(in crate::queue) async fn begun(fixture: &Fixture, id: JobId) {
    fixture.until("its handler has begun", async || (fixture.handlers.starts(id) > 0).then_some(())).await;
}
