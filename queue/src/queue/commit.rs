//! How transactions begin and end: each by itself, or all of a piece of work together.
//!
//! [`Queue::defer`] joins everything that a piece of work commits into one transaction
//! and leaves the commit to the caller. So the caller can write its own rows, such as
//! the kept answer of an idempotent request, in the same commit.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sea_orm::{DbErr, RuntimeErr};
use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
    time,
};

use super::{Queue, Transaction, WriteTurn, notes::Announcements};
use crate::{error::QueueError, transient::Transient};

tokio::task_local! {
    static DEFERRED: Deferred;
    static COMMITS: Arc<AtomicUsize>;
}

/// Runs `work` and counts its commits: those that were done or may have been done, and
/// those that [`Queue::defer`] keeps. Commits of tasks that the work spawns do not count.
///
/// Work that failed by a [`Transient::Conflict`] without any commit has changed nothing and
/// can be repeated as a whole.
pub async fn count_commits<T>(work: impl Future<Output = T>) -> (T, usize) {
    let commits = Arc::new(AtomicUsize::new(0));
    let answer = COMMITS.scope(commits.clone(), work).await;
    (answer, commits.load(Ordering::Relaxed))
}

/// Counts a commit, unless it surely changed nothing.
pub(crate) fn note_commit<T>(outcome: &Result<T, QueueError>) {
    let undone = |error: &QueueError| Transient::of(error) == Some(Transient::Conflict);
    if !outcome.as_ref().is_err_and(undone) {
        // Fails where nobody counts, which is no error.
        let _ = COMMITS.try_with(|commits| commits.fetch_add(1, Ordering::Relaxed));
    }
}

/// Longest wait of a deferred transaction for an earlier one of the same work.
const SLOT_BOUND: Duration = Duration::from_secs(5);

/// The slot that deferred work keeps its transaction in, locked by the transaction that is
/// open. It holds what was committed so far.
pub(super) type DeferredSlot = OwnedMutexGuard<Option<Transaction>>;

/// Work whose commits are deferred.
#[derive(Clone)]
struct Deferred {
    queue: Queue,
    slot: Arc<AsyncMutex<Option<Transaction>>>,
}

impl Queue {
    /// Runs `work` and defers its commits. Answers what the work answers and, where it
    /// committed anything, all of that as one open transaction. The caller may add to that
    /// transaction, and commits or rolls back the whole.
    ///
    /// Within the work, transactions begin, commit and roll back as usual, one after the
    /// other. A later one sees what earlier ones wrote, and rolls back only its own part.
    /// Nothing is visible outside of the transaction before the caller commits, not even
    /// to reads of the work itself that use no transaction. Tasks that the work spawns are
    /// not deferred. Where `work` panics or is dropped, everything is rolled back.
    pub async fn defer<T>(&self, work: impl Future<Output = T>) -> (T, Option<Transaction>) {
        let slot = Arc::new(AsyncMutex::new(None));
        let deferred = Deferred { queue: self.clone(), slot: slot.clone() };
        let answer = DEFERRED.scope(deferred, work).await;
        let done = slot.lock().await.take();
        (answer, done)
    }

    /// Begins a transaction that jobs can be enqueued in. On SQLite it takes the write
    /// lock at once, so that no later statement fails to get it.
    ///
    /// Within [`Queue::defer`] it begins a savepoint of the deferred transaction.
    pub async fn begin(&self) -> Result<Transaction, QueueError> {
        match self.deferred() {
            Some(deferred) => deferred.begin().await,
            None => self.begin_now().await,
        }
    }

    /// Whether the caller runs within [`Queue::defer`].
    pub(crate) fn is_deferring(&self) -> bool {
        self.deferred().is_some()
    }

    fn deferred(&self) -> Option<Deferred> {
        DEFERRED.try_with(Clone::clone).ok().filter(|deferred| deferred.queue.is(self))
    }
}

impl Deferred {
    async fn begin(self) -> Result<Transaction, QueueError> {
        let Ok(slot) = time::timeout(SLOT_BOUND, self.slot.lock_owned()).await else {
            let late = "another transaction of the same work is still open";
            return Err(DbErr::Conn(RuntimeErr::Internal(late.to_owned())).into());
        };
        let mut tx = match &*slot {
            None => self.queue.begin_now().await?,
            Some(earlier) => {
                let savepoint = earlier.inner.begin().await?;
                Transaction::new(self.queue, savepoint, WriteTurn::of_savepoint())
            }
        };
        tx.slot = Some(slot);
        Ok(tx)
    }
}

impl Transaction {
    /// Commits, pushes the new jobs to the transport and wakes the workers. A transport
    /// that does not answer loses nothing: the relay pushes the jobs later.
    ///
    /// Where somebody's access changes, this returns once every process has heard of it
    /// or remembers nothing older: after [`crate::bus::ACCESS_TTL`] at the latest.
    ///
    /// Within [`Queue::defer`] all of this is left to the caller of that.
    pub async fn commit(mut self) -> Result<(), QueueError> {
        if let Some(slot) = self.slot.take() {
            return self.keep_in(slot).await;
        }
        let Self { queue, inner, notes, turn, slot: _ } = self;
        let Announcements { dispatched, changed, stopped, unblocked, people } = notes.into_announcements();
        queue.announce_access(&people).await;
        let committed = inner.commit().await.map_err(QueueError::from);
        note_commit(&committed);
        committed?;
        drop(turn);
        queue.announce_stops(stopped).await;
        queue.announce(dispatched, changed).await;
        queue.announce_unblocked(unblocked).await;
        queue.settle_access(people).await;
        Ok(())
    }

    /// Keeps this transaction in the slot, or releases it as a savepoint of the one there.
    async fn keep_in(self, mut slot: DeferredSlot) -> Result<(), QueueError> {
        self.inner.check()?;
        let Some(earlier) = slot.as_mut() else {
            *slot = Some(self);
            note_commit(&Ok(()));
            return Ok(());
        };
        let Self { inner, notes, .. } = self;
        let released = inner.commit().await.map_err(QueueError::from);
        note_commit(&released);
        released?;
        earlier.notes.append(notes);
        Ok(())
    }

    /// Begins a savepoint in this transaction: what is written by it can be undone alone. Nothing
    /// else may use this transaction before the savepoint is [released](Self::release) or rolled
    /// back.
    pub async fn begin_savepoint(&self) -> Result<Self, QueueError> {
        let savepoint = self.inner.begin().await?;
        Ok(Self::new(self.queue.clone(), savepoint, WriteTurn::of_savepoint()))
    }

    /// Makes what a savepoint of this transaction wrote and announces a part of it.
    pub async fn release(&self, savepoint: Self) -> Result<(), QueueError> {
        let Self { inner, notes, .. } = savepoint;
        inner.commit().await?;
        self.notes.append(notes);
        Ok(())
    }

    /// Commits after a success. Rolls back at once after an error, so that no lock outlives
    /// it. Answers the outcome.
    pub(crate) async fn close<T>(self, outcome: Result<T, QueueError>) -> Result<T, QueueError> {
        match outcome {
            Ok(answer) => self.commit().await.map(|()| answer),
            Err(error) => {
                if let Err(late) = self.rollback().await {
                    tracing::debug!(error = %late, "rollback failed; the database rolls back by itself");
                }
                Err(error)
            }
        }
    }

    /// Rolls back.
    pub async fn rollback(self) -> Result<(), QueueError> {
        self.inner.rollback().await.map_err(QueueError::from)
    }
}
