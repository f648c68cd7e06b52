//! The status of a job: the columns that its owner sees, and no others.

use atelier_entities::{JobId, JobState, Timestamp, UserId, jobs};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use serde_json::Value;
use uuid::Uuid;

use crate::{Queue, bus::JobSummary, error::QueueError, job::Lane, store::sql::Sql};

/// A job as its owner sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct JobStatus {
    /// The job.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// Its queue.
    pub queue: String,
    /// Its state.
    pub state: JobState,
    /// Its lane.
    pub lane: Lane,
    /// Its owner.
    pub owner: Option<UserId>,
    /// The id of its subject.
    pub subject: Option<Uuid>,
    /// Started attempts that count.
    pub attempt: i32,
    /// Most attempts.
    pub max_attempts: i32,
    /// Grows with each change.
    pub revision: i64,
    /// How far it is.
    pub progress: Option<Value>,
    /// Its result, once it succeeded.
    pub result: Option<Value>,
    /// The error of its last attempt.
    pub error: Option<Value>,
    /// When it is due.
    pub run_at: Timestamp,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When its last attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When its cancellation was requested.
    pub cancel_requested_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// In the order in which [`JobStatus::read`] takes them.
const SELECT: &str = "\
    SELECT id, kind, queue, state, lane, owner_id, subject_id, attempt, max_attempts, revision, progress, \
    result, error, run_at, created_at, started_at, finished_at, cancel_requested_at, updated_at \
    FROM jobs WHERE id = ";

impl JobStatus {
    fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.try_get_by_index(0)?,
            kind: row.try_get_by_index(1)?,
            queue: row.try_get_by_index(2)?,
            state: row.try_get_by_index(3)?,
            lane: Lane::from_number(row.try_get_by_index(4)?),
            owner: row.try_get_by_index(5)?,
            subject: row.try_get_by_index(6)?,
            attempt: row.try_get_by_index(7)?,
            max_attempts: row.try_get_by_index(8)?,
            revision: row.try_get_by_index(9)?,
            progress: row.try_get_by_index(10)?,
            result: row.try_get_by_index(11)?,
            error: row.try_get_by_index(12)?,
            run_at: row.try_get_by_index(13)?,
            created_at: row.try_get_by_index(14)?,
            started_at: row.try_get_by_index(15)?,
            finished_at: row.try_get_by_index(16)?,
            cancel_requested_at: row.try_get_by_index(17)?,
            updated_at: row.try_get_by_index(18)?,
        })
    }

    /// The summary of the job.
    #[must_use]
    pub fn summary(&self) -> JobSummary {
        JobSummary { owner: self.owner, state: self.state, revision: self.revision, run_at: self.run_at }
    }
}

impl From<jobs::Model> for JobStatus {
    fn from(job: jobs::Model) -> Self {
        Self {
            id: job.id,
            kind: job.kind,
            queue: job.queue,
            state: job.state,
            lane: Lane::from_number(job.lane),
            owner: job.owner_id,
            subject: job.subject_id,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            revision: job.revision,
            progress: job.progress,
            result: job.result,
            error: job.error,
            run_at: job.run_at,
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            cancel_requested_at: job.cancel_requested_at,
            updated_at: job.updated_at,
        }
    }
}

impl Queue {
    /// The status of a job. With an owner, only of a job of theirs.
    pub async fn find_status(
        &self,
        id: JobId,
        owner: Option<UserId>,
    ) -> Result<Option<JobStatus>, QueueError> {
        let mut sql = Sql::new(self.db().get_database_backend());
        sql.push(SELECT).bind(id);
        let row = self.db().query_one_raw(sql.build()).await?;
        let status = row.as_ref().map(JobStatus::read).transpose()?;
        Ok(status.filter(|job| owner.is_none() || job.owner == owner))
    }

    /// [`Queue::find_status`] for callers that poll: it fills the cache of
    /// [`Queue::find_cached_job`].
    pub async fn find_polled_status(
        &self,
        id: JobId,
        owner: Option<UserId>,
    ) -> Result<Option<JobStatus>, QueueError> {
        let bus = self.bus().local();
        let epoch = bus.epoch();
        let reading = bus.job_cache().begin(id);
        let found = self.find_status(id, None).await;
        if let Some(reading) = reading {
            match (&found, epoch) {
                (Ok(Some(job)), Some(epoch)) => bus.job_cache().store(reading, job.summary(), epoch),
                _ => bus.job_cache().abandon(reading),
            }
        }
        Ok(found?.filter(|job| owner.is_none() || job.owner == owner))
    }
}
