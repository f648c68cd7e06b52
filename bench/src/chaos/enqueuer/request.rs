//! Jobs that callers want to enqueue, and the outcome.

use std::time::Duration;

use atelier_entities::{JobId, Timestamp, UserId};
use atelier_queue::{Job, Lane, NewJob};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chaos::kinds;

/// How long a caller waits for each of the two steps of an enqueue, and for a cancellation.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// A job that a caller wants to enqueue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::chaos) struct JobRequest {
    kind: String,
    /// The kind as the ledger keeps it.
    #[serde(skip)]
    static_kind: &'static str,
    args: Value,
    owner: Option<UserId>,
    unique_key: Option<String>,
    due: Option<Timestamp>,
    deadline: Option<Timestamp>,
}

impl JobRequest {
    pub(in crate::chaos) fn of<J: Job>(args: &J) -> Self {
        Self {
            kind: J::KIND.to_owned(),
            static_kind: J::KIND,
            args: serde_json::to_value(args).unwrap_or_default(),
            owner: None,
            unique_key: None,
            due: None,
            deadline: None,
        }
    }

    pub(in crate::chaos) fn owned_by(self, owner: UserId) -> Self {
        Self { owner: Some(owner), ..self }
    }

    pub(in crate::chaos) fn unique(self, key: String) -> Self {
        Self { unique_key: Some(key), ..self }
    }

    pub(in crate::chaos) fn at(self, due: Timestamp) -> Self {
        Self { due: Some(due), ..self }
    }

    /// Expires at that moment, and waits behind all other jobs.
    pub(in crate::chaos) fn expiring(self, deadline: Timestamp) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    pub(in crate::chaos) const fn kind(&self) -> &'static str {
        self.static_kind
    }

    /// The job for the library; none where its kind is unknown.
    pub(super) fn job(self) -> Option<NewJob> {
        let mut job = kinds::new_job(&self.kind, self.args)?;
        if let Some(owner) = self.owner {
            job = job.owned_by(owner);
        }
        if let Some(key) = self.unique_key {
            job = job.unique(key);
        }
        if let Some(due) = self.due {
            job = job.at(due);
        }
        if let Some(deadline) = self.deadline {
            job = job.expiring(deadline).in_lane(Lane::Bulk);
        }
        Some(job)
    }
}

/// The job that an enqueue answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::chaos) struct EnqueuedJob {
    pub(in crate::chaos) id: JobId,
    /// Whether it existed already, under the same unique key.
    pub(in crate::chaos) duplicate: bool,
}

/// The outcome of an enqueue for its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::chaos) enum SubmitOutcome {
    /// The commit was acknowledged.
    Acknowledged(Vec<EnqueuedJob>),
    /// The commit answered an error or nothing: the jobs may exist or not.
    InDoubt(Vec<EnqueuedJob>),
    /// Nothing was committed.
    Refused,
}

#[cfg(test)]
mod tests {
    use atelier_entities::to_micros;
    use chrono::Utc;

    use super::*;
    use crate::chaos::kinds::{Delayed, Unique};

    #[test]
    fn an_order_is_the_same_at_the_other_end() {
        let due = to_micros(Utc::now());
        let request =
            JobRequest::of(&Delayed { due }).at(due).owned_by(UserId::new()).unique("key".to_owned());

        let line = serde_json::to_string(&request).expect("written");
        let read: JobRequest = serde_json::from_str(&line).expect("read");

        assert_eq!((read.kind.as_str(), read.due, read.owner), (request.kind(), Some(due), request.owner));
        assert!(read.job().is_some(), "the other end knows its kind");
        let args = serde_json::json!({"key": "no number"});
        assert!(JobRequest { args, ..JobRequest::of(&Unique { key: 1, millis: 1 }) }.job().is_none());
    }
}
