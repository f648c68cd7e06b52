//! Cancelling and running again.

use atelier_entities::{JobId, JobState, UserId, jobs};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, SqlErr};
use uuid::Uuid;

use crate::{
    Queue,
    enqueue::Transaction,
    error::QueueError,
    job::{Lane, time_limit},
    name::QueueName,
    outcome::JobError,
    rank, state,
    store::{
        finish, lease,
        sql::Sql,
        turns::{self, Turns},
    },
};

/// Subjects in one statement.
const SUBJECTS: usize = 10_000;

impl Queue {
    /// Cancels a job; with an owner, only theirs. One that waits is cancelled at once,
    /// one that runs is told to stop.
    pub async fn cancel(&self, id: JobId, owner: Option<UserId>) -> Result<jobs::Model, QueueError> {
        let tx = self.begin().await?;
        let cancelled = async {
            tx.cancel(id, owner).await?;
            get(&tx, id).await
        }
        .await;
        tx.close(cancelled).await
    }

    /// Runs a job again that failed, was cancelled or discarded, with all its attempts
    /// before it.
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
    /// Throws a job away that waits, failed or was cancelled.
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
    /// Cancels every waiting or running job about these subjects, as part of a larger
    /// change such as their deletion. All of them are locked first: see
    /// [`Transaction::lock_about`].
    pub async fn cancel_about(&self, subjects: &[Uuid]) -> Result<(), QueueError> {
        for job in self.lock_about(subjects).await? {
            match self.cancel(job.id, None).await {
                // It ended, or was deleted, since it was found.
                Ok(_) | Err(QueueError::WrongState { .. } | QueueError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The waiting and running jobs about these subjects, held until the transaction
    /// ends. Jobs are locked in the order of their ids, as everywhere: whoever locks the
    /// jobs of several subjects names all of them in one call.
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

    /// Takes a running job from its worker: nothing that its attempt writes from now on
    /// counts, neither progress nor log lines nor an end. A rescuer ends the attempt, as
    /// cancelled where that was asked, and with the effect of that end. Answers whether
    /// the job ran.
    pub async fn take_from_worker(&self, id: JobId) -> Result<bool, QueueError> {
        let taken = lease::take_one(self, id).await?;
        self.note_change(id);
        Ok(taken)
    }

    /// The jobs of an owner in these queues that wait or run, held until the transaction
    /// ends. Jobs are locked in the order of their ids, as everywhere, so that a change
    /// of many does not meet another one halfway.
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

    /// [`Queue::cancel`] as a part of a larger change, such as its audit entry. Answers
    /// the job as it was before.
    pub async fn cancel(&self, id: JobId, owner: Option<UserId>) -> Result<jobs::Model, QueueError> {
        let job = locked(self, id, owner).await?;
        if job.state.is_terminal() {
            return Err(QueueError::WrongState { state: job.state, action: "cancelled" });
        }
        if job.state == JobState::Running {
            request_cancel(self, id).await?;
            self.note_stop(id);
            self.note_change(id);
        } else {
            let error = JobError::fail("CANCELLED", "cancelled before it ran");
            finish::unstarted(self, &job, JobState::Cancelled, &error).await?;
        }
        Ok(job)
    }

    /// [`Queue::retry`] as a part of a larger change, such as a new charge.
    pub async fn retry(&self, id: JobId, owner: Option<UserId>) -> Result<jobs::Model, QueueError> {
        let job = locked(self, id, owner).await?;
        if !matches!(job.state, JobState::Failed | JobState::Cancelled | JobState::Discarded) {
            return Err(QueueError::WrongState { state: job.state, action: "run again" });
        }
        // Those that are run again take their owner's turns like everything else.
        let waiting = match turns::line_of(&job) {
            Some(line) => Turns::count(&**self, [line]).await?.take(line),
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
        // Another job of its unique key may be under way by now.
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

/// Appends that a job has not ended, and the lock in the order of ids.
fn push_unfinished(sql: &mut Sql) {
    let ended = JobState::TERMINAL.iter().map(|state| state.as_str());
    sql.push(" AND state NOT IN (").bind_list(ended).push(") ORDER BY id").lock();
}

async fn discard_in(tx: &Transaction, id: JobId) -> Result<(), QueueError> {
    let job = locked(tx, id, None).await?;
    if !state::can_become(job.state, JobState::Discarded) {
        return Err(QueueError::WrongState { state: job.state, action: "discarded" });
    }
    let error = JobError::fail("DISCARDED", "discarded by an operator");
    finish::unstarted(tx, &job, JobState::Discarded, &error).await.map(drop)
}

async fn request_cancel(tx: &Transaction, id: JobId) -> Result<(), DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("UPDATE jobs SET cancel_requested_at = COALESCE(cancel_requested_at, ")
        .bind(tx.now())
        .push("), revision = revision + 1 WHERE id = ")
        .bind(id)
        .push(" AND state = 'running'");
    tx.execute_raw(sql.build()).await.map(drop)
}

/// The job as the transaction leaves it.
async fn get(tx: &Transaction, id: JobId) -> Result<jobs::Model, QueueError> {
    jobs::Entity::find_by_id(id).one(&**tx).await?.ok_or(QueueError::NotFound)
}

/// The job, held until the transaction ends.
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
