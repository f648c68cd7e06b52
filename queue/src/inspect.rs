//! Inspecting and steering jobs and queues, for owners, operators and consoles.

use atelier_entities::{AttemptOutcome, JobId, JobState, Timestamp, UserId, job_attempts, jobs, workers};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Queue, bus::JobSummary, error::QueueError, name::QueueName};

mod bulk;
mod capacity;
mod estimate;
mod overview;
mod queues;
mod scaling;
mod status;
mod steer;
mod why;

pub use bulk::{BulkAction, BulkStep};
pub use capacity::QueueCapacity;
pub use overview::QueueOverview;
pub use scaling::{PerSecond, QueueScaling};
pub use status::JobStatus;
pub use steer::Cancelled;
pub use why::Why;

/// Most jobs of a list that are counted, so that showing a page does not read a history of
/// millions.
pub const COUNT_LIMIT: u64 = 10_000;

/// Which jobs are selected. A field that is left out matches all.
///
/// A stored filter with a field that this version does not know is refused, since
/// ignoring the field would select more jobs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobFilter {
    /// Of this owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// Of this kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// In this queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueName>,
    /// In this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<JobState>,
    /// About this subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Uuid>,
    /// With an error of this code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Enqueued at this moment or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_from: Option<Timestamp>,
    /// Enqueued before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_before: Option<Timestamp>,
    /// Ended before this moment. Jobs that have not ended do not match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_before: Option<Timestamp>,
    /// Of any kind but these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except_kinds: Vec<String>,
    /// A further condition on rows of `jobs`. It may read tables that the queue does not know,
    /// and is not stored.
    #[serde(skip)]
    pub restriction: Option<Condition>,
}

impl JobFilter {
    pub(crate) fn condition(&self) -> Condition {
        Condition::all()
            .add_option(self.owner.map(|owner| jobs::Column::OwnerId.eq(owner)))
            .add_option(self.kind.as_ref().map(|kind| jobs::Column::Kind.eq(kind)))
            .add_option(self.queue.map(|queue| jobs::Column::Queue.eq(queue.as_str())))
            .add_option(self.state.map(in_state))
            .add_option(self.subject.map(|subject| jobs::Column::SubjectId.eq(subject)))
            // Both databases read JSON with this operator.
            .add_option(
                self.error_code
                    .as_ref()
                    .map(|code| ExprTrait::eq(Expr::cust("error ->> 'code'"), code.as_str())),
            )
            .add_option(self.created_from.map(|from| jobs::Column::CreatedAt.gte(from)))
            .add_option(self.created_before.map(|before| jobs::Column::CreatedAt.lt(before)))
            .add_option(self.finished_before.map(|before| jobs::Column::FinishedAt.lt(before)))
            .add_option(
                (!self.except_kinds.is_empty()).then(|| jobs::Column::Kind.is_not_in(&self.except_kinds)),
            )
            .add_option(self.restriction.clone())
    }
}

/// The condition that a job is in that state, in a form that an index covers.
fn in_state(state: JobState) -> Condition {
    let indexed = match state {
        JobState::Running => Condition::all().add(Expr::cust("jobs.id IN (SELECT id FROM running_jobs)")),
        state => in_phase(state.phase()),
    };
    indexed.add(jobs::Column::State.eq(state))
}

/// The condition that a job is in that phase, in a form that an index covers.
fn in_phase(phase: i16) -> Condition {
    let ended = JobState::TERMINAL.iter().any(|state| state.phase() == phase);
    Condition::all()
        .add(Expr::cust(format!("phase = {phase}")))
        .add_option(ended.then(|| jobs::Column::FinishedAt.is_not_null()))
}

/// A page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// From 1.
    pub number: u64,
    /// Rows on it.
    pub size: u64,
}

impl Page {
    /// How many rows come before the page.
    #[must_use]
    pub fn offset(self) -> u64 {
        self.number.saturating_sub(1).saturating_mul(self.size)
    }

    /// How many rows the list has, up to [`COUNT_LIMIT`], where this many rows on the page
    /// tell it: some, and fewer than there is room for. An empty page tells it where it is
    /// the first one.
    #[must_use]
    pub fn total(self, found: usize) -> Option<u64> {
        let found = u64::try_from(found).unwrap_or(u64::MAX);
        let is_last = found < self.size && (found > 0 || self.offset() == 0);
        is_last.then(|| Ord::min(self.offset().saturating_add(found), COUNT_LIMIT))
    }
}

impl Queue {
    /// A job. With an owner, only a job of theirs.
    pub async fn find_job(
        &self,
        id: JobId,
        owner: Option<UserId>,
    ) -> Result<Option<jobs::Model>, QueueError> {
        let job = jobs::Entity::find_by_id(id).one(self.db()).await?;
        Ok(job.filter(|job| owner.is_none() || job.owner_id == owner))
    }

    /// A job's summary from the cache, where [`Queue::find_polled_status`] has read the job a
    /// moment ago and it has not changed since. With an owner, only a job of theirs.
    /// Changes that this process commits are never missed. Changes of other processes are
    /// missed where their messages are lost: for 1 s, or 5 s where the job has ended.
    #[must_use]
    pub fn find_cached_job(&self, id: JobId, owner: Option<UserId>) -> Option<JobSummary> {
        let bus = self.bus().local();
        let head = bus.job_cache().get(id, bus.epoch()?)?;
        (owner.is_none() || head.owner == owner).then_some(head)
    }

    /// A page of jobs, newest first, and their total number up to [`COUNT_LIMIT`].
    pub async fn list_jobs(
        &self,
        filter: &JobFilter,
        page: Page,
    ) -> Result<(Vec<jobs::Model>, u64), QueueError> {
        let find = jobs::Entity::find().filter(filter.condition());
        let some = find.clone().select_only().column(jobs::Column::Id).limit(COUNT_LIMIT);
        let rows = find
            .order_by_desc(jobs::Column::Id)
            .offset(page.offset())
            .limit(page.size)
            .all(self.db())
            .await?;
        let total = match page.total(rows.len()) {
            Some(total) => total,
            None => some.count(self.db()).await?,
        };
        Ok((rows, total))
    }

    /// Every attempt of a job, oldest first. The attempt that runs or succeeded comes from the
    /// job's own row.
    pub async fn list_attempts(&self, job: &jobs::Model) -> Result<Vec<Attempt>, QueueError> {
        let ended = job_attempts::Entity::find()
            .filter(job_attempts::Column::JobId.eq(job.id))
            .order_by_asc(job_attempts::Column::Fence)
            .all(self.db())
            .await?;
        let mut attempts: Vec<Attempt> = ended.into_iter().map(Attempt::from).collect();
        let outcome = match job.state {
            JobState::Running => None,
            JobState::Succeeded => Some(AttemptOutcome::Succeeded),
            _ => return Ok(attempts),
        };
        attempts.push(Attempt {
            number: job.attempt,
            worker: job.worker_id,
            outcome,
            error: None,
            started_at: job.started_at,
            finished_at: job.finished_at,
        });
        Ok(attempts)
    }

    /// Live workers, the oldest first.
    pub async fn list_workers(&self) -> Result<Vec<workers::Model>, QueueError> {
        let alive_since = self.now() - self.options().heartbeat * 3;
        let rows = workers::Entity::find()
            .filter(workers::Column::HeartbeatAt.gte(alive_since))
            .order_by_asc(workers::Column::StartedAt)
            .all(self.db())
            .await?;
        Ok(rows)
    }
}

/// One attempt of a job.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: i32,
    /// The worker that ran it.
    pub worker: Option<atelier_entities::WorkerId>,
    /// How it ended; none while it runs.
    pub outcome: Option<AttemptOutcome>,
    /// Why it failed.
    pub error: Option<serde_json::Value>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl From<job_attempts::Model> for Attempt {
    fn from(row: job_attempts::Model) -> Self {
        Self {
            number: row.attempt,
            worker: row.worker_id,
            outcome: Some(row.outcome),
            error: row.error,
            started_at: row.started_at,
            finished_at: Some(row.finished_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_not_full_tells_how_many_rows_there_are() {
        for (number, found, total) in [
            (1, 0, Some(0)),
            (1, 7, Some(7)),
            (3, 7, Some(107)),
            (1, 50, None),
            (3, 50, None),
            (3, 0, None),
            (201, 1, Some(COUNT_LIMIT)),
        ] {
            assert_eq!(Page { number, size: 50 }.total(found), total, "{number}, {found}");
        }
    }
}
