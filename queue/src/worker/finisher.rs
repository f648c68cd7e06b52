//! Writes ends of attempts in batches: while one batch is being written, the next
//! one gathers. No handler's slot is free before its end is committed.

use std::time::Duration;

use atelier_entities::{JobId, JobState, jobs};
use futures::future::join_all;
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    time::{self, Instant},
};

use super::execute::queue_of;
use crate::{
    Queue,
    error::QueueError,
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
const BATCH: usize = 200;

/// Batches written at the same time.
const WRITERS: usize = 2;

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
    sender: mpsc::Sender<Request>,
}

struct Request {
    finish: Finish,
    queue: QueueName,
    held: oneshot::Sender<bool>,
}

impl Finisher {
    /// Starts the writers; they end when the last handle is dropped.
    pub(super) fn start(queue: Queue) -> Self {
        let (sender, receiver) = mpsc::channel(BATCH * WRITERS);
        let receiver = std::sync::Arc::new(Mutex::new(receiver));
        for _ in 0..WRITERS {
            tokio::spawn(write(queue.clone(), receiver.clone()));
        }
        Self { queue, sender }
    }

    /// Writes the end of an attempt and tells whoever watches. Answers whether the
    /// fence still held.
    pub(super) async fn finish(&self, finish: Finish, job: &jobs::Model) -> bool {
        if self.queue.effects().has(&job.kind) {
            return self.finish_with_effect(&finish, job).await;
        }
        let (held, answer) = oneshot::channel();
        let request = Request { finish, queue: queue_of(job), held };
        if self.sender.send(request).await.is_err() {
            return false;
        }
        answer.await.unwrap_or(false)
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
            attempt: job.attempt,
            worker: job.worker_id,
            started_at: job.started_at,
            rank: job.rank,
            settlement: settle(Ending::Drained, &standing),
        };
        self.finish(finish, job).await;
    }

    /// Returns once everything sent before is written.
    pub(super) async fn flush(&self) {
        while self.sender.capacity() < self.sender.max_capacity() {
            time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn finish_with_effect(&self, finish: &Finish, job: &jobs::Model) -> bool {
        let begun = Instant::now();
        let mut failures = 0;
        loop {
            match bounded(finish::with_effect(&self.queue, finish, job)).await {
                Ok(held) => {
                    if held {
                        self.queue.announce(again(finish, queue_of(job)), vec![job.id]).await;
                    }
                    return held;
                }
                Err(error) if begun.elapsed() < GIVE_UP => wait_out(&error, &mut failures).await,
                Err(error) => {
                    tracing::error!(job.id = %job.id, %error, "end of attempt not written");
                    return false;
                }
            }
        }
    }
}

async fn write(queue: Queue, receiver: std::sync::Arc<Mutex<mpsc::Receiver<Request>>>) {
    loop {
        let mut requests = Vec::new();
        if receiver.lock().await.recv_many(&mut requests, BATCH).await == 0 {
            return;
        }
        let finishes: Vec<Finish> = requests.iter().map(|request| request.finish.clone()).collect();
        let held = write_batch(&queue, &finishes).await;
        let mut dispatches = Vec::new();
        for request in requests {
            let held = held.contains(&request.finish.key());
            if held {
                dispatches.extend(again(&request.finish, request.queue));
            }
            // A handler that went away no longer wants to know.
            let _ = request.held.send(held);
        }
        queue.announce(dispatches, held.into_iter().map(|(id, _)| id).collect()).await;
    }
}

async fn write_batch(queue: &Queue, finishes: &[Finish]) -> HeldFences {
    let begun = Instant::now();
    let mut failures = 0;
    loop {
        match bounded(finish::batch(queue, finishes)).await {
            Ok(held) => return held,
            // One end that cannot be written must not hold up the others.
            Err(error) if finishes.len() > 1 && refused(&error) => {
                tracing::warn!(%error, jobs = finishes.len(), "a batch of ends was refused; writing each alone");
                let alone = finishes.chunks(1).map(|one| Box::pin(write_batch(queue, one)));
                return join_all(alone).await.into_iter().flatten().collect();
            }
            Err(error) if begun.elapsed() < GIVE_UP => wait_out(&error, &mut failures).await,
            Err(error) => {
                tracing::error!(jobs = finishes.len(), %error, "ends of attempts not written");
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
fn again(finish: &Finish, queue: QueueName) -> Vec<(QueueName, JobId)> {
    match finish.settlement.state {
        JobState::Available => vec![(queue, finish.id)],
        _ => Vec::new(),
    }
}
