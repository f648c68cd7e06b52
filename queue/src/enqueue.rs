//! Enqueueing: a job is inserted in the caller's transaction, or not at all.

use std::time::Duration;

use atelier_entities::{Timestamp, jobs};
use sea_orm::EntityTrait;

use crate::{
    Transaction,
    error::QueueError,
    new_job::{Enqueued, NewJob, PreparedJob, Spacing},
};
use spacing::Delay;

mod batch;
mod insert;
mod rows;
pub(crate) mod spacing;

impl Transaction {
    /// Enqueues a job in this transaction.
    pub async fn enqueue(&self, mut job: NewJob) -> Result<Enqueued, QueueError> {
        if let Some(spacing) = job.spacing.take() {
            return self.enqueue_spaced(job, spacing).await;
        }
        let mut enqueued = self.enqueue_all(vec![job]).await?;
        enqueued.pop().ok_or(QueueError::NotFound)
    }

    /// Enqueues jobs in this transaction, in batches of statements. Answers them in the
    /// order of the jobs.
    pub async fn enqueue_all(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, QueueError> {
        if jobs.iter().any(|job| job.spacing.is_some()) {
            let mut enqueued = Vec::with_capacity(jobs.len());
            for job in jobs {
                enqueued.push(Box::pin(self.enqueue(job)).await?);
            }
            return Ok(enqueued);
        }
        let jobs: Vec<_> = jobs.into_iter().map(|job| self.prepare(job)).collect::<Result<_, _>>()?;
        self.insert(&jobs).await
    }

    async fn enqueue_spaced(&self, job: NewJob, spacing: Spacing) -> Result<Enqueued, QueueError> {
        match spacing {
            Spacing::Throttle { key, period } => self.enqueue_throttled(job, &key, period).await,
            Spacing::Debounce { key, quiet, longest } => {
                self.enqueue_debounced(job, &key, quiet, longest).await
            }
        }
    }

    async fn enqueue_throttled(
        &self,
        job: NewJob,
        key: &str,
        period: Duration,
    ) -> Result<Enqueued, QueueError> {
        let now = self.now();
        let job = self.prepare(job)?;
        let holder = spacing::holder(self, key, now).await?;
        if let Some(holder) = holder.filter(|holder| holder.until > now) {
            let earlier = jobs::Entity::find_by_id(holder.job_id).one(&**self).await?;
            job.suppress(holder.job_id, "a job of its key was enqueued less than a period before");
            return Ok(Enqueued { id: holder.job_id, duplicate: true, job: earlier });
        }
        self.insert_holder(job, key, now + period).await
    }

    async fn enqueue_debounced(
        &self,
        job: NewJob,
        key: &str,
        quiet: Duration,
        longest: Duration,
    ) -> Result<Enqueued, QueueError> {
        let now = self.now();
        let until = now + quiet.min(longest);
        let job = self.prepare(job.at(until))?;
        if let Some(holder) = spacing::holder(self, key, now).await? {
            let delay = Delay { until, longest, now };
            if let Some(earlier) = spacing::replace(self, holder.job_id, &job.args, delay).await? {
                spacing::hold(self, key, earlier.id, earlier.run_at).await?;
                self.note_change(earlier.id);
                job.suppress(earlier.id, "the waiting job of its series took its args");
                return Ok(Enqueued::duplicate_of(earlier));
            }
        }
        self.insert_holder(job, key, until).await
    }

    /// Inserts the job that holds a locked key until that moment.
    async fn insert_holder(
        &self,
        job: PreparedJob,
        key: &str,
        until: Timestamp,
    ) -> Result<Enqueued, QueueError> {
        let enqueued = self.insert(&[job]).await?.pop().ok_or(QueueError::NotFound)?;
        spacing::hold(self, key, enqueued.id, until).await?;
        Ok(enqueued)
    }

    async fn insert(&self, jobs: &[PreparedJob]) -> Result<Vec<Enqueued>, QueueError> {
        let inserted = rows::insert(&**self, self.queue(), jobs).await;
        let inserted = inserted.inspect_err(|error| self.queue().note_error(error))?;
        self.note_dispatches(inserted.due);
        Ok(inserted.answers)
    }

    fn prepare(&self, job: NewJob) -> Result<PreparedJob, QueueError> {
        job.prepare(self.queue().options().max_args_bytes)
    }
}
