//! How the run's callers enqueue and cancel: through the library, or through a process that
//! may be killed meanwhile.

use atelier_entities::{JobId, Timestamp, to_micros};
use atelier_queue::{NewJob, Queue, QueueError};
use chrono::Utc;
use tokio::time;

mod client;
mod request;
mod server;

pub(super) use client::EnqueueClient;
pub(super) use request::{EnqueuedJob, JobRequest, SubmitOutcome};
pub(super) use server::serve;

use request::TIMEOUT;

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
