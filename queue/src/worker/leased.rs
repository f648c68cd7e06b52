//! The jobs that this worker has under its leases, and how they are stopped.

use std::{
    collections::{HashMap, hash_map::Entry},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use atelier_entities::{JobId, LeaseId};
use hashlink::LruCache;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

/// Why a running job is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopReason {
    /// Somebody cancelled it.
    Cancelled,
    /// Another worker may have the job: nothing of this attempt counts.
    LeaseLost,
    /// The process ends.
    Draining,
}

/// The leased jobs of this worker, shared between its parts.
#[derive(Clone, Default)]
pub(super) struct LeasedJobs {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    table: Mutex<Table>,
    emptied: Notify,
}

/// Most cancellations kept of jobs that this worker does not have.
const MAX_EARLY_CANCELS: usize = 1_000;

struct Table {
    jobs: HashMap<JobId, LeasedJob>,
    leases: HashMap<LeaseId, LeaseState>,
    /// Leases under which no job is left, to be deleted.
    ended: Vec<LeaseId>,
    /// When jobs were cancelled that this worker does not have. One of them may be part of
    /// a claim under way.
    early_cancels: LruCache<JobId, Instant>,
}

impl Default for Table {
    fn default() -> Self {
        let (jobs, leases) = (HashMap::new(), HashMap::new());
        Self { jobs, leases, ended: Vec::new(), early_cancels: LruCache::new(MAX_EARLY_CANCELS) }
    }
}

/// The jobs under a lease.
#[derive(Default)]
struct LeaseState {
    jobs: usize,
    /// The end of one of them was not written. The lease is left to expire.
    has_abandoned: bool,
}

impl Table {
    fn remove(&mut self, attempts: impl IntoIterator<Item = (JobId, i64)>, is_abandoned: bool) {
        for (id, fence) in attempts {
            if let Entry::Occupied(job) = self.jobs.entry(id)
                && job.get().fence == fence
            {
                let lease = job.remove().lease;
                self.release(lease, is_abandoned);
            }
        }
    }

    /// Removes a job from its lease.
    fn release(&mut self, lease: LeaseId, is_abandoned: bool) {
        let Entry::Occupied(mut state) = self.leases.entry(lease) else { return };
        state.get_mut().jobs -= 1;
        state.get_mut().has_abandoned |= is_abandoned;
        if state.get().jobs == 0 && !state.remove().has_abandoned {
            self.ended.push(lease);
        }
    }
}

#[derive(Clone)]
struct LeasedJob {
    fence: i64,
    lease: LeaseId,
    stop: CancellationToken,
    reason: Option<StopReason>,
}

impl LeasedJobs {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.inner.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the jobs of a claim. Each job's token fires when it must stop. A job that was
    /// cancelled since the claim began stops at once; an earlier cancellation was meant for
    /// an earlier attempt.
    pub(super) fn add(
        &self,
        lease: LeaseId,
        begun: Instant,
        claims: impl IntoIterator<Item = (JobId, i64)>,
    ) -> Vec<CancellationToken> {
        let mut table = self.lock();
        let add = |(id, fence)| {
            let stop = CancellationToken::new();
            table.leases.entry(lease).or_default().jobs += 1;
            let cancelled = !table.early_cancels.is_empty()
                && table.early_cancels.remove(&id).is_some_and(|at| at >= begun);
            let reason = cancelled.then_some(StopReason::Cancelled);
            if cancelled {
                stop.cancel();
            }
            let earlier = table.jobs.insert(id, LeasedJob { fence, lease, stop: stop.clone(), reason });
            if let Some(earlier) = earlier {
                // Its lease was lost and the job was claimed again: the attempt does not count.
                earlier.stop.cancel();
                table.release(earlier.lease, false);
            }
            stop
        };
        claims.into_iter().map(add).collect()
    }

    /// Removes attempts that ended or were lost, unless the job was claimed again since.
    pub(super) fn remove(&self, attempts: impl IntoIterator<Item = (JobId, i64)>) {
        self.remove_from_table(attempts, false);
    }

    /// Removes attempts whose end was not written. A rescuer takes them.
    pub(super) fn abandon(&self, attempts: impl IntoIterator<Item = (JobId, i64)>) {
        self.remove_from_table(attempts, true);
    }

    fn remove_from_table(&self, attempts: impl IntoIterator<Item = (JobId, i64)>, is_abandoned: bool) {
        let mut table = self.lock();
        table.remove(attempts, is_abandoned);
        if table.jobs.is_empty() {
            self.inner.emptied.notify_waiters();
        }
    }

    /// Stops a cancelled job, now or as soon as a claim under way adds it. The first reason
    /// stays.
    pub(super) fn cancel(&self, id: JobId) {
        let mut table = self.lock();
        match table.jobs.get_mut(&id) {
            Some(job) => {
                job.reason.get_or_insert(StopReason::Cancelled);
                job.stop.cancel();
            }
            None => drop(table.early_cancels.insert(id, Instant::now())),
        }
    }

    /// Stops this attempt of a job.
    pub(super) fn stop_attempt(&self, id: JobId, fence: i64, reason: StopReason) {
        if let Some(job) = self.lock().jobs.get_mut(&id).filter(|job| job.fence == fence) {
            job.reason.get_or_insert(reason);
            job.stop.cancel();
        }
    }

    /// Stops every job because the process ends.
    pub(super) fn drain_all(&self) {
        for job in self.lock().jobs.values_mut() {
            job.reason.get_or_insert(StopReason::Draining);
            job.stop.cancel();
        }
    }

    /// Why that attempt was stopped. A token without a reason was fired by a progress write
    /// that found the lease lost.
    pub(super) fn reason(&self, id: JobId, fence: i64) -> Option<StopReason> {
        let table = self.lock();
        let job = table.jobs.get(&id).filter(|job| job.fence == fence)?;
        job.reason.or_else(|| job.stop.is_cancelled().then_some(StopReason::LeaseLost))
    }

    /// All attempts.
    pub(super) fn all(&self) -> Vec<(JobId, i64)> {
        self.lock().jobs.iter().map(|(id, job)| (*id, job.fence)).collect()
    }

    /// The leases that have jobs.
    pub(super) fn leases(&self) -> Vec<LeaseId> {
        self.lock().leases.keys().copied().collect()
    }

    /// Takes the leases to delete; [`LeasedJobs::restore_ended`] puts them back.
    pub(super) fn take_ended(&self) -> Vec<LeaseId> {
        mem::take(&mut self.lock().ended)
    }

    /// Puts back leases that could not be deleted.
    pub(super) fn restore_ended(&self, leases: Vec<LeaseId>) {
        self.lock().ended.extend(leases);
    }

    pub(super) fn count(&self) -> usize {
        self.lock().jobs.len()
    }

    /// Returns once there are no jobs.
    pub(super) async fn emptied(&self) {
        loop {
            let emptied = self.inner.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.lock().jobs.is_empty() {
                return;
            }
            emptied.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_ends_with_its_last_job() {
        let (leased, lease) = (LeasedJobs::default(), LeaseId::new());
        let [one, other] = [(JobId::new(), 1), (JobId::new(), 1)];
        leased.add(lease, Instant::now(), [one, other]);

        leased.remove([one]);
        assert_eq!((leased.leases(), leased.take_ended()), (vec![lease], vec![]));
        leased.remove([one, other]);
        assert_eq!((leased.leases(), leased.take_ended()), (vec![], vec![lease]));
        leased.restore_ended(vec![lease]);
        assert_eq!(leased.take_ended(), [lease]);
    }

    #[test]
    fn a_lease_with_an_abandoned_job_is_left_to_expire() {
        let (leased, lease) = (LeasedJobs::default(), LeaseId::new());
        let [one, other] = [(JobId::new(), 1), (JobId::new(), 1)];
        leased.add(lease, Instant::now(), [one, other]);

        leased.abandon([one]);
        leased.remove([other]);

        assert_eq!((leased.leases(), leased.take_ended()), (vec![], vec![]));
    }

    #[test]
    fn a_job_that_was_claimed_again_has_its_later_lease() {
        let (leased, job) = (LeasedJobs::default(), JobId::new());
        let (earlier, later) = (LeaseId::new(), LeaseId::new());
        let stops = leased.add(earlier, Instant::now(), [(job, 1)]);
        leased.add(later, Instant::now(), [(job, 2)]);

        leased.remove([(job, 1)]);

        assert!(stops[0].is_cancelled());
        assert_eq!((leased.leases(), leased.take_ended()), (vec![later], vec![earlier]));
    }

    #[test]
    fn a_job_that_is_cancelled_during_its_claim_stops_when_it_is_added() {
        let (leased, lease) = (LeasedJobs::default(), LeaseId::new());
        let [before, meanwhile, other] = [JobId::new(), JobId::new(), JobId::new()];
        leased.cancel(before);
        let begun = Instant::now();
        leased.cancel(meanwhile);

        let stops = leased.add(lease, begun, [(before, 2), (meanwhile, 1), (other, 1)]);

        assert_eq!(
            stops.iter().map(CancellationToken::is_cancelled).collect::<Vec<_>>(),
            [false, true, false]
        );
        assert_eq!(leased.reason(meanwhile, 1), Some(StopReason::Cancelled));
        assert_eq!((leased.reason(before, 2), leased.reason(other, 1)), (None, None));
        leased.cancel(other);
        assert!(stops[2].is_cancelled());
    }

    #[test]
    fn the_number_of_early_cancellations_is_bounded() {
        let leased = LeasedJobs::default();
        for _ in 0..MAX_EARLY_CANCELS * 3 {
            leased.cancel(JobId::new());
        }

        assert_eq!(leased.lock().early_cancels.len(), MAX_EARLY_CANCELS);
    }
}
