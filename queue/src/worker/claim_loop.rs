//! Feeds a queue's slots: pops ids as slots come free, claims as many jobs in SQL,
//! hands them to the apalis worker. It never claims what cannot start at once.
//!
//! An id from the transport says that there is work; which job goes next is decided
//! in SQL at the moment of the claim. So an urgent job, or the one job of a quiet
//! owner, goes first however many ids were pushed before its own.

use std::{sync::Arc, time::Duration};

use atelier_entities::{JobId, LeaseId, WorkerId, jobs};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

use super::{
    backend::{Batch, Claimed},
    held::HeldJobs,
};
use crate::{
    Queue,
    error::QueueError,
    metrics,
    name::QueueName,
    seldom::Seldom,
    store::{
        bounded,
        claim::{Claimant, Limited, claim_next},
    },
    transport::Consumer,
};

/// Ids of one claim.
const BATCH: usize = 500;

/// Longest time without a look at the transport. Wake-ups make jobs start at once;
/// this bounds what a lost one can cost. Two fifths of jitter keep workers apart.
const POLL: Duration = Duration::from_secs(5);

/// Waits after errors of the transport or the database, by failures in a row.
const ERROR_WAITS: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// Shortest time between two looks into SQL that found less than there are free slots.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Shortest time between two log lines about dropped ids.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Longest wait for more slots to come free before the next claim.
const GATHER: Duration = Duration::from_millis(1);

#[derive(Clone)]
pub(super) struct ClaimLoop {
    pub(super) queue: Queue,
    pub(super) name: QueueName,
    pub(super) worker: WorkerId,
    pub(super) kinds: Vec<&'static str>,
    pub(super) slots: usize,
    pub(super) held: HeldJobs,
    pub(super) sender: mpsc::Sender<Batch>,
}

/// What one round of the loop found.
struct Round {
    /// It asked SQL for more than the transport told of.
    looked: bool,
    popped: usize,
    claimed: usize,
    wanted: usize,
}

/// What the loop knows from one round to the next.
struct Memory {
    /// The queue has limits: it is claimed under its lock.
    limited: bool,
    /// What limits hold back may be let go after so long, without any id coming.
    held_back: Option<Duration>,
    /// Ids that were claimed but that the transport was not told yet to forget.
    unsettled: Vec<JobId>,
    /// SQL is likely to have more than the transport tells of: the last claim got as
    /// many jobs as it asked for.
    more_in_sql: bool,
    /// Ids for which there was nothing to claim.
    dropped: Seldom,
}

impl Memory {
    const fn new() -> Self {
        Self {
            limited: false,
            held_back: None,
            unsettled: Vec::new(),
            more_in_sql: false,
            dropped: Seldom::new(TELL_EVERY),
        }
    }
}

impl ClaimLoop {
    /// Runs until `stop`. A loop that panics is begun anew: no queue goes unserved in
    /// silence.
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
        let mut look = Look::default();
        let mut beat_at = Instant::now();
        let mut failures = 0;
        let mut memory = Memory::new();
        loop {
            let Some(first) = self.free_slot(&slots, &stop).await else { break };
            if Instant::now() >= beat_at {
                beat_at = Instant::now() + self.queue.options().heartbeat;
                if let Err(error) = consumer.beat().await {
                    tracing::debug!(queue = %self.name, %error, "consumer heartbeat failed");
                }
            }
            match self.round(&mut *consumer, &slots, first, &mut memory).await {
                Ok(round) => {
                    failures = 0;
                    memory.more_in_sql = round.claimed >= round.wanted;
                    // Ids of what was claimed without asking for them are cleared
                    // away at once: while they fill the window, no push wakes anybody.
                    if memory.more_in_sql || round.popped >= round.wanted {
                        continue;
                    }
                    memory.more_in_sql = look.is_due(&round);
                    if !memory.more_in_sql {
                        self.wait(&mut *consumer, memory.held_back, &stop).await;
                    }
                }
                Err(error) => {
                    self.queue.heed(&error);
                    self.wait_out(&mut *consumer, &error, failures, &stop).await;
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

    /// Claims as many jobs as there are free slots and ids to pop, or, where SQL has
    /// more, as there are free slots, and hands them over.
    async fn round(
        &self,
        consumer: &mut dyn Consumer,
        slots: &Arc<Semaphore>,
        first: OwnedSemaphorePermit,
        memory: &mut Memory,
    ) -> Result<Round, QueueError> {
        let mut permits = first;
        if memory.more_in_sql {
            self.gather(slots, &mut permits).await;
        }
        let free = slots.available_permits().min(BATCH - permits.num_permits());
        if let Ok(more) = slots.clone().try_acquire_many_owned(u32::try_from(free).unwrap_or(0)) {
            permits.merge(more);
        }
        let wanted = permits.num_permits();
        consumer.settle(&memory.unsettled).await?;
        memory.unsettled.clear();
        let direct = memory.held_back.is_some() || memory.more_in_sql;
        let ids = if memory.more_in_sql { Vec::new() } else { consumer.pop(wanted).await? };
        if ids.is_empty() && !direct {
            return Ok(Round { looked: false, popped: 0, claimed: 0, wanted });
        }
        let count = if direct { wanted } else { ids.len() };
        let (lease, begun) = (LeaseId::new(), Instant::now());
        let claims = match self.claim(lease, count, memory.limited).await {
            Ok(claims) => claims,
            Err(error) => {
                consumer.restore(&ids).await?;
                return Err(error);
            }
        };
        (memory.limited, memory.held_back) = (claims.limited, claims.held_back);
        let claimed = claims.jobs.len();
        self.tell_dropped(memory, ids.len().saturating_sub(claimed));
        let round = Round { looked: direct, popped: ids.len(), claimed, wanted };
        let started = claims.jobs.iter().map(|job| job.id).collect();
        self.hand_over((lease, begun), claims.jobs, permits).await;
        // What is claimed runs, whatever the transport says.
        if consumer.settle(&ids).await.is_err() {
            memory.unsettled = ids;
        }
        self.queue.announce(Vec::new(), started).await;
        Ok(round)
    }

    fn tell_dropped(&self, memory: &mut Memory, ids: usize) {
        metrics::dropped(self.name, ids);
        if let Some(ids) = memory.dropped.add(ids, Instant::now()) {
            let cause = "carried twice, or their jobs may not start now";
            tracing::info!(queue = %self.name, ids, cause, "ids dropped: nothing to claim for them");
        }
    }

    /// Waits a moment for more slots to come free: short jobs come back together, and
    /// one claim for many of them costs little more than one for a few.
    async fn gather(&self, slots: &Arc<Semaphore>, permits: &mut OwnedSemaphorePermit) {
        let worth = u32::try_from(self.slots.min(BATCH) / 2).unwrap_or(0);
        if let Ok(Ok(more)) = time::timeout(GATHER, slots.clone().acquire_many_owned(worth)).await {
            permits.merge(more);
        }
    }

    /// Hands jobs to the apalis worker that a claim took under its lease, each with one of
    /// the slots.
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
        let stops = self.held.add(lease, begun, jobs.iter().map(|job| (job.id, job.fence)));
        let mut claimed = Vec::with_capacity(jobs.len());
        for (job, stop) in jobs.into_iter().zip(stops) {
            let Some(slot) = slots.split(1) else { break };
            claimed.push(Claimed::new(job, stop, slot));
        }
        if self.sender.send(claimed).await.is_err() {
            // The worker is gone: the leases run out and the jobs are rescued.
            tracing::error!(queue = %self.name, "no worker takes claimed jobs");
        }
    }

    /// Claims up to so many jobs. A queue that turns out to have limits is claimed
    /// under its lock, one worker after the other.
    async fn claim(&self, lease: LeaseId, count: usize, limited: bool) -> Result<Limited, QueueError> {
        let over = self.held.take_over();
        let claimant =
            Claimant { worker: self.worker, lease, over: &over, queue: self.name, kinds: &self.kinds };
        let claimed = bounded(claim_next(&self.queue, &claimant, count, limited)).await;
        if claimed.is_err() {
            self.held.not_deleted(over);
        }
        claimed
    }

    async fn wait(&self, consumer: &mut dyn Consumer, held_back: Option<Duration>, stop: &CancellationToken) {
        let poll = jittered(POLL, rand::random());
        tokio::select! {
            () = consumer.wait() => {}
            () = time::sleep(held_back.map_or(poll, |wait| wait.min(poll))) => {}
            () = stop.cancelled() => {}
        }
    }

    /// Waits after an error. A transport that is back wakes the loop.
    async fn wait_out(
        &self,
        consumer: &mut dyn Consumer,
        error: &QueueError,
        failures: usize,
        stop: &CancellationToken,
    ) {
        if failures == 0 {
            tracing::warn!(queue = %self.name, %error, "cannot take jobs now; trying again");
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

/// A wait with two fifths of jitter; `random` is uniform in 0..1.
fn jittered(wait: Duration, random: f64) -> Duration {
    wait.mul_f64(0.8 + 0.4 * random)
}

/// When to look into SQL for due work that the transport does not tell of, so that a
/// backlog drains at the worker's pace and not at the relay's.
#[derive(Default)]
struct Look {
    looked_at: Option<Instant>,
}

impl Look {
    /// Whether to look now, after a round that found less than it could have taken.
    fn is_due(&mut self, round: &Round) -> bool {
        if round.looked {
            self.looked_at = Some(Instant::now());
        }
        self.looked_at.is_none_or(|at| at.elapsed() >= LOOK_INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_that_wait_for_the_same_time_do_not_look_at_the_same_time() {
        let waits = [0.0, 0.5, 1.0].map(|random| jittered(POLL, random));

        assert_eq!(waits, [4.0, 5.0, 6.0].map(Duration::from_secs_f64));
    }
}
