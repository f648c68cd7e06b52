//! Workers as a test wants them.

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
    bed::{Bed, PATIENCE},
    stage::{Scripted, Stage, WithEffect},
};

/// A job of another queue; its handler crashes.
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
        panic!("this kind always crashes")
    }
}

/// The handlers of a stage, and one that crashes.
pub(in crate::queue) fn registry(stage: &Stage) -> Registry {
    let mut registry = Registry::default();
    registry.register::<Scripted>(stage.clone()).expect("one handler");
    registry.register::<WithEffect>(stage.clone()).expect("one handler");
    registry.register::<Crashing>(Crash).expect("one handler");
    registry
}

/// A worker that runs until it is dropped or stopped.
pub(in crate::queue) struct Hand {
    shutdown: CancellationToken,
    ended: JoinHandle<Result<(), QueueError>>,
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Starts a worker of four slots in each of these queues.
pub(in crate::queue) fn hire(
    queue: &Queue,
    registry: Registry,
    queues: &[QueueName],
    grace: Duration,
) -> Hand {
    let shutdown = CancellationToken::new();
    let options = WorkerOptions {
        concurrency: queues.iter().map(|name| (*name, 4)).collect::<BTreeMap<_, _>>(),
        grace,
        ..WorkerOptions::default()
    };
    let ended = tokio::spawn(worker::run(queue.clone(), registry, options, shutdown.clone()));
    Hand { shutdown, ended }
}

impl Hand {
    /// Tells it to stop, and answers how long that took.
    pub(in crate::queue) async fn stop(mut self) -> Duration {
        let told = Instant::now();
        self.shutdown.cancel();
        let ended = time::timeout(PATIENCE, &mut self.ended).await.expect("the worker stops in time");
        ended.expect("the worker does not panic").expect("the worker ends well");
        told.elapsed()
    }
}

/// Lets jobs of that name wait until the gate gives them a permit.
pub(in crate::queue) fn gate(stage: &Stage, name: &str) -> Arc<Semaphore> {
    let gate = Arc::new(Semaphore::new(0));
    let entry = gate.clone();
    stage.on(name, move |_| {
        let entry = entry.clone();
        async move {
            entry.acquire().await.expect("an open gate").forget();
            Ok(Outcome::done())
        }
    });
    gate
}

/// Returns once that job's handler has begun.
pub(in crate::queue) async fn begun(bed: &Bed, id: JobId) {
    bed.until("its handler has begun", async || (bed.stage.starts(id) > 0).then_some(())).await;
}
