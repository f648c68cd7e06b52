//! Where the run's callers enqueue and cancel: through the library, or at a process that
//! may die over it.

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

/// How long a caller waits for each half of an enqueue, and for a cancellation.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A job as callers describe it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct JobRequest {
    kind: String,
    /// The same for the run's own memory.
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

    /// To be started by then, after everything else that waits.
    pub(super) fn expiring(self, deadline: Timestamp) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    pub(super) const fn kind(&self) -> &'static str {
        self.static_kind
    }

    /// The job of the library; none where nobody knows its kind.
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

/// A job that an enqueue made, or that stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EnqueuedJob {
    pub(super) id: JobId,
    /// Whether it was there already.
    pub(super) duplicate: bool,
}

/// What a caller knows after an enqueue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SubmitOutcome {
    /// The commit answered that it is done.
    Acknowledged(Vec<EnqueuedJob>),
    /// The commit answered an error or nothing.
    InDoubt(Vec<EnqueuedJob>),
    /// It never came to a commit.
    Refused,
}

/// Where callers go.
#[derive(Debug)]
pub(super) enum Enqueuer {
    Library(Queue),
    Process(EnqueueClient),
}

impl Enqueuer {
    /// The time that jobs go by.
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

    /// Asks for a job to be cancelled; true where that was granted for certain.
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
            tracing::debug!(%error, "not cancelled, or nobody knows");
            false
        }
        Err(_late) => {
            tracing::debug!("no answer to a request to cancel");
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
