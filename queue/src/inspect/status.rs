//! The status of a job: the columns that its owner sees, and no others.

use std::sync::LazyLock;

use atelier_entities::{ByPosition, JobId, JobState, Timestamp, UserId, jobs, read_by_position};
use sea_orm::ConnectionTrait;
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
    pub owner_id: Option<UserId>,
    /// The id of its subject.
    pub subject_id: Option<Uuid>,
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

read_by_position!(JobStatus, jobs::Column, from jobs::Model {
    id: Id,
    kind: Kind,
    queue: Queue,
    state: State,
    lane: Lane,
    owner_id: OwnerId,
    subject_id: SubjectId,
    attempt: Attempt,
    max_attempts: MaxAttempts,
    revision: Revision,
    progress: Progress,
    result: Result,
    error: Error,
    run_at: RunAt,
    created_at: CreatedAt,
    started_at: StartedAt,
    finished_at: FinishedAt,
    cancel_requested_at: CancelRequestedAt,
    updated_at: UpdatedAt,
});

static SELECT: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {} FROM jobs WHERE id = ", JobStatus::names()));

impl JobStatus {
    /// The summary of the job.
    #[must_use]
    pub fn summary(&self) -> JobSummary {
        JobSummary { owner: self.owner_id, state: self.state, revision: self.revision, run_at: self.run_at }
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
        sql.push(&SELECT).bind(id);
        let row = self.db().query_one_raw(sql.build()).await?;
        let status = row.as_ref().map(JobStatus::read).transpose()?;
        Ok(status.filter(|job| owner.is_none() || job.owner_id == owner))
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
        Ok(found?.filter(|job| owner.is_none() || job.owner_id == owner))
    }
}
