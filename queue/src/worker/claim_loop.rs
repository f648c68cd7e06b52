//! The claim loop of a queue: pops ids as slots become free, claims as many jobs in SQL, and
//! hands them to the apalis worker. It claims only jobs that can start at once.
//!
//! An id from the transport only says that there is work. The claim decides in SQL which
//! jobs are next. So an urgent job, or the only job of an owner, goes first however many
//! ids were pushed before its own.

use std::{sync::Arc, time::Duration};

use atelier_entities::{JobId, LeaseId, WorkerId, jobs};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

use super::{
    backend::{Batch, ClaimedJob},
    leased::LeasedJobs,
};
use crate::{
    Queue,
    claim::{ClaimResult, Claimant, claim_next},
    error::QueueError,
    log_throttle::LogThrottle,
    metrics,
    name::QueueName,
    store::bounded,
    transport::Consumer,
};

/// Most jobs of one claim.
const BATCH: usize = 500;

/// Longest time between two polls of the transport. Wake-ups make jobs start at once; this
/// bounds the delay where one is lost. Jitter of ±20 % keeps workers apart.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Waits after errors of the transport or the database, by consecutive failures.
const ERROR_WAITS: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// Shortest time between two direct claims that found fewer jobs than free slots.
const DIRECT_INTERVAL: Duration = Duration::from_secs(1);

/// Shortest time between two log lines about dropped ids.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Longest wait for further slots to become free before a claim.
const GATHER_BOUND: Duration = Duration::from_millis(1);

#[derive(Clone)]
pub(super) struct ClaimLoop {
    pub(super) queue: Queue,
    pub(super) name: QueueName,
    pub(super) worker: WorkerId,
    pub(super) kinds: Vec<&'static str>,
    pub(super) slots: usize,
    pub(super) leased: LeasedJobs,
    pub(super) sender: mpsc::Sender<Batch>,
}

/// The result of one round of the loop.
struct Round {
    /// The claim did without ids of the transport.
    is_direct: bool,
    popped: usize,
    claimed: usize,
    wanted: usize,
}

/// The state of the loop between rounds.
struct LoopState {
    /// The queue has limits, so that claims take its lock.
    limited: bool,
    /// When limits may let further jobs start, without any id arriving.
    blocked_for: Option<Duration>,
    /// Popped ids that the transport has not been told to remove yet.
    unsettled: Vec<JobId>,
    /// SQL is likely to have more jobs than the transport has ids: the last claim got as
    /// many as it asked for.
    more_in_sql: bool,
    /// Ids that no job could be claimed for.
    dropped: LogThrottle,
}

impl LoopState {
    const fn new() -> Self {
        Self {
            limited: false,
            blocked_for: None,
            unsettled: Vec::new(),
            more_in_sql: false,
            dropped: LogThrottle::new(LOG_INTERVAL),
        }
    }
}

impl ClaimLoop {
    /// Runs until `stop`. A loop that panics is started again, so that no queue stays
    /// unserved.
    pub(super) async fn run(self, stop: CancellationToken) {
        while let Err(error) = tokio::spawn(self.clone().claim_until(stop.clone())).await {
            tracing::error!(queue = %self.name, %error, "claim loop ended; starting it again");
            time::sleep(ERROR_WAITS[ERROR_WAITS.len() - 1]).await;
        }
    }

    async fn claim_until(self, stop: CancellationToken) {
        if self.slots == 0 || self.kinds.is_empty() {
            return;
        }
        let slots = Arc::new(Semaphore::new(self.slots));
        let mut consumer = self.queue.transport().consumer(self.name, self.worker).await;
        let mut direct = DirectClaims::default();
        let mut beat_at = Instant::now();
        let mut failures = 0;
        let mut state = LoopState::new();
        loop {
            let Some(first) = self.free_slot(&slots, &stop).await else { break };
            if Instant::now() >= beat_at {
                beat_at = Instant::now() + self.queue.options().heartbeat;
                if let Err(error) = consumer.beat().await {
                    tracing::debug!(queue = %self.name, %error, "consumer heartbeat failed");
                }
            }
            match self.round(&mut *consumer, &slots, first, &mut state).await {
                Ok(round) => {
                    failures = 0;
                    state.more_in_sql = round.claimed >= round.wanted;
                    // Ids of jobs that were claimed directly are popped at once: while they
                    // fill the window, no push wakes a worker.
                    if state.more_in_sql || round.popped >= round.wanted {
                        continue;
                    }
                    state.more_in_sql = direct.is_due(&round);
                    if !state.more_in_sql {
                        self.wait(&mut *consumer, state.blocked_for, &stop).await;
                    }
                }
                Err(error) => {
                    self.queue.note_error(&error);
                    self.wait_out(&mut *consumer, &error, failures, &stop).await;
                    failures += 1;
                }
            }
        }
        if let Err(error) = consumer.close().await {
            tracing::debug!(queue = %self.name, %error, "consumer not closed; the scheduler reclaims its ids");
        }
    }

    /// Waits for a slot; none where the worker stops.
    async fn free_slot(
        &self,
        slots: &Arc<Semaphore>,
        stop: &CancellationToken,
    ) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            permit = slots.clone().acquire_owned() => permit.ok(),
        }
    }

    /// Claims a job per free slot and popped id, or per free slot where SQL has more jobs,
    /// and hands them over.
    async fn round(
        &self,
        consumer: &mut dyn Consumer,
        slots: &Arc<Semaphore>,
        first: OwnedSemaphorePermit,
        state: &mut LoopState,
    ) -> Result<Round, QueueError> {
        let mut permits = first;
        if state.more_in_sql {
            self.gather(slots, &mut permits).await;
        }
        let free = slots.available_permits().min(BATCH - permits.num_permits());
        if let Ok(more) = slots.clone().try_acquire_many_owned(u32::try_from(free).unwrap_or(0)) {
            permits.merge(more);
        }
        let wanted = permits.num_permits();
        consumer.settle(&state.unsettled).await?;
        state.unsettled.clear();
        let direct = state.blocked_for.is_some() || state.more_in_sql;
        let ids = if state.more_in_sql { Vec::new() } else { consumer.pop(wanted).await? };
        if ids.is_empty() && !direct {
            return Ok(Round { is_direct: false, popped: 0, claimed: 0, wanted });
        }
        let count = if direct { wanted } else { ids.len() };
        let (lease, begun) = (LeaseId::new(), Instant::now());
        let claims = match self.claim(lease, count, state.limited).await {
            Ok(claims) => claims,
            Err(error) => {
                consumer.restore(&ids).await?;
                return Err(error);
            }
        };
        (state.limited, state.blocked_for) = (claims.limited, claims.blocked_for);
        let claimed = claims.jobs.len();
        self.log_dropped(state, ids.len().saturating_sub(claimed));
        let round = Round { is_direct: direct, popped: ids.len(), claimed, wanted };
        let started = claims.jobs.iter().map(|job| job.id).collect();
        self.hand_over((lease, begun), claims.jobs, permits).await;
        // An error of the transport does not stop claimed jobs.
        if consumer.settle(&ids).await.is_err() {
            state.unsettled = ids;
        }
        self.queue.announce(Vec::new(), started).await;
        Ok(round)
    }

    fn log_dropped(&self, state: &mut LoopState, ids: usize) {
        metrics::dropped(self.name, ids);
        if let Some(ids) = state.dropped.add(ids, Instant::now()) {
            let cause = "they were carried twice, or their jobs may not start now";
            tracing::info!(queue = %self.name, ids, cause, "ids dropped: no jobs to claim for them");
        }
    }

    /// Waits a moment for further slots. Short jobs end together, and a claim of many jobs
    /// costs little more than one of a few.
    async fn gather(&self, slots: &Arc<Semaphore>, permits: &mut OwnedSemaphorePermit) {
        let enough = u32::try_from(self.slots.min(BATCH) / 2).unwrap_or(0);
        if let Ok(Ok(more)) = time::timeout(GATHER_BOUND, slots.clone().acquire_many_owned(enough)).await {
            permits.merge(more);
        }
    }

    /// Hands the jobs of a claim to the apalis worker, each with a slot.
    async fn hand_over(
        &self,
        (lease, begun): (LeaseId, Instant),
        jobs: Vec<jobs::Model>,
        mut slots: OwnedSemaphorePermit,
    ) {
        if jobs.is_empty() {
            return;
        }
        metrics::started(self.name, &jobs, self.queue.now());
        let stops = self.leased.add(lease, begun, jobs.iter().map(|job| (job.id, job.fence)));
        let mut claimed = Vec::with_capacity(jobs.len());
        for (job, stop) in jobs.into_iter().zip(stops) {
            let Some(slot) = slots.split(1) else { break };
            claimed.push(ClaimedJob::new(job, stop, slot));
        }
        if self.sender.send(claimed).await.is_err() {
            // The leases expire, and a rescuer takes the jobs.
            tracing::error!(queue = %self.name, "no apalis worker takes the claimed jobs");
        }
    }

    /// Claims up to `count` jobs. Claims of a queue with limits take its lock, one worker
    /// after the other.
    async fn claim(&self, lease: LeaseId, count: usize, limited: bool) -> Result<ClaimResult, QueueError> {
        let ended = self.leased.take_ended();
        let claimant =
            Claimant { worker: self.worker, lease, ended: &ended, queue: self.name, kinds: &self.kinds };
        let claimed = bounded(claim_next(&self.queue, &claimant, count, limited)).await;
        if claimed.is_err() {
            self.leased.restore_ended(ended);
        }
        claimed
    }

    async fn wait(
        &self,
        consumer: &mut dyn Consumer,
        blocked_for: Option<Duration>,
        stop: &CancellationToken,
    ) {
        let poll = jittered(POLL_INTERVAL, rand::random());
        tokio::select! {
            () = consumer.wait() => {}
            () = time::sleep(blocked_for.map_or(poll, |wait| wait.min(poll))) => {}
            () = stop.cancelled() => {}
        }
    }

    /// Waits after an error. A transport that answers again wakes the loop.
    async fn wait_out(
        &self,
        consumer: &mut dyn Consumer,
        error: &QueueError,
        failures: usize,
        stop: &CancellationToken,
    ) {
        if failures == 0 {
            tracing::warn!(queue = %self.name, %error, "cannot claim jobs now; trying again");
        }
        let wait = ERROR_WAITS[failures.min(ERROR_WAITS.len() - 1)];
        let back = async {
            time::sleep(ERROR_WAITS[0]).await;
            match error {
                QueueError::Transport(_) => consumer.wait().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            () = back => {}
            () = time::sleep(jittered(wait, rand::random())) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// A wait with jitter of ±20 %; `random` is uniform in 0..1.
fn jittered(wait: Duration, random: f64) -> Duration {
    wait.mul_f64(0.8 + 0.4 * random)
}

/// When to claim directly, without ids of the transport, so that a backlog drains at the
/// worker's pace and not at the relay's.
#[derive(Default)]
struct DirectClaims {
    last: Option<Instant>,
}

impl DirectClaims {
    /// Whether a direct claim is due, after a round that found fewer jobs than slots.
    fn is_due(&mut self, round: &Round) -> bool {
        if round.is_direct {
            self.last = Some(Instant::now());
        }
        self.last.is_none_or(|at| at.elapsed() >= DIRECT_INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_with_the_same_interval_do_not_poll_at_the_same_time() {
        let waits = [0.0, 0.5, 1.0].map(|random| jittered(POLL_INTERVAL, random));

        assert_eq!(waits, [4.0, 5.0, 6.0].map(Duration::from_secs_f64));
    }
}
