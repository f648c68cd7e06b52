//! The finisher: writes ends of attempts in batches. While one batch is written, the next one
//! gathers. A slot is free once its handler has returned, so that the next jobs are claimed
//! while ends are written; where ends pile up, slots wait for them. Ends that may have an
//! effect go by writers of their queue: an effect that fails or waits holds up no other queue.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use atelier_entities::{JobId, JobState, jobs};
use futures::future::join_all;
use tokio::{
    sync::{Mutex, mpsc},
    task,
    time::{self, Instant},
};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use super::leased::LeasedJobs;
use crate::{
    Queue,
    error::QueueError,
    finish::{self, Finish, WrittenEnds},
    metrics,
    name::QueueName,
    queue::Affecting,
    store::{bounded, fails_alone},
};

/// Ends of one statement.
const BATCH: usize = 500;

/// Batches written at the same time.
const WRITERS: usize = 2;

/// Ends of one transaction that may have effects: few, since these lock what they change.
const EFFECT_BATCH: usize = 50;

/// Batches with effects written at the same time, for each queue. More than of the others,
/// since effects may wait for what they lock.
const EFFECT_WRITERS: usize = 4;

/// How long a batch blocks the next one.
const BLOCKS_FOR: Duration = Duration::from_millis(50);

/// Waits between attempts to write, by consecutive failures.
const RETRY_WAITS: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// How long writing an end is tried. By then the lease has expired and another worker may
/// have the job.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

/// A handle of the batch writers. Cheap to clone.
#[derive(Clone)]
pub(super) struct Finisher {
    queue: Queue,
    without_effects: mpsc::Sender<Request>,
    /// By queue, in the order of [`QueueName::ALL`]. Their writers start with the first end.
    with_effects: Arc<[OnceLock<mpsc::Sender<Request>>]>,
    leased: LeasedJobs,
    unwritten: TaskTracker,
}

struct Request {
    finish: Finish,
    queue: QueueName,
    run: Option<AttemptRun>,
    /// The job, if its end may have an effect.
    affecting: Option<Affecting>,
    _unwritten: TaskTrackerToken,
}

/// The run of an attempt, as metrics count it.
#[derive(Clone, Copy)]
pub(super) struct AttemptRun {
    pub(super) kind: &'static str,
    pub(super) took: Duration,
}

impl Finisher {
    /// Starts the writers. They end when the last handle is dropped.
    pub(super) fn start(queue: Queue, leased: LeasedJobs) -> Self {
        let without_effects = start_writers(&queue, &leased, BATCH, WRITERS);
        let with_effects = QueueName::ALL.iter().map(|_| OnceLock::new()).collect();
        Self { queue, without_effects, with_effects, leased, unwritten: TaskTracker::new() }
    }

    /// Has the end of an attempt written, its watchers told and its job removed from the
    /// leased ones. Returns once the end waits for the next batch.
    pub(super) async fn finish(&self, finish: Finish, job: &jobs::Model, run: Option<AttemptRun>) {
        let affecting = self.queue.effects().affecting(job, finish.settlement.state);
        let queue = queue_of(job);
        let sender = match affecting {
            Some(_) => self.with_effects_of(queue),
            None => &self.without_effects,
        };
        let request = Request { finish, queue, run, affecting, _unwritten: self.unwritten.token() };
        if sender.send(request).await.is_err() {
            tracing::error!(job.id = %job.id, "the writers of ends are gone");
        }
    }

    /// The writers of a queue, which start with its first end.
    fn with_effects_of(&self, queue: QueueName) -> &mpsc::Sender<Request> {
        let place = QueueName::ALL.iter().position(|known| *known == queue).unwrap_or_default();
        self.with_effects[place]
            .get_or_init(|| start_writers(&self.queue, &self.leased, EFFECT_BATCH, EFFECT_WRITERS))
    }

    /// Hands a claimed job back as if it had never been claimed.
    pub(super) async fn hand_back(&self, job: &jobs::Model) {
        self.finish(Finish::handing_back(job, self.queue.now()), job, None).await;
    }

    /// Returns once every end is written or given up.
    pub(super) async fn flush(&self) {
        self.unwritten.close();
        self.unwritten.wait().await;
    }
}

fn start_writers(queue: &Queue, leased: &LeasedJobs, batch: usize, count: usize) -> mpsc::Sender<Request> {
    let (sender, receiver) = mpsc::channel(batch * count);
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..count {
        tokio::spawn(write(queue.clone(), leased.clone(), receiver.clone(), batch));
    }
    sender
}

/// Removes attempts whose ends were written or given up, and counts them. `is_written` says
/// which.
fn close(leased: &LeasedJobs, requests: &[Request], is_written: impl Fn(&Finish) -> bool) {
    leased.remove(requests.iter().map(|request| request.finish.key()));
    for of_a_queue in requests.chunk_by(|one, next| one.queue == next.queue) {
        let ended = of_a_queue.iter().filter_map(|Request { finish, run, .. }| {
            let outcome = if is_written(finish) { finish.settlement.state.as_str() } else { "lost" };
            run.map(|AttemptRun { kind, took }| (kind, outcome, took))
        });
        metrics::finished(of_a_queue[0].queue, ended);
        metrics::released(of_a_queue[0].queue, of_a_queue.len());
    }
}

async fn write(
    queue: Queue,
    leased: LeasedJobs,
    receiver: Arc<Mutex<mpsc::Receiver<Request>>>,
    batch: usize,
) {
    loop {
        let mut requests = Vec::with_capacity(batch);
        let mut receiver = receiver.lock().await;
        if receiver.recv_many(&mut requests, batch).await == 0 {
            return;
        }
        gather(&mut receiver, &mut requests, batch).await;
        let writing = write_all(&queue, &leased, requests);
        tokio::pin!(writing);
        // Until then the next batch gathers. A batch that hangs must not block the rest.
        if time::timeout(BLOCKS_FOR, &mut writing).await.is_err() {
            drop(receiver);
            writing.await;
        }
    }
}

/// Adds ends of the same moment: jobs that were claimed together often end together, and
/// share a commit.
async fn gather(receiver: &mut mpsc::Receiver<Request>, requests: &mut Vec<Request>, batch: usize) {
    task::yield_now().await;
    while requests.len() < batch {
        let Ok(request) = receiver.try_recv() else { return };
        requests.push(request);
    }
}

async fn write_all(queue: &Queue, leased: &LeasedJobs, requests: Vec<Request>) {
    // Successes and other ends are retried independently.
    let (successes, others): (Vec<_>, Vec<_>) =
        requests.iter().partition(|request| request.affecting.is_none() && request.finish.is_plain());
    let mut written = write_batch(queue, leased, &successes).await;
    written.extend(write_batch(queue, leased, &others).await);
    close(leased, &requests, |finish| written.contains(&finish.key()));
    let available = requests.iter().filter(|request| written.contains(&request.finish.key()));
    let available = available.flat_map(|request| available_again(&request.finish, request.queue)).collect();
    queue.announce(available, written.into_iter().map(|(id, _)| id).collect()).await;
}

/// Writes ends that all may have an effect, or of which none has.
async fn write_batch(queue: &Queue, leased: &LeasedJobs, requests: &[&Request]) -> WrittenEnds {
    let begun = Instant::now();
    let mut failures = 0;
    loop {
        match bounded(write_once(queue, requests)).await {
            Ok(written) => return written,
            // An end that the database refuses, or whose effect fails, must not block the others.
            Err(error) if requests.len() > 1 && fails_alone(&error) => {
                tracing::warn!(%error, jobs = requests.len(), "a batch of ends was refused; writing each alone");
                let alone = requests.chunks(1).map(|one| Box::pin(write_batch(queue, leased, one)));
                return join_all(alone).await.into_iter().flatten().collect();
            }
            Err(error) if begun.elapsed() < GIVE_UP_AFTER => wait_out(&error, &mut failures).await,
            Err(error) => {
                tracing::error!(jobs = requests.len(), %error, "ends of attempts not written");
                leased.abandon(requests.iter().map(|request| request.finish.key()));
                return WrittenEnds::new();
            }
        }
    }
}

async fn write_once(queue: &Queue, requests: &[&Request]) -> Result<WrittenEnds, QueueError> {
    if requests.iter().any(|request| request.affecting.is_some()) {
        let with_effects: Vec<_> =
            requests.iter().map(|request| (&request.finish, request.affecting.as_ref())).collect();
        // Boxed, since its future is large and most ends do not need it.
        return Box::pin(finish::write_with_effects(queue, &with_effects)).await;
    }
    let finishes: Vec<_> = requests.iter().map(|request| &request.finish).collect();
    finish::write_batch(queue, &finishes).await
}

async fn wait_out(error: &QueueError, failures: &mut usize) {
    if *failures == 0 {
        tracing::warn!(%error, "cannot write ends of attempts now; trying again");
    }
    time::sleep(RETRY_WAITS[(*failures).min(RETRY_WAITS.len() - 1)]).await;
    *failures += 1;
}

/// The job, where it is available again at once.
fn available_again(finish: &Finish, queue: QueueName) -> Vec<(QueueName, JobId)> {
    match finish.settlement.state {
        JobState::Available => vec![(queue, finish.id)],
        _ => Vec::new(),
    }
}

/// The queue of a claimed job. Jobs of queues that this build does not know are never claimed.
fn queue_of(job: &jobs::Model) -> QueueName {
    QueueName::parse(&job.queue).unwrap_or(QueueName::Maintenance)
}
