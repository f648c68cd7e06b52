//! Feeds a queue's slots: pops ids as slots come free, claims as many jobs in SQL,
//! hands them to the apalis worker. It never claims what cannot start at once.
//!
//! An id from the transport says that there is work; which job goes next is decided
//! in SQL at the moment of the claim. So an urgent job, or the one job of a quiet
//! owner, goes first however many ids were pushed before its own.

use std::{sync::Arc, time::Duration};

use atelier_entities::WorkerId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

use super::{backend::Claimed, held::HeldJobs};
use crate::{
    Queue,
    error::QueueError,
    metrics,
    name::QueueName,
    relay,
    store::claim::{Claimant, Limited, claim, claim_limited},
    transport::Consumer,
};

/// Ids of one claim.
const BATCH: usize = 200;

/// Longest time without a look at the transport. Wake-ups make jobs start at once;
/// this bounds what a lost one can cost. Two fifths of jitter keep workers apart.
const POLL: Duration = Duration::from_secs(5);

/// The same for a queue whose limits may hold something back.
const LIMITED_POLL: Duration = Duration::from_millis(100);

/// Waits after errors of the transport or the database, by failures in a row.
const ERROR_WAITS: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// Shortest time between two looks into SQL for work that the transport lacks, while
/// the last look found little.
const REFILL_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct ClaimLoop {
    pub(super) queue: Queue,
    pub(super) name: QueueName,
    pub(super) worker: WorkerId,
    pub(super) kinds: Vec<&'static str>,
    pub(super) slots: usize,
    pub(super) held: HeldJobs,
    pub(super) sender: mpsc::Sender<Claimed>,
}

/// What one round of the loop found.
struct Round {
    popped: usize,
    claimed: usize,
    wanted: usize,
    /// The queue has limits: what they hold back now may be let go soon, without any
    /// id coming.
    limited: bool,
}

impl ClaimLoop {
    pub(super) async fn run(self, stop: CancellationToken) {
        if self.slots == 0 || self.kinds.is_empty() {
            return;
        }
        let slots = Arc::new(Semaphore::new(self.slots));
        let mut consumer = self.queue.transport().consumer(self.name, self.worker).await;
        let mut refill = Refill::default();
        let mut beat_at = Instant::now();
        let mut failures = 0;
        let mut limited = false;
        loop {
            let Some(first) = self.free_slot(&slots, &stop).await else { break };
            if Instant::now() >= beat_at {
                beat_at = Instant::now() + self.queue.options().heartbeat;
                if let Err(error) = consumer.beat().await {
                    tracing::debug!(queue = %self.name, %error, "consumer heartbeat failed");
                }
            }
            match self.round(&mut *consumer, &slots, first, limited).await {
                Ok(round) => {
                    failures = 0;
                    limited = round.limited;
                    let more = (round.popped >= round.wanted && round.claimed > 0)
                        || refill.look(round.claimed > 0, &self).await;
                    if !more {
                        self.wait(&mut *consumer, limited, &stop).await;
                    }
                }
                Err(error) => {
                    self.wait_out(&error, failures, &stop).await;
                    failures += 1;
                }
            }
        }
        if let Err(error) = consumer.close().await {
            tracing::debug!(queue = %self.name, %error, "consumer did not close; it will be reclaimed");
        }
    }

    /// A slot for one more job; none when the worker is to stop.
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

    /// Pops as many ids as there are free slots, claims them and hands them over.
    async fn round(
        &self,
        consumer: &mut dyn Consumer,
        slots: &Arc<Semaphore>,
        first: OwnedSemaphorePermit,
        limited: bool,
    ) -> Result<Round, QueueError> {
        let mut permits = vec![first];
        while permits.len() < BATCH
            && let Ok(permit) = slots.clone().try_acquire_owned()
        {
            permits.push(permit);
        }
        let wanted = permits.len();
        let ids = consumer.pop(wanted).await?;
        if ids.is_empty() && !limited {
            return Ok(Round { popped: 0, claimed: 0, wanted, limited });
        }
        let count = if limited { wanted } else { ids.len() };
        let claims = match self.claim(count, limited).await {
            Ok(claims) => claims,
            Err(error) => {
                consumer.restore(&ids).await?;
                return Err(error);
            }
        };
        consumer.settle(&ids).await?;
        let (claimed, limited) = (claims.jobs.len(), claims.limited);
        metrics::dropped(self.name, ids.len().saturating_sub(claimed));
        for (job, permit) in claims.jobs.into_iter().zip(permits) {
            let waited = (self.queue.now() - job.run_at).to_std().unwrap_or_default();
            metrics::started(self.name, &job.kind, waited);
            let stop = self.held.add(job.id, job.fence);
            let claimed = Claimed::new(job, stop, permit);
            if self.sender.send(claimed).await.is_err() {
                // The worker is gone: the lease runs out and the job is rescued.
                tracing::error!(queue = %self.name, "no worker takes claimed jobs");
            }
        }
        metrics::running(self.name, self.slots - slots.available_permits());
        Ok(Round { popped: ids.len(), claimed, wanted, limited })
    }

    /// Claims up to so many jobs. A queue that turns out to have limits is claimed
    /// under its lock, one worker after the other.
    async fn claim(&self, count: usize, limited: bool) -> Result<Limited, QueueError> {
        let claimant = Claimant { worker: self.worker, queue: self.name, kinds: &self.kinds };
        let mut claims = Limited::default();
        if !limited {
            claims.jobs = claim(&self.queue, &claimant, count).await?;
        }
        if claims.jobs.is_empty() {
            claims = claim_limited(&self.queue, &claimant, count).await?;
        }
        claims.jobs.sort_by_key(|job| job.rank);
        Ok(claims)
    }

    async fn wait(&self, consumer: &mut dyn Consumer, limited: bool, stop: &CancellationToken) {
        let poll = if limited { LIMITED_POLL } else { POLL };
        let poll = poll.mul_f64(0.8 + 0.4 * rand::random::<f64>());
        tokio::select! {
            () = consumer.wait() => {}
            () = time::sleep(poll) => {}
            () = stop.cancelled() => {}
        }
    }

    async fn wait_out(&self, error: &QueueError, failures: usize, stop: &CancellationToken) {
        if failures == 0 {
            tracing::warn!(queue = %self.name, %error, "cannot take jobs now; trying again");
        }
        let wait = ERROR_WAITS[failures.min(ERROR_WAITS.len() - 1)];
        tokio::select! {
            () = time::sleep(wait.mul_f64(0.8 + 0.4 * rand::random::<f64>())) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Looks into SQL for due work when the transport has run dry, so that a backlog
/// drains at the worker's pace and not at the relay's.
#[derive(Default)]
struct Refill {
    looked_at: Option<Instant>,
    found_much: bool,
}

impl Refill {
    /// Whether there is something to pop now. Where the last round found nothing to
    /// claim — a paused queue, kinds that this worker does not know — what is pushed
    /// is no reason to hurry.
    async fn look(&mut self, claimed_something: bool, claims: &ClaimLoop) -> bool {
        let recently = self.looked_at.is_some_and(|at| at.elapsed() < REFILL_INTERVAL);
        if recently && !(self.found_much && claimed_something) {
            return false;
        }
        self.looked_at = Some(Instant::now());
        match relay::fill(&claims.queue, &[claims.name]).await {
            Ok(pushed) => self.found_much = pushed > 0,
            Err(error) => {
                tracing::debug!(queue = %claims.name, %error, "refill failed; the relay goes on");
                self.found_much = false;
            }
        }
        self.found_much
    }
}
