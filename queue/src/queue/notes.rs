//! What a transaction announces once it is committed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use atelier_entities::{JobId, UserId};
use uuid::Uuid;

use super::Transaction;
use crate::name::QueueName;

/// The announcements of one transaction.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    inner: Mutex<Announcements>,
}

/// What is announced, in the order in which it was noted.
#[derive(Debug, Default)]
pub(super) struct Announcements {
    /// Jobs that became available, to be pushed to the transport.
    pub(super) dispatched: Vec<(QueueName, JobId)>,
    /// Jobs whose watchers are to be told.
    pub(super) changed: Vec<JobId>,
    /// Running jobs that are to stop.
    pub(super) stopped: Vec<JobId>,
    /// Queues that may start more jobs than before.
    pub(super) unblocked: Vec<QueueName>,
    /// People whose access changed.
    pub(super) people: Vec<UserId>,
}

impl Notes {
    fn lock(&self) -> MutexGuard<'_, Announcements> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that was noted.
    pub(super) fn into_announcements(self) -> Announcements {
        self.inner.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the notes of a later part of the same transaction.
    pub(super) fn append(&self, later: Self) {
        let mut later = later.into_announcements();
        let mut notes = self.lock();
        notes.dispatched.append(&mut later.dispatched);
        notes.changed.append(&mut later.changed);
        notes.stopped.append(&mut later.stopped);
        notes.unblocked.append(&mut later.unblocked);
        notes.people.append(&mut later.people);
    }
}

impl Transaction {
    /// Notes a job that this transaction changes. Its watchers are told after the commit.
    pub(crate) fn note_change(&self, id: JobId) {
        self.notes.lock().changed.push(id);
    }

    /// Notes jobs that this transaction changes.
    pub(crate) fn note_changes(&self, ids: impl IntoIterator<Item = JobId>) {
        self.notes.lock().changed.extend(ids);
    }

    /// Notes what jobs are about, such as a run of a workflow, where this transaction changes it. Those who
    /// [follow](crate::Queue::follow) it are told after the commit.
    pub fn note_subject_change(&self, subject: Uuid) {
        self.note_change(JobId(subject));
    }

    /// Notes running jobs that this transaction tells to stop.
    pub(crate) fn note_stops(&self, ids: impl IntoIterator<Item = JobId>) {
        self.notes.lock().stopped.extend(ids);
    }

    /// Notes a job that this transaction makes available.
    pub(crate) fn note_dispatch(&self, queue: QueueName, id: JobId) {
        self.notes.lock().dispatched.push((queue, id));
    }

    /// Notes jobs that this transaction makes available.
    pub(crate) fn note_dispatches(&self, jobs: Vec<(QueueName, JobId)>) {
        self.notes.lock().dispatched.extend(jobs);
    }

    /// Notes a person whose access this transaction changes: what they, or one of their
    /// tokens, may do. Every process drops what it remembers of them before the commit
    /// returns.
    pub fn note_access_change(&self, person: UserId) {
        self.notes.lock().people.push(person);
    }

    /// Notes a queue that may start more jobs once this is committed.
    pub(crate) fn note_unblocked(&self, queue: QueueName) {
        self.notes.lock().unblocked.push(queue);
    }
}
