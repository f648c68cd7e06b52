//! The run's record of its requests: which jobs were acknowledged, which are in doubt, and
//! which were cancelled.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use atelier_entities::{JobId, Timestamp};
use atelier_queue::Job;

use super::kinds::Probe;

/// What the answer to an enqueue said of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryState {
    /// The commit was acknowledged: the job exists.
    Acknowledged,
    /// The commit answered an error, or nothing: the job may exist or not.
    InDoubt,
}

/// The record of a job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) kind: &'static str,
    pub(super) state: EntryState,
    /// When its cancellation was acknowledged.
    pub(super) cancelled_at: Option<Timestamp>,
    /// Whether its cancellation was requested; the answer may have been lost.
    pub(super) cancel_asked: bool,
}

impl Entry {
    const fn new(kind: &'static str, state: EntryState) -> Self {
        Self { kind, state, cancelled_at: None, cancel_asked: false }
    }
}

/// The latest jobs, among which the canceller chooses.
const RECENT: usize = 200;

#[derive(Debug, Default)]
struct Inner {
    jobs: HashMap<JobId, Entry>,
    recent: VecDeque<JobId>,
    batches_in_doubt: Vec<Vec<JobId>>,
    refused: u64,
    duplicates: u64,
}

/// The record of a run.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    inner: Mutex<Inner>,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records jobs of one transaction whose commit was acknowledged.
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

    /// Records jobs of one transaction that may have been committed or not.
    pub(super) fn doubt(&self, jobs: &[(JobId, &'static str)]) {
        let mut inner = self.lock();
        for (id, kind) in jobs {
            inner.jobs.entry(*id).or_insert(Entry::new(kind, EntryState::InDoubt));
        }
        inner.batches_in_doubt.push(jobs.iter().map(|(id, _)| *id).collect());
    }

    /// Counts jobs that were certainly not enqueued.
    pub(super) fn refuse(&self, jobs: usize) {
        self.lock().refused += jobs as u64;
    }

    /// Counts an enqueue that answered an existing job.
    pub(super) fn count_duplicate(&self) {
        self.lock().duplicates += 1;
    }

    /// One of the latest acknowledged jobs; `draw` in 0..1 selects it.
    pub(super) fn pick_recent(&self, draw: f64) -> Option<JobId> {
        let inner = self.lock();
        let index = super::draws::pick(draw, inner.recent.len())?;
        inner.recent.get(index).copied()
    }

    /// Records that the job's cancellation is requested.
    pub(super) fn note_cancel_asked(&self, id: JobId) {
        if let Some(entry) = self.lock().jobs.get_mut(&id) {
            entry.cancel_asked = true;
        }
    }

    /// Records that the job's cancellation was acknowledged.
    pub(super) fn note_cancel(&self, id: JobId, at: Timestamp) {
        if let Some(entry) = self.lock().jobs.get_mut(&id) {
            entry.cancelled_at.get_or_insert(at);
        }
    }

    /// All records, by job.
    pub(super) fn entries(&self) -> HashMap<JobId, Entry> {
        self.lock().jobs.clone()
    }

    /// Groups of jobs of which all or none must exist.
    pub(super) fn batches_in_doubt(&self) -> Vec<Vec<JobId>> {
        self.lock().batches_in_doubt.clone()
    }

    /// Numbers of refused jobs and of duplicates.
    pub(super) fn refused_and_duplicates(&self) -> (u64, u64) {
        let inner = self.lock();
        (inner.refused, inner.duplicates)
    }

    /// Number of acknowledged jobs.
    pub(super) fn count_acknowledged(&self) -> usize {
        self.lock().jobs.values().filter(|entry| entry.state == EntryState::Acknowledged).count()
    }
}
