//! What the run was told: which jobs were acknowledged, which are in doubt, and what
//! else was asked of them.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use atelier_entities::{JobId, Timestamp};
use atelier_queue::Job;

use super::kinds::Probe;

/// What is known of a job from having enqueued it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryState {
    /// The commit answered that it is done: the job exists.
    Acknowledged,
    /// The commit answered an error, or nothing: the job may exist or not.
    InDoubt,
}

/// A job as the run remembers it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) kind: &'static str,
    pub(super) state: EntryState,
    /// When a request to cancel it was granted.
    pub(super) cancelled_at: Option<Timestamp>,
    /// Whether it was asked to be cancelled at all; the answer may have been lost.
    pub(super) cancel_asked: bool,
}

impl Entry {
    const fn new(kind: &'static str, state: EntryState) -> Self {
        Self { kind, state, cancelled_at: None, cancel_asked: false }
    }
}

/// Jobs that may be asked to be cancelled.
const RECENT: usize = 200;

#[derive(Debug, Default)]
struct Inner {
    jobs: HashMap<JobId, Entry>,
    recent: VecDeque<JobId>,
    batches_in_doubt: Vec<Vec<JobId>>,
    refused: u64,
    duplicates: u64,
}

/// The run's memory.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    inner: Mutex<Inner>,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These jobs were enqueued together, and the commit answered that it is done.
    pub(super) fn acknowledge(&self, jobs: &[(JobId, &'static str)]) {
        let mut inner = self.lock();
        for (id, kind) in jobs {
            let entry = inner.jobs.entry(*id).or_insert(Entry::new(kind, EntryState::Acknowledged));
            entry.state = EntryState::Acknowledged;
            if *kind != Probe::KIND {
                inner.recent.push_back(*id);
            }
        }
        let surplus = inner.recent.len().saturating_sub(RECENT);
        inner.recent.drain(..surplus);
    }

    /// These jobs were enqueued together, and nobody knows whether it was committed.
    pub(super) fn doubt(&self, jobs: &[(JobId, &'static str)]) {
        let mut inner = self.lock();
        for (id, kind) in jobs {
            inner.jobs.entry(*id).or_insert(Entry::new(kind, EntryState::InDoubt));
        }
        inner.batches_in_doubt.push(jobs.iter().map(|(id, _)| *id).collect());
    }

    /// Jobs that were not enqueued, for certain.
    pub(super) fn refuse(&self, jobs: usize) {
        self.lock().refused += jobs as u64;
    }

    /// An enqueue was answered by a job that was there already.
    pub(super) fn count_duplicate(&self) {
        self.lock().duplicates += 1;
    }

    /// One of the jobs acknowledged lately; `dice` in 0..1 says which.
    pub(super) fn pick_recent(&self, draw: f64) -> Option<JobId> {
        let inner = self.lock();
        let index = super::draws::pick(draw, inner.recent.len())?;
        inner.recent.get(index).copied()
    }

    /// The job is asked to be cancelled.
    pub(super) fn note_cancel_asked(&self, id: JobId) {
        if let Some(entry) = self.lock().jobs.get_mut(&id) {
            entry.cancel_asked = true;
        }
    }

    /// A request to cancel the job was granted.
    pub(super) fn note_cancel(&self, id: JobId, at: Timestamp) {
        if let Some(entry) = self.lock().jobs.get_mut(&id) {
            entry.cancelled_at.get_or_insert(at);
        }
    }

    /// Everything it remembers.
    pub(super) fn entries(&self) -> HashMap<JobId, Entry> {
        self.lock().jobs.clone()
    }

    /// Jobs of which all or none must exist.
    pub(super) fn batches_in_doubt(&self) -> Vec<Vec<JobId>> {
        self.lock().batches_in_doubt.clone()
    }

    /// Jobs refused for certain, and enqueues answered by a job that was there.
    pub(super) fn refused_and_duplicates(&self) -> (u64, u64) {
        let inner = self.lock();
        (inner.refused, inner.duplicates)
    }

    /// Jobs acknowledged so far.
    pub(super) fn count_acknowledged(&self) -> usize {
        self.lock().jobs.values().filter(|entry| entry.state == EntryState::Acknowledged).count()
    }
}
