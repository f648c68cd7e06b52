//! Cancelling, retrying and discarding jobs, one by one or many in one transaction.

use std::slice;

use atelier_entities::{JobId, JobState, UserId, jobs};
use sea_orm::{ConnectionTrait, EntityTrait, SqlErr};
use uuid::Uuid;

use crate::{
    Queue, Transaction,
    error::QueueError,
    job::{Lane, time_limit},
    lease,
    name::QueueName,
    rank, state,
    store::{
        sql::Sql,
        turns::{self, Turns},
    },
};

mod many;

pub use many::Cancelled;
pub(super) use many::discard_many;
use many::{cancel_locked, discard_locked};

/// Subjects of one statement.
const SUBJECTS: usize = 10_000;

impl Queue {
    /// Cancels a job. With an owner, only a job of theirs. A waiting job is cancelled at once,
    /// a running one is told to stop.
    pub async fn cancel(&self, id: JobId, owner: Option<UserId>) -> Result<jobs::Model, QueueError> {
        let tx = self.begin().await?;
        let cancelled = async {
            tx.cancel(id, owner).await?;
            get(&tx, id).await
        }
        .await;
        tx.close(cancelled).await
    }

    /// Runs a job again that failed, was cancelled or discarded, from its first attempt on.
    pub async fn retry(&self, id: JobId, owner: Option<UserId>) -> Result<jobs::Model, QueueError> {
        let tx = self.begin().await?;
        let retried = async {
            tx.retry(id, owner).await?;
            get(&tx, id).await
        }
        .await;
        tx.close(retried).await
    }
}

impl Queue {
    /// Discards a job that waits, failed or was cancelled.
    pub async fn discard(&self, id: JobId) -> Result<jobs::Model, QueueError> {
        let tx = self.begin().await?;
        let discarded = async {
            discard_in(&tx, id).await?;
            get(&tx, id).await
        }
        .await;
        tx.close(discarded).await
    }
}

impl Transaction {
    /// Cancels every unfinished job about these subjects, for a change such as their
    /// deletion. All of them are locked first: see [`Transaction::lock_about`].
    pub async fn cancel_about(&self, subjects: &[Uuid]) -> Result<(), QueueError> {
        let unfinished = self.lock_about(subjects).await?;
        cancel_locked(self, &unfinished).await.map(drop)
    }

    /// Locks and answers the unfinished jobs about these subjects. Jobs are locked in the
    /// order of their ids, as everywhere: a caller with several subjects passes all of them
    /// in one call.
    pub async fn lock_about(&self, subjects: &[Uuid]) -> Result<Vec<jobs::Model>, QueueError> {
        let mut locked = Vec::new();
        for some in subjects.chunks(SUBJECTS) {
            let mut sql = Sql::new(self.get_database_backend());
            sql.push("SELECT * FROM jobs WHERE subject_id IS NOT NULL AND subject_id ").among(some);
            push_unfinished(&mut sql);
            locked.extend(jobs::Entity::find().from_raw_sql(sql.build()).all(&**self).await?);
        }
        Ok(locked)
    }

    /// Revokes the claim of a running job: its attempt can write nothing more, neither
    /// progress nor log lines nor an end. A rescuer ends the attempt with its effect, as
    /// cancelled where that was requested. Answers whether the job ran.
    pub async fn revoke_claim(&self, id: JobId) -> Result<bool, QueueError> {
        let ran = lease::revoke(self, id).await?;
        self.note_change(id);
        Ok(ran)
    }

    /// Locks and answers the unfinished jobs of an owner in these queues, in the order of their
    /// ids, as everywhere.
    pub async fn lock_unfinished(
        &self,
        owner: UserId,
        queues: &[QueueName],
    ) -> Result<Vec<jobs::Model>, QueueError> {
        let mut sql = Sql::new(self.get_database_backend());
        sql.push("SELECT * FROM jobs WHERE owner_id = ")
            .bind(owner)
            .push(" AND queue IN (")
            .bind_list(queues.iter().map(|queue| queue.as_str()))
            .push(")");
        push_unfinished(&mut sql);
        Ok(jobs::Entity::find().from_raw_sql(sql.build()).all(&**self).await?)
    }

    /// [`Queue::cancel`] in this transaction. Answers the job as it was before.
    pub async fn cancel(&self, id: JobId, owner: Option<UserId>) -> Result<jobs::Model, QueueError> {
        let job = locked(self, id, owner).await?;
        if job.state.is_terminal() {
            return Err(QueueError::WrongState { state: job.state, action: "cancelled" });
        }
        cancel_locked(self, slice::from_ref(&job)).await?;
        Ok(job)
    }

    /// [`Queue::retry`] in this transaction. Answers the job as it was before.
    pub async fn retry(&self, id: JobId, owner: Option<UserId>) -> Result<jobs::Model, QueueError> {
        let job = locked(self, id, owner).await?;
        if !matches!(job.state, JobState::Failed | JobState::Cancelled | JobState::Discarded) {
            return Err(QueueError::WrongState { state: job.state, action: "run again" });
        }
        // A job that runs again takes its owner's turn like a new one.
        let waiting = match turns::key_of(&job) {
            Some(key) => Turns::count(&**self, [key]).await?.take(key),
            None => 0,
        };
        let mut sql = Sql::new(self.get_database_backend());
        sql.push("UPDATE jobs SET state = 'available', phase = ")
            .bind(JobState::Available.phase())
            .push(", attempt = 0, revision = revision + 1, result = NULL, error = NULL, progress = NULL, cancel_requested_at = NULL, finished_at = NULL, expires_at = NULL, run_at = ")
            .bind(self.now())
            .push(", rank = ")
            .bind(rank::of(self.now(), Lane::from_number(job.lane), waiting, time_limit(&job)))
            .push(", updated_at = ")
            .bind(self.now())
            .push(" WHERE id = ")
            .bind(id);
        // Another job of its unique key may be unfinished by now.
        self.execute_raw(sql.build()).await.map_err(|error| match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => QueueError::WrongState {
                state: job.state,
                action: "run again while another one does its work",
            },
            _ => QueueError::from(error),
        })?;
        self.note_change(id);
        if let Some(queue) = QueueName::parse(&job.queue) {
            self.note_dispatch(queue, id);
        }
        Ok(job)
    }
}

/// Appends the condition that a job has not ended, and the lock in the order of ids.
fn push_unfinished(sql: &mut Sql) {
    let ended = JobState::TERMINAL.iter().map(|state| state.as_str());
    sql.push(" AND state NOT IN (").bind_list(ended).push(") ORDER BY id").lock();
}

async fn discard_in(tx: &Transaction, id: JobId) -> Result<(), QueueError> {
    let job = locked(tx, id, None).await?;
    if !state::can_become(job.state, JobState::Discarded) {
        return Err(QueueError::WrongState { state: job.state, action: "discarded" });
    }
    discard_locked(tx, &[job]).await.map(drop)
}

/// Reads the job as this transaction has changed it.
async fn get(tx: &Transaction, id: JobId) -> Result<jobs::Model, QueueError> {
    jobs::Entity::find_by_id(id).one(&**tx).await?.ok_or(QueueError::NotFound)
}

/// Locks and answers the job.
async fn locked(tx: &Transaction, id: JobId, owner: Option<UserId>) -> Result<jobs::Model, QueueError> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT * FROM jobs WHERE id = ").bind(id).lock();
    jobs::Entity::find()
        .from_raw_sql(sql.build())
        .one(&**tx)
        .await?
        .filter(|job| owner.is_none() || job.owner_id == owner)
        .ok_or(QueueError::NotFound)
}
