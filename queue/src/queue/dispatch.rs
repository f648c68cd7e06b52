//! Announcing what was committed: ids to the transport, changes and stops to the bus.

use std::{collections::HashMap, time::Duration};

use atelier_entities::JobId;
use tokio::time;

use super::Queue;
use crate::{
    bus::Message,
    error::QueueError,
    metrics::{self, PushCause},
    name::QueueName,
    store::{self, window},
};

impl Queue {
    /// Pushes committed jobs to the transport and tells the watchers of changed ones. Over
    /// a network this runs in a task of its own: the caller of a commit does not wait for
    /// Redis.
    pub(crate) async fn announce(&self, jobs: Vec<(QueueName, JobId)>, changed: Vec<JobId>) {
        if jobs.is_empty() && changed.is_empty() {
            return;
        }
        // Before anything else, so that this process never answers from before the commit.
        self.bus().local().job_cache().remove(&changed);
        let queue = self.clone();
        let announcing = async move {
            let mut by_queue: HashMap<QueueName, Vec<JobId>> = HashMap::new();
            for (name, id) in jobs {
                by_queue.entry(name).or_default().push(id);
            }
            for (name, ids) in by_queue {
                queue.dispatch(name, &ids).await;
            }
            queue.tell_watchers(changed).await;
        };
        self.announce_by(announcing).await;
    }

    /// Tells the workers that run these jobs to stop them, in the same way.
    pub(super) async fn announce_stops(&self, jobs: Vec<JobId>) {
        if jobs.is_empty() {
            return;
        }
        let queue = self.clone();
        let announcing = async move {
            for id in jobs {
                queue.bus().publish(Message::Cancel(id)).await;
            }
        };
        self.announce_by(announcing).await;
    }

    /// Fills the transport's windows of queues that may start more jobs than before.
    pub(super) async fn announce_unblocked(&self, queues: Vec<QueueName>) {
        if queues.is_empty() {
            return;
        }
        let queue = self.clone();
        let announcing = async move {
            if let Err(error) = queue.refill(&queues).await {
                tracing::debug!(?queues, %error, "windows not filled now; the relay fills them");
            }
        };
        self.announce_by(announcing).await;
    }

    /// Waits until this process has announced everything that it committed, and answers
    /// whether that took at most `bound`. A process that ends earlier leaves ids to the
    /// relay, and cancellations to the next heartbeat of the worker.
    pub async fn flush(&self, bound: Duration) -> bool {
        time::timeout(bound, self.inner.announcements.wait()).await.is_ok()
    }

    async fn announce_by(&self, announcing: impl Future<Output = ()> + Send + 'static) {
        if self.inner.transport.is_remote() {
            self.inner.announcements.spawn(announcing);
        } else {
            announcing.await;
        }
    }

    /// Pushes committed jobs to the transport. A failure is only logged and counted: the
    /// relay pushes them later.
    async fn dispatch(&self, queue: QueueName, ids: &[JobId]) {
        if ids.is_empty() {
            return;
        }
        if let Err(error) = self.inner.transport.push(queue, ids, self.inner.options.window).await {
            tracing::warn!(%queue, jobs = ids.len(), %error, "jobs not dispatched now; the relay dispatches them");
            metrics::dispatch_failed(queue);
            self.note_error(&error.into());
        }
    }

    async fn refill(&self, names: &[QueueName]) -> Result<(), QueueError> {
        let window = self.options().window;
        for (name, ids) in store::bounded(window::next(self.db(), names, window)).await? {
            let pushed = self.transport().push(name, &ids, window).await?;
            metrics::relayed(name, PushCause::Refill, pushed);
        }
        Ok(())
    }

    /// Tells everybody who watches these jobs that they changed.
    pub(crate) async fn tell_watchers(&self, ids: Vec<JobId>) {
        if !ids.is_empty() {
            self.bus().local().job_cache().remove(&ids);
            self.bus().publish(Message::Changed(ids)).await;
        }
    }
}
