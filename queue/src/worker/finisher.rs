//! Writes ends of attempts in batches: while one batch is being written, the next
//! one gathers. A slot is free once its handler has returned, so that the next jobs
//! are claimed while ends are written; where those pile up, slots wait for them.

use std::time::Duration;

use atelier_entities::{JobId, JobState, jobs};
use futures::future::join_all;
use tokio::{
    sync::{Mutex, mpsc},
    task,
    time::{self, Instant},
};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use super::{execute::queue_of, held::HeldJobs};
use crate::{
    Queue,
    error::QueueError,
    metrics,
    name::QueueName,
    outcome::{Ending, Standing, settle},
    retry::Backoff,
    store::{
        bounded,
        finish::{self, Finish, HeldFences},
        refused,
    },
};

/// Ends of one statement.
const BATCH: usize = 500;

/// Batches written at the same time.
const WRITERS: usize = 2;

/// A batch that takes longer does not keep the next one waiting.
const HANGS: Duration = Duration::from_millis(50);

/// Waits between attempts to write, by failures in a row.
const RETRY_WAITS: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// How long the end of an attempt is tried to be written; then its lease has long
/// run out and somebody else has the job.
const GIVE_UP: Duration = Duration::from_secs(60);

/// The way to the batch writers. Cheap to clone.
#[derive(Clone)]
pub(super) struct Finisher {
    queue: Queue,
    held: HeldJobs,
    sender: mpsc::Sender<Request>,
    unwritten: TaskTracker,
}

struct Request {
    finish: Finish,
    queue: QueueName,
    ran: Option<Ran>,
    _unwritten: TaskTrackerToken,
}

/// What an attempt that ran is counted as.
#[derive(Clone, Copy)]
pub(super) struct Ran {
    pub(super) kind: &'static str,
    pub(super) took: Duration,
}

impl Finisher {
    /// Starts the writers; they end when the last handle is dropped.
    pub(super) fn start(queue: Queue, held: HeldJobs) -> Self {
        let (sender, receiver) = mpsc::channel(BATCH * WRITERS);
        let receiver = std::sync::Arc::new(Mutex::new(receiver));
        for _ in 0..WRITERS {
            tokio::spawn(write(queue.clone(), held.clone(), receiver.clone()));
        }
        Self { queue, held, sender, unwritten: TaskTracker::new() }
    }

    /// Sees to it that the end of an attempt is written, that whoever watches is told,
    /// and that the job is no longer held. Returns once it waits for the next batch;
    /// where an effect may follow it, once it is written.
    pub(super) async fn finish(&self, finish: Finish, job: &jobs::Model, ran: Option<Ran>) {
        let request = Request { finish, queue: queue_of(job), ran, _unwritten: self.unwritten.token() };
        if self.queue.effects().may_follow(&job.kind, request.finish.settlement.state) {
            // Boxed: it is many times as large as what most ends need.
            let kept = Box::pin(self.finish_with_effect(&request.finish, job)).await;
            return close(&self.held, &[request], |_| kept);
        }
        if self.sender.send(request).await.is_err() {
            tracing::error!(job.id = %job.id, "nobody writes ends of attempts");
        }
    }

    /// Hands a claimed job back as if it had never been claimed.
    pub(super) async fn hand_back(&self, job: &jobs::Model) {
        let standing = Standing {
            created_at: job.created_at,
            attempt: u16::try_from(job.attempt).unwrap_or(u16::MAX),
            max_attempts: u16::MAX,
            backoff: Backoff::Fixed(Duration::ZERO),
            random: 0.5,
            now: self.queue.now(),
        };
        let finish = Finish {
            id: job.id,
            fence: job.fence,
            place: job.place.clone(),
            attempt: job.attempt,
            worker: job.worker_id,
            started_at: job.started_at,
            rank: job.rank,
            settlement: settle(Ending::Drained, &standing),
        };
        self.finish(finish, job, None).await;
    }

    /// Returns once every end that was begun to be written is written, whether it waits
    /// for a batch, is in one, or has an effect; or is given up.
    pub(super) async fn flush(&self) {
        self.unwritten.close();
        self.unwritten.wait().await;
    }

    async fn finish_with_effect(&self, finish: &Finish, job: &jobs::Model) -> bool {
        let begun = Instant::now();
        let mut failures = 0;
        loop {
            match bounded(finish::with_effect(&self.queue, finish, job)).await {
                Ok(held) => {
                    if held {
                        self.queue.announce(again_of(finish, queue_of(job)), vec![job.id]).await;
                    }
                    return held;
                }
                Err(error) if begun.elapsed() < GIVE_UP => wait_out(&error, &mut failures).await,
                Err(error) => {
                    tracing::error!(job.id = %job.id, %error, "end of attempt not written");
                    self.held.abandon([finish.key()]);
                    return false;
                }
            }
        }
    }
}

/// These ends are written, or will never be: `kept` says whose fence still held.
fn close(held: &HeldJobs, requests: &[Request], kept: impl Fn(&Finish) -> bool) {
    held.remove(requests.iter().map(|request| request.finish.key()));
    for of_a_queue in requests.chunk_by(|one, next| one.queue == next.queue) {
        let ran = of_a_queue.iter().filter_map(|Request { finish, ran, .. }| {
            let outcome = if kept(finish) { finish.settlement.state.as_str() } else { "lost" };
            ran.map(|Ran { kind, took }| (kind, outcome, took))
        });
        metrics::finished(of_a_queue[0].queue, ran);
        metrics::released(of_a_queue[0].queue, of_a_queue.len());
    }
}

async fn write(queue: Queue, held: HeldJobs, receiver: std::sync::Arc<Mutex<mpsc::Receiver<Request>>>) {
    loop {
        let mut requests = Vec::with_capacity(BATCH);
        let mut receiver = receiver.lock().await;
        if receiver.recv_many(&mut requests, BATCH).await == 0 {
            return;
        }
        gather(&mut receiver, &mut requests).await;
        let writing = write_all(&queue, &held, requests);
        tokio::pin!(writing);
        // Until then the next batch gathers; what hangs must not hold up the rest.
        if time::timeout(HANGS, &mut writing).await.is_err() {
            drop(receiver);
            writing.await;
        }
    }
}

/// Adds what ends at the same moment: jobs that were claimed together often end
/// together, and one commit serves them all.
async fn gather(receiver: &mut mpsc::Receiver<Request>, requests: &mut Vec<Request>) {
    task::yield_now().await;
    while requests.len() < BATCH {
        let Ok(request) = receiver.try_recv() else { return };
        requests.push(request);
    }
}

async fn write_all(queue: &Queue, held: &HeldJobs, requests: Vec<Request>) {
    // Each kind of end is retried without the other.
    let (successes, others): (Vec<_>, Vec<_>) =
        requests.iter().map(|request| &request.finish).partition(|finish| finish.is_plain());
    let mut kept = write_batch(queue, held, &successes).await;
    kept.extend(write_batch(queue, held, &others).await);
    close(held, &requests, |finish| kept.contains(&finish.key()));
    let again = requests.iter().filter(|request| kept.contains(&request.finish.key()));
    let again = again.flat_map(|request| again_of(&request.finish, request.queue)).collect();
    queue.announce(again, kept.into_iter().map(|(id, _)| id).collect()).await;
}

async fn write_batch(queue: &Queue, held: &HeldJobs, finishes: &[&Finish]) -> HeldFences {
    let begun = Instant::now();
    let mut failures = 0;
    loop {
        match bounded(finish::batch(queue, finishes)).await {
            Ok(kept) => return kept,
            // One end that cannot be written must not hold up the others.
            Err(error) if finishes.len() > 1 && refused(&error) => {
                tracing::warn!(%error, jobs = finishes.len(), "a batch of ends was refused; writing each alone");
                let alone = finishes.chunks(1).map(|one| Box::pin(write_batch(queue, held, one)));
                return join_all(alone).await.into_iter().flatten().collect();
            }
            Err(error) if begun.elapsed() < GIVE_UP => wait_out(&error, &mut failures).await,
            Err(error) => {
                tracing::error!(jobs = finishes.len(), %error, "ends of attempts not written");
                held.abandon(finishes.iter().map(|finish| finish.key()));
                return HeldFences::new();
            }
        }
    }
}

async fn wait_out(error: &QueueError, failures: &mut usize) {
    if *failures == 0 {
        tracing::warn!(%error, "cannot write ends of attempts now; trying again");
    }
    time::sleep(RETRY_WAITS[(*failures).min(RETRY_WAITS.len() - 1)]).await;
    *failures += 1;
}

/// What is available again at once.
fn again_of(finish: &Finish, queue: QueueName) -> Vec<(QueueName, JobId)> {
    match finish.settlement.state {
        JobState::Available => vec![(queue, finish.id)],
        _ => Vec::new(),
    }
}
