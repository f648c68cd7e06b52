//! Jobs, their attempts, and why they wait.

use atelier_entities::{AttemptOutcome, JobState, jobs};
use atelier_queue::{
    Lane,
    inspect::{Attempt, JobStatus, Why},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    error::ApiError,
    schema::{IntoParams, ToSchema, free::JsonObject, results::JobResult, sets},
};

/// A job, as its owner sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct JobView {
    /// UUIDv7.
    id: Uuid,
    /// What it does, `domain.verb_object`.
    #[schema(value_type = sets::JobKind)]
    kind: String,
    /// Where it waits.
    #[schema(value_type = sets::QueueName)]
    queue: String,
    /// Where it is in its life.
    #[schema(value_type = sets::JobState)]
    status: JobState,
    /// How urgent it is.
    #[schema(value_type = sets::Lane)]
    lane: &'static str,
    /// What it is about, such as the project's id.
    subject_id: Option<Uuid>,
    /// Attempts begun.
    attempt: i32,
    /// Attempts allowed.
    max_attempts: i32,
    /// Grows with each change; also in the ETag.
    revision: i64,
    /// How far it is.
    #[schema(value_type = Option<ProgressView>)]
    progress: Option<Value>,
    /// What came of it, once it succeeded.
    #[schema(value_type = Option<JobResult>)]
    result: Option<Value>,
    /// Why it failed, or what the next attempt hopes not to meet.
    #[schema(value_type = Option<JobErrorView>)]
    error: Option<Value>,
    /// Why it does not run, while it waits; only in the answer about one job.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = WhyView)]
    why: Option<WhyView>,
    /// When it is due.
    run_at: DateTime<Utc>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// When its last attempt began.
    started_at: Option<DateTime<Utc>>,
    /// When it ended.
    finished_at: Option<DateTime<Utc>>,
    /// When its cancellation was asked for.
    cancel_requested_at: Option<DateTime<Utc>>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
}

/// How far a job is.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProgressView {
    /// 0 to 100.
    #[schema(maximum = 100, example = 40)]
    percent: u8,
    /// Stable name of the stage.
    #[schema(example = "writing")]
    stage: String,
    /// A few words for people.
    #[schema(example = "Writing app.js")]
    message: String,
}

/// What went wrong in a job.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobErrorView {
    /// Stable name, `UPPER_SNAKE`.
    #[schema(value_type = sets::JobErrorCode)]
    code: String,
    /// A sentence.
    message: String,
    /// More of it, such as the faults of an answer; absent where there is none.
    #[schema(value_type = JsonObject, required = false)]
    details: Option<Value>,
}

impl From<JobStatus> for JobView {
    fn from(job: JobStatus) -> Self {
        Self {
            id: job.id.0,
            kind: job.kind,
            queue: job.queue,
            status: job.state,
            lane: match job.lane {
                Lane::Urgent => "urgent",
                Lane::Normal => "normal",
                Lane::Bulk => "bulk",
            },
            subject_id: job.subject_id,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            revision: job.revision,
            progress: job.progress,
            result: job.result,
            error: job.error,
            why: None,
            run_at: job.run_at,
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            cancel_requested_at: job.cancel_requested_at,
            updated_at: job.updated_at,
        }
    }
}

impl From<jobs::Model> for JobView {
    fn from(job: jobs::Model) -> Self {
        JobStatus::from(job).into()
    }
}

impl JobView {
    /// The same with the reason of its waiting, if it waits.
    pub(crate) fn with_why(mut self, why: Option<Why>) -> Self {
        self.why = why.map(WhyView::from);
        self
    }
}

/// The answer to a request that became a job.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobAnswer {
    /// The job; `Location` is its address.
    pub(crate) job: JobView,
}

/// Why a job does not run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WhyView {
    /// Stable name.
    #[schema(value_type = sets::WaitCode)]
    code: String,
    /// A sentence for people.
    message: String,
    /// Jobs before it in its queue, where it waits in line; counted up to 10,000.
    position: Option<u64>,
    /// When it starts about, where it waits in line and jobs of its queue have ended
    /// lately.
    estimated_start: Option<DateTime<Utc>>,
    /// When it is tried again, where that is known.
    retry_at: Option<DateTime<Utc>>,
    /// The facts of the sentence: the provider whose circuit is open, the jobs that
    /// hold a limit.
    #[schema(value_type = Option<JsonObject>)]
    details: Option<Value>,
}

impl From<Why> for WhyView {
    fn from(why: Why) -> Self {
        let Why { code, message, position, estimated_start, retry_at, details, by: _ } = why;
        Self { code: code.into_owned(), message, position, estimated_start, retry_at, details }
    }
}

/// One attempt of a job.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttemptView {
    /// Its number, from 1.
    attempt: i32,
    /// How it ended; null while it runs.
    #[schema(value_type = Option<sets::AttemptOutcome>)]
    outcome: Option<AttemptOutcome>,
    /// The worker that ran it.
    worker_id: Option<Uuid>,
    /// What went wrong.
    #[schema(value_type = Option<JobErrorView>)]
    error: Option<Value>,
    /// When it began.
    started_at: Option<DateTime<Utc>>,
    /// When it ended.
    finished_at: Option<DateTime<Utc>>,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            attempt: attempt.number,
            outcome: attempt.outcome,
            worker_id: attempt.worker.map(|id| id.0),
            error: attempt.error,
            started_at: attempt.started_at,
            finished_at: attempt.finished_at,
        }
    }
}

/// Which of the caller's jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobQuery {
    /// Only of this kind.
    #[param(example = "generation.run")]
    pub(crate) kind: Option<String>,
    /// Only in this state.
    #[param(value_type = Option<sets::JobState>)]
    status: Option<String>,
    /// Only about this project.
    pub(crate) project: Option<Uuid>,
}

impl JobQuery {
    /// The state that was asked for.
    pub(crate) fn state(&self) -> Result<Option<JobState>, ApiError> {
        parse_state(self.status.as_deref())
    }
}

/// The state of that name; 422 that lists the names where there is none.
pub(crate) fn parse_state(status: Option<&str>) -> Result<Option<JobState>, ApiError> {
    let Some(status) = status else { return Ok(None) };
    JobState::parse(status).map(Some).ok_or_else(|| {
        let names: Vec<_> = JobState::ALL.iter().map(|state| state.as_str()).collect();
        ApiError::invalid([("status", format!("must be one of {}", names.join(", ")))])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_state_is_told_the_known_ones() {
        assert_eq!(parse_state(None).expect("no filter"), None);
        assert_eq!(parse_state(Some("failed")).expect("a state"), Some(JobState::Failed));
        let error = parse_state(Some("done")).expect_err("no state");
        assert!(format!("{error:?}").contains("succeeded"));
    }
}
