//! The jobs a worker holds, and the ways to make them stop.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use atelier_entities::JobId;
use tokio::sync::Notify;
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
    jobs: Mutex<HashMap<JobId, HeldJob>>,
    emptied: Notify,
}

#[derive(Clone)]
struct HeldJob {
    fence: i64,
    stop: CancellationToken,
    reason: Option<StopReason>,
}

impl HeldJobs {
    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, HeldJob>> {
        self.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes claims; each one's token fires when its job must stop.
    pub(super) fn add(&self, claims: impl IntoIterator<Item = (JobId, i64)>) -> Vec<CancellationToken> {
        let mut jobs = self.lock();
        let add = |(id, fence)| {
            let stop = CancellationToken::new();
            let earlier = jobs.insert(id, HeldJob { fence, stop: stop.clone(), reason: None });
            if let Some(earlier) = earlier {
                // Lost and claimed again before it was noticed: nothing of it counts.
                earlier.stop.cancel();
            }
            stop
        };
        claims.into_iter().map(add).collect()
    }

    /// Forgets claims that are finished, unless a job was claimed again since.
    pub(super) fn remove(&self, claims: impl IntoIterator<Item = (JobId, i64)>) {
        let mut jobs = self.lock();
        for (id, fence) in claims {
            if jobs.get(&id).is_some_and(|job| job.fence == fence) {
                jobs.remove(&id);
            }
        }
        if jobs.is_empty() {
            self.inner.emptied.notify_waiters();
        }
    }

    /// Makes a job stop; the first reason stays.
    pub(super) fn stop(&self, id: JobId, reason: StopReason) {
        if let Some(job) = self.lock().get_mut(&id) {
            job.reason.get_or_insert(reason);
            job.stop.cancel();
        }
    }

    /// Makes a job stop if it is this claim of it.
    pub(super) fn stop_claim(&self, id: JobId, fence: i64, reason: StopReason) {
        if let Some(job) = self.lock().get_mut(&id).filter(|job| job.fence == fence) {
            job.reason.get_or_insert(reason);
            job.stop.cancel();
        }
    }

    /// Makes everything stop because the process ends.
    pub(super) fn drain_all(&self) {
        for job in self.lock().values_mut() {
            job.reason.get_or_insert(StopReason::Draining);
            job.stop.cancel();
        }
    }

    /// Why that claim was told to stop. A token that fired for no noted reason fired
    /// because a progress write found the lease gone.
    pub(super) fn reason(&self, id: JobId, fence: i64) -> Option<StopReason> {
        let jobs = self.lock();
        let job = jobs.get(&id).filter(|job| job.fence == fence)?;
        job.reason.or_else(|| job.stop.is_cancelled().then_some(StopReason::LeaseLost))
    }

    /// Everything held now.
    pub(super) fn all(&self) -> Vec<(JobId, i64)> {
        self.lock().iter().map(|(id, job)| (*id, job.fence)).collect()
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Returns once nothing is held.
    pub(super) async fn emptied(&self) {
        loop {
            let emptied = self.inner.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.lock().is_empty() {
                return;
            }
            emptied.await;
        }
    }
}
