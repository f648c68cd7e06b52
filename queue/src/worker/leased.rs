//! The jobs a worker holds, and the ways to make them stop.

use std::{
    collections::{HashMap, hash_map::Entry},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use atelier_entities::{JobId, LeaseId};
use hashlink::LruCache;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

/// Why a running job is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopReason {
    /// Somebody cancelled it.
    Cancelled,
    /// Another worker may have it by now: nothing of it counts any more.
    LeaseLost,
    /// The process ends.
    Draining,
}

/// Jobs held by this process, shared between its parts.
#[derive(Clone, Default)]
pub(super) struct HeldJobs {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    table: Mutex<Table>,
    emptied: Notify,
}

/// Cancellations of jobs that are not held here which are remembered.
const EARLY: usize = 1_000;

struct Table {
    jobs: HashMap<JobId, HeldJob>,
    leases: HashMap<LeaseId, Hold>,
    /// Leases under which nothing is held any more, to be deleted.
    over: Vec<LeaseId>,
    /// When jobs were cancelled that are not held here: one of them may be on its way
    /// from a claim.
    early: LruCache<JobId, Instant>,
}

impl Default for Table {
    fn default() -> Self {
        let (jobs, leases) = (HashMap::new(), HashMap::new());
        Self { jobs, leases, over: Vec::new(), early: LruCache::new(EARLY) }
    }
}

/// What is held under a lease.
#[derive(Default)]
struct Hold {
    jobs: usize,
    /// A job of it may still run, as far as the database knows: the lease is to run out.
    is_unsettled: bool,
}

impl Table {
    fn forget(&mut self, claims: impl IntoIterator<Item = (JobId, i64)>, is_settled: bool) {
        for (id, fence) in claims {
            if let Entry::Occupied(job) = self.jobs.entry(id)
                && job.get().fence == fence
            {
                let lease = job.remove().lease;
                self.release(lease, is_settled);
            }
        }
    }

    /// Forgets that a job is held under that lease.
    fn release(&mut self, lease: LeaseId, is_settled: bool) {
        let Entry::Occupied(mut hold) = self.leases.entry(lease) else { return };
        hold.get_mut().jobs -= 1;
        hold.get_mut().is_unsettled |= !is_settled;
        if hold.get().jobs == 0 && !hold.remove().is_unsettled {
            self.over.push(lease);
        }
    }
}

#[derive(Clone)]
struct HeldJob {
    fence: i64,
    lease: LeaseId,
    stop: CancellationToken,
    reason: Option<StopReason>,
}

impl HeldJobs {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.inner.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a claim took under a lease; each job's token fires when it must stop.
    /// One that was cancelled since the claim was begun must stop at once: it ran by
    /// then. What was heard before was said of an earlier attempt.
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
            let cancelled = !table.early.is_empty() && table.early.remove(&id).is_some_and(|at| at >= begun);
            let reason = cancelled.then_some(StopReason::Cancelled);
            if cancelled {
                stop.cancel();
            }
            let earlier = table.jobs.insert(id, HeldJob { fence, lease, stop: stop.clone(), reason });
            if let Some(earlier) = earlier {
                // Lost and claimed again before it was noticed: nothing of it counts.
                earlier.stop.cancel();
                table.release(earlier.lease, true);
            }
            stop
        };
        claims.into_iter().map(add).collect()
    }

    /// Forgets claims that are finished or lost, unless a job was claimed again since.
    pub(super) fn remove(&self, claims: impl IntoIterator<Item = (JobId, i64)>) {
        self.forget(claims, true);
    }

    /// Forgets claims whose end nobody wrote: they are to be rescued.
    pub(super) fn abandon(&self, claims: impl IntoIterator<Item = (JobId, i64)>) {
        self.forget(claims, false);
    }

    fn forget(&self, claims: impl IntoIterator<Item = (JobId, i64)>, is_settled: bool) {
        let mut table = self.lock();
        table.forget(claims, is_settled);
        if table.jobs.is_empty() {
            self.inner.emptied.notify_waiters();
        }
    }

    /// Makes a cancelled job stop, now or as soon as it comes from a claim that is under
    /// way; the first reason stays.
    pub(super) fn cancel(&self, id: JobId) {
        let mut table = self.lock();
        match table.jobs.get_mut(&id) {
            Some(job) => {
                job.reason.get_or_insert(StopReason::Cancelled);
                job.stop.cancel();
            }
            None => drop(table.early.insert(id, Instant::now())),
        }
    }

    /// Makes a job stop if it is this claim of it.
    pub(super) fn stop_claim(&self, id: JobId, fence: i64, reason: StopReason) {
        if let Some(job) = self.lock().jobs.get_mut(&id).filter(|job| job.fence == fence) {
            job.reason.get_or_insert(reason);
            job.stop.cancel();
        }
    }

    /// Makes everything stop because the process ends.
    pub(super) fn drain_all(&self) {
        for job in self.lock().jobs.values_mut() {
            job.reason.get_or_insert(StopReason::Draining);
            job.stop.cancel();
        }
    }

    /// Why that claim was told to stop. A token that fired for no noted reason fired
    /// because a progress write found the lease gone.
    pub(super) fn reason(&self, id: JobId, fence: i64) -> Option<StopReason> {
        let table = self.lock();
        let job = table.jobs.get(&id).filter(|job| job.fence == fence)?;
        job.reason.or_else(|| job.stop.is_cancelled().then_some(StopReason::LeaseLost))
    }

    /// Everything held now.
    pub(super) fn all(&self) -> Vec<(JobId, i64)> {
        self.lock().jobs.iter().map(|(id, job)| (*id, job.fence)).collect()
    }

    /// The leases under which something is held.
    pub(super) fn leases(&self) -> Vec<LeaseId> {
        self.lock().leases.keys().copied().collect()
    }

    /// Takes the leases that are to be deleted; [`HeldJobs::not_deleted`] gives them back.
    pub(super) fn take_over(&self) -> Vec<LeaseId> {
        mem::take(&mut self.lock().over)
    }

    /// Leases that could not be deleted now.
    pub(super) fn not_deleted(&self, leases: Vec<LeaseId>) {
        self.lock().over.extend(leases);
    }

    pub(super) fn count(&self) -> usize {
        self.lock().jobs.len()
    }

    /// Returns once nothing is held.
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
    fn a_lease_is_over_with_the_last_job_that_it_held() {
        let (held, lease) = (HeldJobs::default(), LeaseId::new());
        let [one, other] = [(JobId::new(), 1), (JobId::new(), 1)];
        held.add(lease, Instant::now(), [one, other]);

        held.remove([one]);
        assert_eq!((held.leases(), held.take_over()), (vec![lease], vec![]));
        held.remove([one, other]);
        assert_eq!((held.leases(), held.take_over()), (vec![], vec![lease]));
        held.not_deleted(vec![lease]);
        assert_eq!(held.take_over(), [lease]);
    }

    #[test]
    fn a_lease_with_a_job_that_may_still_run_is_left_to_run_out() {
        let (held, lease) = (HeldJobs::default(), LeaseId::new());
        let [one, other] = [(JobId::new(), 1), (JobId::new(), 1)];
        held.add(lease, Instant::now(), [one, other]);

        held.abandon([one]);
        held.remove([other]);

        assert_eq!((held.leases(), held.take_over()), (vec![], vec![]));
    }

    #[test]
    fn a_job_that_was_claimed_again_is_held_under_its_later_lease() {
        let (held, job) = (HeldJobs::default(), JobId::new());
        let (earlier, later) = (LeaseId::new(), LeaseId::new());
        let stops = held.add(earlier, Instant::now(), [(job, 1)]);
        held.add(later, Instant::now(), [(job, 2)]);

        held.remove([(job, 1)]);

        assert!(stops[0].is_cancelled());
        assert_eq!((held.leases(), held.take_over()), (vec![later], vec![earlier]));
    }

    #[test]
    fn a_job_that_is_cancelled_on_its_way_from_a_claim_stops_as_it_comes() {
        let (held, lease) = (HeldJobs::default(), LeaseId::new());
        let [before, meanwhile, other] = [JobId::new(), JobId::new(), JobId::new()];
        held.cancel(before);
        let begun = Instant::now();
        held.cancel(meanwhile);

        let stops = held.add(lease, begun, [(before, 2), (meanwhile, 1), (other, 1)]);

        assert_eq!(
            stops.iter().map(CancellationToken::is_cancelled).collect::<Vec<_>>(),
            [false, true, false]
        );
        assert_eq!(held.reason(meanwhile, 1), Some(StopReason::Cancelled));
        assert_eq!((held.reason(before, 2), held.reason(other, 1)), (None, None));
        held.cancel(other);
        assert!(stops[2].is_cancelled());
    }

    #[test]
    fn cancellations_of_others_jobs_take_no_room_for_ever() {
        let held = HeldJobs::default();
        for _ in 0..EARLY * 3 {
            held.cancel(JobId::new());
        }

        assert_eq!(held.lock().early.len(), EARLY);
    }
}
