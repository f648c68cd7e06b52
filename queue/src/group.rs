//! Group commit: callers whose jobs are written by a shared statement.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::{
    error::QueueError,
    new_job::{Enqueued, PreparedJob},
};

/// Jobs of one statement.
const BATCH: usize = 1_000;

/// Statements under way at the same time.
const WRITERS: usize = 2;

/// Callers that wait for their jobs to be written.
#[derive(Debug, Default)]
pub(crate) struct Group {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    requests: Vec<Request>,
    writers: usize,
}

/// A job to be written, and where its caller waits.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) job: PreparedJob,
    pub(crate) answer: oneshot::Sender<Result<Enqueued, QueueError>>,
}

impl Group {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job. Answers whether the caller must start a writer.
    pub(crate) fn add(&self, request: Request) -> bool {
        let mut waiting = self.lock();
        waiting.requests.push(request);
        let starts = waiting.writers == 0 || (waiting.writers < WRITERS && waiting.requests.len() >= BATCH);
        waiting.writers += usize::from(starts);
        starts
    }
}

/// A writer of a group. Dropping it makes room for another one.
pub(crate) struct Writer<'a> {
    group: &'a Group,
    ended: bool,
}

impl<'a> Writer<'a> {
    /// The writer that [`Group::add`] asked for.
    pub(crate) const fn of(group: &'a Group) -> Self {
        Self { group, ended: false }
    }

    /// The next requests to write. None where nothing waits: the writer has ended.
    pub(crate) fn take(&mut self) -> Option<Vec<Request>> {
        let mut waiting = self.group.lock();
        let count = waiting.requests.len().min(BATCH);
        if count == 0 {
            waiting.writers -= 1;
            self.ended = true;
            return None;
        }
        Some(waiting.requests.drain(..count).collect())
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.group.lock().writers -= 1;
        }
    }
}
