//! How the run's callers enqueue and cancel: through the library, or through a process that
//! may be killed meanwhile.

use std::time::Duration;

use atelier_entities::{JobId, Timestamp, UserId, to_micros};
use atelier_queue::{Job, Lane, NewJob, Queue, QueueError};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time;

use super::kinds;

mod client;
mod server;

pub(super) use client::EnqueueClient;
pub(super) use server::serve;

/// How long a caller waits for each of the two steps of an enqueue, and for a cancellation.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A job that a caller wants to enqueue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct JobRequest {
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
    pub(super) fn of<J: Job>(args: &J) -> Self {
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

    pub(super) fn owned_by(self, owner: UserId) -> Self {
        Self { owner: Some(owner), ..self }
    }

    pub(super) fn unique(self, key: String) -> Self {
        Self { unique_key: Some(key), ..self }
    }

    pub(super) fn at(self, due: Timestamp) -> Self {
        Self { due: Some(due), ..self }
    }

    /// Expires at that moment, and waits behind all other jobs.
    pub(super) fn expiring(self, deadline: Timestamp) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    pub(super) const fn kind(&self) -> &'static str {
        self.static_kind
    }

    /// The job for the library; none where its kind is unknown.
    fn job(self) -> Option<NewJob> {
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
pub(super) struct EnqueuedJob {
    pub(super) id: JobId,
    /// Whether it existed already, under the same unique key.
    pub(super) duplicate: bool,
}

/// The outcome of an enqueue for its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SubmitOutcome {
    /// The commit was acknowledged.
    Acknowledged(Vec<EnqueuedJob>),
    /// The commit answered an error or nothing: the jobs may exist or not.
    InDoubt(Vec<EnqueuedJob>),
    /// Nothing was committed.
    Refused,
}

/// Enqueues and cancels for callers.
#[derive(Debug)]
pub(super) enum Enqueuer {
    Library(Queue),
    Process(EnqueueClient),
}

impl Enqueuer {
    /// The clock that jobs follow.
    pub(super) fn now(&self) -> Timestamp {
        match self {
            Self::Library(queue) => queue.now(),
            // SQLite has no clock but this machine's.
            Self::Process(_) => to_micros(Utc::now()),
        }
    }

    /// Enqueues jobs in one transaction.
    pub(super) async fn submit(&self, requests: Vec<JobRequest>) -> SubmitOutcome {
        match self {
            Self::Library(queue) => submit(queue, requests).await,
            Self::Process(client) => client.submit(requests).await,
        }
    }

    /// Cancels a job; true where that was acknowledged.
    pub(super) async fn cancel(&self, id: JobId) -> bool {
        match self {
            Self::Library(queue) => cancel(queue, id).await,
            Self::Process(client) => client.cancel(id).await,
        }
    }
}

async fn submit(queue: &Queue, requests: Vec<JobRequest>) -> SubmitOutcome {
    let jobs: Vec<NewJob> = requests.into_iter().filter_map(JobRequest::job).collect();
    let prepared = time::timeout(TIMEOUT, async {
        let tx = queue.begin().await?;
        let enqueued = tx.enqueue_all(jobs).await?;
        Ok::<_, QueueError>((tx, enqueued))
    });
    let Ok(Ok((tx, enqueued))) = prepared.await else { return SubmitOutcome::Refused };
    let made = enqueued.iter().map(|one| EnqueuedJob { id: one.id, duplicate: one.duplicate }).collect();
    match time::timeout(TIMEOUT, tx.commit()).await {
        Ok(Ok(())) => SubmitOutcome::Acknowledged(made),
        _ => SubmitOutcome::InDoubt(made),
    }
}

async fn cancel(queue: &Queue, id: JobId) -> bool {
    match time::timeout(TIMEOUT, queue.cancel(id, None)).await {
        Ok(Ok(_)) => true,
        Ok(Err(QueueError::WrongState { .. })) => false,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a cancellation failed or is in doubt");
            false
        }
        Err(_late) => {
            tracing::debug!("a cancellation was not answered");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::kinds::{Delayed, Unique},
        *,
    };

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
