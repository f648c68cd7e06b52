//! One attempt, from claim to end, readable top to bottom: run under the limits,
//! catch what can be caught, decide, write, tell.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use atelier_entities::{JobState, jobs};
use futures::{FutureExt, poll};
use serde_json::Value;
use tokio::{task::JoinSet, time};
use tracing::Instrument;

use super::{
    backend::{Batch, Claimed},
    finisher::{Finisher, Ran},
    held::{HeldJobs, StopReason},
};
use crate::{
    Queue,
    context::JobContext,
    job::{Lane, time_limit},
    metrics,
    name::QueueName,
    outcome::{Ending, JobError, Outcome, Settlement, Standing, settle},
    rank,
    registry::{ErasedHandler, Registry},
    retry::Backoff,
    store::finish::Finish,
};

/// How long a handler may take to return once it is told to stop; then it is dropped
/// where it stands.
const STOP_GRACE: Duration = Duration::from_millis(500);

/// How long the attempts of a batch are begun in one task.
const TOGETHER: Duration = Duration::from_millis(1);

/// Attempts after which that task lets others have their turn: tokio takes what has
/// done that much for busy, and makes it wait.
const YIELD_EVERY: usize = 32;

/// Runs attempts.
pub(super) struct Executor {
    pub(super) queue: Queue,
    pub(super) registry: Registry,
    pub(super) held: HeldJobs,
    pub(super) finisher: Finisher,
    pub(super) adopt_trace: fn(&tracing::Span, &str),
}

impl Executor {
    /// Runs attempts beside each other, to the end of the last of them. What returns at
    /// once is done here, without a task of its own; once that has taken a while, the
    /// rest is spread over all cores.
    pub(super) async fn run_all(self: Arc<Self>, batch: Batch) {
        let begun = Instant::now();
        let mut running = JoinSet::new();
        for (number, claimed) in batch.into_iter().enumerate() {
            let executor = self.clone();
            let mut attempt = Box::pin(async move { executor.run_caught(claimed).await });
            let is_done = begun.elapsed() < TOGETHER && poll!(&mut attempt).is_ready();
            if !is_done {
                running.spawn(attempt);
            }
            if number % YIELD_EVERY == YIELD_EVERY - 1 {
                tokio::task::yield_now().await;
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// A panic past the handler's takes no other attempt of the batch with it.
    async fn run_caught(&self, claimed: Claimed) {
        let key = (claimed.job.id, claimed.job.fence);
        if let Err(panic) = AssertUnwindSafe(self.run(claimed)).catch_unwind().await {
            let error = panic_message(&*panic);
            tracing::error!(%error, "an attempt ended out of order; it will be taken back");
            self.held.abandon([key]);
        }
    }

    /// Runs an attempt to its end. apalis is told of success in any case: what went
    /// wrong stands in the row.
    async fn run(&self, claimed: Claimed) {
        let job = &claimed.job;
        let span = tracing::info_span!(
            "job",
            job.id = %job.id,
            job.kind = %job.kind,
            job.attempt = job.attempt,
            queue = %job.queue,
            request_id = job.request_id.as_deref(),
        );
        if let Some(trace_parent) = &job.trace_parent {
            (self.adopt_trace)(&span, trace_parent);
        }
        self.attempt(&claimed).instrument(span).await;
    }

    async fn attempt(&self, claimed: &Claimed) {
        let job = &claimed.job;
        let Some((info, handler)) = self.registry.get(&job.kind) else {
            // Only known kinds are claimed.
            return Box::pin(self.finisher.hand_back(job)).await;
        };
        let started = Instant::now();
        let ending = self.ending(claimed, handler).await;
        let Some(ending) = ending else {
            tracing::warn!("lease lost; another worker has the job");
            metrics::finished(info.queue, [(info.kind, "lost", started.elapsed())]);
            metrics::released(info.queue, 1);
            return self.held.remove([(job.id, job.fence)]);
        };
        let finish = finish_of(&self.queue, job, ending, info.policy.backoff, rand::random());
        report(&finish.settlement);
        self.finisher.finish(finish, job, Some(Ran { kind: info.kind, took: started.elapsed() })).await;
    }

    /// How the attempt ended; none when its lease was lost, so that nothing of it
    /// counts.
    async fn ending(&self, claimed: &Claimed, handler: &Arc<dyn ErasedHandler>) -> Option<Ending> {
        let job = &claimed.job;
        let limit = time_limit(job);
        let ctx = JobContext::new(self.queue.clone(), job.clone(), claimed.stop.clone());
        let mut running = Box::pin(AssertUnwindSafe(handler.run(&ctx)).catch_unwind());
        let returned = tokio::select! {
            // What returns at once needs no timer.
            biased;
            returned = &mut running => Some(returned),
            () = time::sleep(limit) => return Some(Ending::TimedOut(limit)),
            () = claimed.stop.cancelled() => time::timeout(STOP_GRACE, running).await.ok(),
        };
        let reason = if claimed.stop.is_cancelled() { self.held.reason(job.id, job.fence) } else { None };
        match (returned, reason) {
            (_, Some(StopReason::LeaseLost)) => None,
            // What was finished in spite of the stop is finished.
            (Some(Ok(Ok(outcome @ Outcome::Done(_)))), _) => Some(Ending::Returned(Ok(outcome))),
            (_, Some(StopReason::Cancelled)) => Some(Ending::Cancelled),
            (_, Some(StopReason::Draining)) => Some(Ending::Drained),
            (Some(Ok(returned)), None) => Some(Ending::Returned(returned)),
            (Some(Err(panic)), None) => {
                tracing::error!(job.id = %job.id, error = %panic_message(&*panic), "the handler panicked");
                Some(Ending::Panicked)
            }
            (None, None) => Some(Ending::Drained),
        }
    }
}

/// What is written at the end of an attempt; `random` is uniform in 0..1.
pub(crate) fn finish_of(
    queue: &Queue,
    job: &jobs::Model,
    ending: Ending,
    backoff: Backoff,
    random: f64,
) -> Finish {
    let standing = Standing {
        created_at: job.created_at,
        attempt: u16::try_from(job.attempt).unwrap_or(u16::MAX),
        max_attempts: u16::try_from(job.max_attempts).unwrap_or(u16::MAX),
        backoff,
        random,
        now: queue.now(),
    };
    let settlement = settle(bounded(ending, queue.options().max_result_bytes), &standing);
    let lane = Lane::from_number(job.lane);
    let rank = match settlement.run_at {
        // What is handed back does not lose its place.
        Some(run_at) if settlement.state != JobState::Available => rank::of(run_at, lane, 0, Duration::ZERO),
        _ => job.rank,
    };
    Finish {
        id: job.id,
        fence: job.fence,
        place: job.place.clone(),
        attempt: job.attempt,
        worker: job.worker_id,
        started_at: job.started_at,
        rank,
        settlement,
    }
}

/// A result that is too large to keep fails the job: no other attempt's would be
/// smaller.
fn bounded(ending: Ending, max_bytes: usize) -> Ending {
    match ending {
        Ending::Returned(Ok(Outcome::Done(result))) if json_len(&result) > max_bytes => {
            let message = format!("the result is larger than {max_bytes} bytes");
            Ending::Returned(Err(JobError::fail("RESULT_TOO_LARGE", message)))
        }
        ending => ending,
    }
}

fn json_len(value: &Value) -> usize {
    if value.is_null() { 0 } else { value.to_string().len() }
}

fn report(settlement: &Settlement) {
    let Settlement { state, error, .. } = settlement;
    let code = error.as_ref().and_then(|error| error["code"].as_str()).unwrap_or_default();
    match state {
        JobState::Failed => tracing::error!(error.code = code, "job failed"),
        JobState::Retrying => tracing::warn!(error.code = code, "attempt failed; it will be tried again"),
        state => tracing::debug!(%state, "attempt ended"),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown panic".to_owned())
}

/// The queue of a job's row; rows of queues that this build does not know are never
/// claimed.
pub(super) fn queue_of(job: &jobs::Model) -> QueueName {
    QueueName::parse(&job.queue).unwrap_or(QueueName::Maintenance)
}
