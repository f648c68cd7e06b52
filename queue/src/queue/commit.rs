//! How transactions end: at once, or together with what their caller adds.
//!
//! [`Queue::defer`] makes one transaction of all that a piece of work commits, and
//! leaves it to the caller to commit it. So a caller that must know afterwards what
//! was done writes that down in the same commit.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sea_orm::{DbErr, RuntimeErr};
use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
    time,
};

use crate::{
    Queue, enqueue::Transaction, error::QueueError, name::QueueName, queue::WriteTurn, relay,
    transient::Transient,
};

tokio::task_local! {
    static DEFERRED: Deferred;
    static COMMITS: Arc<AtomicUsize>;
}

/// Runs `work`, and answers beside it how many of its commits were done or may have been;
/// what [`Queue::defer`] keeps counts too. Work that failed by a [`Transient::Conflict`] and has
/// committed nothing has changed nothing, and may be done again whole. Commits of tasks
/// that the work spawns are not counted.
pub async fn count_commits<T>(work: impl Future<Output = T>) -> (T, usize) {
    let commits = Arc::new(AtomicUsize::new(0));
    let answer = COMMITS.scope(commits.clone(), work).await;
    (answer, commits.load(Ordering::Relaxed))
}

/// Counts a commit, unless it is known to have changed nothing.
pub(crate) fn note_commit<T>(outcome: &Result<T, QueueError>) {
    let undone = |error: &QueueError| Transient::of(error) == Some(Transient::Conflict);
    if !outcome.as_ref().is_err_and(undone) {
        // Most work is not counted.
        let _ = COMMITS.try_with(|commits| commits.fetch_add(1, Ordering::Relaxed));
    }
}

/// Longest a transaction of deferred work waits for an earlier one to end.
const PLACE_BOUND: Duration = Duration::from_secs(5);

/// The one place where deferred work keeps its transaction. Whoever has it open holds
/// it; in it stands what was committed so far.
pub(crate) type Place = OwnedMutexGuard<Option<Transaction>>;

/// Work whose commits are deferred.
#[derive(Clone)]
struct Deferred {
    queue: Queue,
    place: Arc<AsyncMutex<Option<Transaction>>>,
}

impl Queue {
    /// Runs `work` without committing what it commits. That is answered beside what
    /// the work answered, as one open transaction, or as none where nothing was
    /// committed; whatever the caller adds to it is committed or undone with it.
    ///
    /// Within the work transactions begin, commit and roll back as ever, one after the
    /// other: a later one sees what earlier ones did, and undoes only its own part. To
    /// everybody else nothing has happened yet, and so it looks to reads of the work
    /// itself that do not go by a transaction. A task that the work spawns has no part
    /// in it. Where `work` panics or is dropped, nothing of it remains.
    pub async fn defer<T>(&self, work: impl Future<Output = T>) -> (T, Option<Transaction>) {
        let place = Arc::new(AsyncMutex::new(None));
        let deferred = Deferred { queue: self.clone(), place: place.clone() };
        let answer = DEFERRED.scope(deferred, work).await;
        let done = place.lock().await.take();
        (answer, done)
    }

    /// Begins a transaction that jobs can be enqueued in. On SQLite it takes the
    /// write lock at once, so that it never fails half-way for want of it.
    ///
    /// Within [`Queue::defer`] it goes on with what was committed there before.
    pub async fn begin(&self) -> Result<Transaction, QueueError> {
        match self.deferred() {
            Some(deferred) => deferred.begin().await,
            None => self.begin_now().await,
        }
    }

    /// Whether this is asked within [`Queue::defer`].
    pub(crate) fn is_deferring(&self) -> bool {
        self.deferred().is_some()
    }

    fn deferred(&self) -> Option<Deferred> {
        DEFERRED.try_with(Clone::clone).ok().filter(|deferred| deferred.queue.is(self))
    }

    /// Fills the transport's windows of queues that may start more than before.
    async fn announce_room(&self, queues: Vec<QueueName>) {
        if queues.is_empty() {
            return;
        }
        let queue = self.clone();
        let filling = async move {
            if let Err(error) = relay::fill(&queue, &queues).await {
                tracing::debug!(?queues, %error, "not dispatched now; the relay will");
            }
        };
        self.beside(filling).await;
    }
}

impl Deferred {
    async fn begin(self) -> Result<Transaction, QueueError> {
        let Ok(place) = time::timeout(PLACE_BOUND, self.place.lock_owned()).await else {
            let late = "another transaction of the same work is still open";
            return Err(DbErr::Conn(RuntimeErr::Internal(late.to_owned())).into());
        };
        let mut tx = match &*place {
            None => self.queue.begin_now().await?,
            Some(earlier) => {
                let savepoint = earlier.inner.begin().await?;
                Transaction::new(self.queue, savepoint, WriteTurn::of_another())
            }
        };
        tx.place = Some(place);
        Ok(tx)
    }
}

impl Transaction {
    /// Commits, hands the jobs to the transport and wakes the workers. A transport
    /// that does not answer loses nothing: the relay hands them over later.
    ///
    /// Where somebody's access changes, this returns once every process has heard it or
    /// has no more to forget, after [`crate::bus::KNOWN_FOR`].
    ///
    /// Within [`Queue::defer`] all this is left to the caller of that.
    pub async fn commit(mut self) -> Result<(), QueueError> {
        if let Some(place) = self.place.take() {
            return self.leave_in(place).await;
        }
        let Self { queue, inner, dispatches, changed, stopped, roomy, people, turn, place: _ } = self;
        let people = taken(people);
        queue.announce_access(&people).await;
        let committed = inner.commit().await.map_err(QueueError::from);
        note_commit(&committed);
        committed?;
        drop(turn);
        queue.announce_stops(taken(stopped)).await;
        queue.announce(taken(dispatches), taken(changed)).await;
        queue.announce_room(taken(roomy)).await;
        queue.settle_access(people).await;
        Ok(())
    }

    /// Becomes what stands in the place, or a part of it.
    async fn leave_in(self, mut place: Place) -> Result<(), QueueError> {
        self.inner.check()?;
        let Some(earlier) = place.as_mut() else {
            *place = Some(self);
            note_commit(&Ok(()));
            return Ok(());
        };
        let Self { inner, dispatches, changed, stopped, roomy, people, .. } = self;
        let kept = inner.commit().await.map_err(QueueError::from);
        note_commit(&kept);
        kept?;
        append(&earlier.dispatches, dispatches);
        append(&earlier.changed, changed);
        append(&earlier.stopped, stopped);
        append(&earlier.roomy, roomy);
        append(&earlier.people, people);
        Ok(())
    }

    /// Commits where it went well; undoes everything at once where it did not, so that
    /// no lock outlives the error. Answers what it was given.
    pub(crate) async fn close<T>(self, outcome: Result<T, QueueError>) -> Result<T, QueueError> {
        match outcome {
            Ok(answer) => self.commit().await.map(|()| answer),
            Err(error) => {
                if let Err(late) = self.rollback().await {
                    tracing::debug!(error = %late, "not rolled back; the database does it itself");
                }
                Err(error)
            }
        }
    }

    /// Undoes everything done in it.
    pub async fn rollback(self) -> Result<(), QueueError> {
        self.inner.rollback().await.map_err(QueueError::from)
    }
}

fn taken<T>(notes: Mutex<Vec<T>>) -> Vec<T> {
    notes.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn append<T>(notes: &Mutex<Vec<T>>, later: Mutex<Vec<T>>) {
    notes.lock().unwrap_or_else(PoisonError::into_inner).append(&mut taken(later));
}
