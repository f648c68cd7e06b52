//! Executing: one attempt from its claim to its end. The handler runs under its time limit
//! and its stop token, panics are caught, and the finisher writes the end.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use atelier_entities::JobState;
use futures::{FutureExt, poll};
use tokio::{task::JoinSet, time};
use tracing::Instrument;

use super::{
    backend::{Batch, ClaimedJob},
    finisher::{AttemptRun, Finisher},
    leased::{LeasedJobs, StopReason},
};
use crate::{
    Queue,
    context::JobContext,
    finish::Finish,
    job::time_limit,
    metrics,
    outcome::Outcome,
    registry::{ErasedHandler, Registry},
    settle::{AttemptFacts, Ending, Settlement},
};

/// How long a stopped handler may take to return. After that it is dropped.
const STOP_GRACE: Duration = Duration::from_millis(500);

/// How long the attempts of a batch are started in one task.
const INLINE_BOUND: Duration = Duration::from_millis(1);

/// Attempts after which that task yields. Tokio would otherwise force it to, at the cost of
/// a longer wait.
const YIELD_EVERY: usize = 32;

/// Runs attempts.
pub(super) struct Executor {
    pub(super) queue: Queue,
    pub(super) registry: Registry,
    pub(super) leased: LeasedJobs,
    pub(super) finisher: Finisher,
    pub(super) adopt_trace: fn(&tracing::Span, &str),
}

impl Executor {
    /// Runs attempts concurrently until all have ended. Handlers that return at once run
    /// here, without a task of their own; after a while the rest is spread over all cores.
    pub(super) async fn run_all(self: Arc<Self>, batch: Batch) {
        let begun = Instant::now();
        let mut running = JoinSet::new();
        for (number, claimed) in batch.into_iter().enumerate() {
            let executor = self.clone();
            let mut attempt = Box::pin(async move { executor.run_caught(claimed).await });
            let is_done = begun.elapsed() < INLINE_BOUND && poll!(&mut attempt).is_ready();
            if !is_done {
                running.spawn(attempt);
            }
            if number % YIELD_EVERY == YIELD_EVERY - 1 {
                tokio::task::yield_now().await;
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// Keeps a panic outside of the handler from ending other attempts of the batch.
    async fn run_caught(&self, claimed: ClaimedJob) {
        let key = (claimed.job.id, claimed.job.fence);
        if let Err(panic) = AssertUnwindSafe(self.run(claimed)).catch_unwind().await {
            let error = panic_message(&*panic);
            tracing::error!(%error, "an attempt panicked outside of its handler; its job is left to the rescuer");
            self.leased.abandon([key]);
        }
    }

    /// Runs an attempt to its end. apalis always sees a success: errors are in the row.
    async fn run(&self, claimed: ClaimedJob) {
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

    async fn attempt(&self, claimed: &ClaimedJob) {
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
            return self.leased.remove([(job.id, job.fence)]);
        };
        let facts = AttemptFacts {
            backoff: info.policy.backoff,
            random: rand::random(),
            ..AttemptFacts::of(job, self.queue.now())
        };
        let finish = Finish::of_attempt(job, ending, &facts, self.queue.options().max_result_bytes);
        log_end(&finish.settlement);
        let run = AttemptRun { kind: info.kind, took: started.elapsed() };
        self.finisher.finish(finish, job, Some(run)).await;
    }

    /// How the attempt ended; none where its lease was lost, so that nothing of it counts.
    async fn ending(&self, claimed: &ClaimedJob, handler: &Arc<dyn ErasedHandler>) -> Option<Ending> {
        let job = &claimed.job;
        let limit = time_limit(job);
        let ctx = JobContext::new(self.queue.clone(), job.clone(), claimed.stop.clone());
        let mut running = Box::pin(AssertUnwindSafe(handler.run(&ctx)).catch_unwind());
        let returned = tokio::select! {
            // A handler that returns at once needs no timer.
            biased;
            returned = &mut running => Some(returned),
            () = time::sleep(limit) => return Some(Ending::TimedOut(limit)),
            () = claimed.stop.cancelled() => time::timeout(STOP_GRACE, running).await.ok(),
        };
        let reason = if claimed.stop.is_cancelled() { self.leased.reason(job.id, job.fence) } else { None };
        match (returned, reason) {
            (_, Some(StopReason::LeaseLost)) => None,
            // A handler that finished in spite of the stop has succeeded.
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

fn log_end(settlement: &Settlement) {
    let Settlement { state, error, .. } = settlement;
    let code = error.as_ref().and_then(|error| error["code"].as_str()).unwrap_or_default();
    match state {
        JobState::Failed => tracing::error!(error.code = code, "job failed"),
        JobState::Retrying => tracing::warn!(error.code = code, "attempt failed; the job is tried again"),
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
