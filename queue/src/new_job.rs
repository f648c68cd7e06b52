//! What a caller enqueues and what it is answered.

use std::time::Duration;

use atelier_entities::{JobId, Timestamp, UserId, jobs};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    error::QueueError,
    job::{Job, Lane, Policy},
    name::QueueName,
    store::{sql::without_nul, table::has_nul},
};

/// Longest a debounced series may last, in quiet times, unless the caller sets a bound.
const MAX_QUIET_TIMES: u32 = 10;

/// The arg that names who waits for the end of a job, beside the args of its kind.
const AWAITED_BY: &str = "awaited_by";

/// A job to be enqueued: its args, and what the caller sets beside the kind's policy.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub(crate) kind: &'static str,
    pub(crate) queue: QueueName,
    pub(crate) policy: Policy,
    pub(crate) args: Result<Value, String>,
    pub(crate) unique_key: Option<String>,
    pub(crate) owner: Option<UserId>,
    pub(crate) subject: Option<Uuid>,
    pub(crate) run_at: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) origin: Origin,
    pub(crate) spacing: Option<Spacing>,
}

/// How jobs of one key are spaced out.
#[derive(Clone, Debug)]
pub(crate) enum Spacing {
    /// Only the last job of a series runs, once the series has been quiet for `quiet` or
    /// has lasted for `longest`.
    Debounce { key: String, quiet: Duration, longest: Duration },
    /// At most one job runs in each period; the other enqueues answer that job.
    Throttle { key: String, period: Duration },
}

/// Where a job comes from: carried into its log lines and traces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// W3C traceparent of the request.
    pub trace_parent: Option<String>,
    /// `X-Request-Id` of the request.
    pub request_id: Option<String>,
}

impl NewJob {
    /// A job with these args and its kind's policy.
    #[must_use]
    pub fn of<J: Job>(args: &J) -> Self {
        Self {
            kind: J::KIND,
            queue: J::QUEUE,
            policy: J::policy(),
            args: serde_json::to_value(args).map_err(|error| error.to_string()),
            unique_key: args.unique_key(),
            owner: None,
            subject: None,
            run_at: None,
            expires_at: None,
            origin: Origin::default(),
            spacing: None,
        }
    }

    /// Runs only the last of a series of jobs of this kind and key, `quiet` after it.
    /// While the job waits, another enqueue replaces its args and delays it. A series
    /// that is never quiet runs after ten times `quiet`, counted from its first job.
    #[must_use]
    pub fn debounced(self, key: &str, quiet: Duration) -> Self {
        self.debounced_at_most(key, quiet, quiet * MAX_QUIET_TIMES)
    }

    /// [`NewJob::debounced`] with a bound: the series runs after `longest` at the latest.
    #[must_use]
    pub fn debounced_at_most(mut self, key: &str, quiet: Duration, longest: Duration) -> Self {
        let key = format!("debounce:{}:{key}", self.kind);
        self.spacing = Some(Spacing::Debounce { key, quiet, longest });
        self
    }

    /// Runs at most one job of this kind and key in each `period`. Another enqueue in
    /// that period answers the same job.
    #[must_use]
    pub fn throttled(mut self, key: &str, period: Duration) -> Self {
        let key = format!("throttle:{}:{key}", self.kind);
        self.spacing = Some(Spacing::Throttle { key, period });
        self
    }

    /// Sets the owner. Owners may see and cancel their jobs, and take turns.
    #[must_use]
    pub fn owned_by(mut self, owner: UserId) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Sets the subject, by which the job can be found.
    #[must_use]
    pub fn about(mut self, subject: impl Into<Uuid>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Makes the job due at this moment.
    #[must_use]
    pub fn at(mut self, run_at: Timestamp) -> Self {
        self.run_at = Some(run_at);
        self
    }

    /// Cancels the job if it has not started by this moment.
    #[must_use]
    pub fn expiring(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// Sets the lane, in place of the kind's.
    #[must_use]
    pub fn in_lane(mut self, lane: Lane) -> Self {
        self.policy.lane = lane;
        self
    }

    /// Sets the unique key, in place of the kind's.
    #[must_use]
    pub fn unique(mut self, key: impl Into<String>) -> Self {
        self.unique_key = Some(key.into());
        self
    }

    /// Sets the attempts and the timeout of each, in place of the kind's.
    #[must_use]
    pub fn with_limits(mut self, max_attempts: u16, timeout: Duration) -> Self {
        self.policy.max_attempts = max_attempts.max(1);
        self.policy.timeout = timeout;
        self
    }

    /// Says who waits for the end of the job, if anybody does. It is kept beside the args of the kind, which know
    /// nothing of it; effects read it as [`EndedJob::awaited_by`](crate::EndedJob::awaited_by).
    #[must_use]
    pub fn awaited_by(mut self, waiter: impl Into<Option<Uuid>>) -> Self {
        if let Some(waiter) = waiter.into()
            && let Ok(Value::Object(args)) = &mut self.args
        {
            args.insert(AWAITED_BY.to_owned(), Value::from(waiter.to_string()));
        }
        self
    }

    /// Sets the request that the job comes from.
    #[must_use]
    pub fn from_origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }
}

/// Who waits for the end of a job with these args.
pub(crate) fn waiter_of(args: &Value) -> Option<Uuid> {
    args.get(AWAITED_BY)?.as_str()?.parse().ok()
}

/// A new job whose args were checked.
#[derive(Debug)]
pub(crate) struct PreparedJob {
    pub(crate) job: NewJob,
    /// The args without NUL characters.
    pub(crate) args: Value,
    /// The args as JSON text.
    pub(crate) args_text: String,
}

impl NewJob {
    /// Checks that the args can be stored in at most `max_args_bytes`.
    pub(crate) fn prepare(mut self, max_args_bytes: usize) -> Result<PreparedJob, QueueError> {
        let kind = self.kind;
        let refuse = |reason| QueueError::Args { kind, reason };
        let mut args = std::mem::replace(&mut self.args, Ok(Value::Null)).map_err(refuse)?;
        let mut args_text = args.to_string();
        if has_nul(&args_text) {
            args = without_nul(&args);
            args_text = args.to_string();
        }
        let size = args_text.len();
        if size > max_args_bytes {
            return Err(refuse(format!("{size} bytes, at most {max_args_bytes} are allowed")));
        }
        Ok(PreparedJob { job: self, args, args_text })
    }
}

/// The answer to an enqueue.
#[derive(Clone, Debug, PartialEq)]
pub struct Enqueued {
    /// The job.
    pub id: JobId,
    /// True where nothing was inserted: an earlier job, of the same unique key, series or
    /// period, stands for the new one.
    pub duplicate: bool,
    /// The job's row as the transaction leaves it; none where the earlier job of a period
    /// was deleted since.
    pub job: Option<jobs::Model>,
}

impl Enqueued {
    /// The answer for a job that was inserted.
    pub(crate) fn inserted(job: jobs::Model) -> Self {
        Self { id: job.id, duplicate: false, job: Some(job) }
    }

    /// The answer for a job that an earlier one stands for.
    pub(crate) fn duplicate_of(job: jobs::Model) -> Self {
        Self { id: job.id, duplicate: true, job: Some(job) }
    }

    /// The job's row; an error where it was deleted.
    pub fn into_job(self) -> Result<jobs::Model, QueueError> {
        self.job.ok_or(QueueError::NotFound)
    }
}
