//! Enqueueing: part of the caller's transaction, or not at all.

use std::{
    ops::Deref,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use atelier_entities::{JobId, Timestamp, UserId};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Queue,
    commit::Place,
    error::QueueError,
    guarded::Guarded,
    job::{Job, Lane, Policy},
    name::QueueName,
    queue::WriteTurn,
    store::spacing::{self, PutOff},
};
use rows::Prepared;

pub(crate) mod group;
mod rows;

/// Quiet times that a debounced series may last, unless the caller says otherwise.
const MOST_QUIETS: u32 = 10;

/// A job about to be enqueued: its args and what the caller wants of it beyond the
/// kind's policy.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub(crate) kind: &'static str,
    pub(crate) queue: QueueName,
    pub(crate) policy: Policy,
    pub(crate) args: Result<Value, String>,
    pub(crate) unique_key: Option<String>,
    owner: Option<UserId>,
    subject: Option<Uuid>,
    run_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    origin: Origin,
    spacing: Option<Spacing>,
}

/// How jobs of one key keep apart.
#[derive(Clone, Debug)]
pub(crate) enum Spacing {
    /// Only the last of a series is run, once the series has been quiet for so long, or
    /// has lasted for `longest`.
    Debounce { key: String, quiet: Duration, longest: Duration },
    /// At most one in each period; the others answer it.
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
    /// A job of these args, by its kind's policy.
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

    /// Runs only the last of a series of jobs of this kind and key, `quiet` after it:
    /// while the job waits, another enqueue replaces its args and puts it off. A series
    /// that is never quiet for so long is run after ten times that, counted from its
    /// first.
    #[must_use]
    pub fn debounced(self, key: &str, quiet: Duration) -> Self {
        self.debounced_at_most(key, quiet, quiet * MOST_QUIETS)
    }

    /// The same where a series is run after `longest` at the latest.
    #[must_use]
    pub fn debounced_at_most(mut self, key: &str, quiet: Duration, longest: Duration) -> Self {
        let key = format!("debounce:{}:{key}", self.kind);
        self.spacing = Some(Spacing::Debounce { key, quiet, longest });
        self
    }

    /// Runs at most one job of this kind and key in each `period`: another enqueue
    /// answers the one that has it.
    #[must_use]
    pub fn throttled(mut self, key: &str, period: Duration) -> Self {
        let key = format!("throttle:{}:{key}", self.kind);
        self.spacing = Some(Spacing::Throttle { key, period });
        self
    }

    /// Whose job it is: they may see and cancel it, and it takes their turn.
    #[must_use]
    pub fn owned_by(mut self, owner: UserId) -> Self {
        self.owner = Some(owner);
        self
    }

    /// What it is about, to find it by.
    #[must_use]
    pub fn about(mut self, subject: impl Into<Uuid>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Not before this moment.
    #[must_use]
    pub fn at(mut self, run_at: Timestamp) -> Self {
        self.run_at = Some(run_at);
        self
    }

    /// Cancelled if it has not started by this moment.
    #[must_use]
    pub fn expiring(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// In this lane rather than its kind's.
    #[must_use]
    pub fn in_lane(mut self, lane: Lane) -> Self {
        self.policy.lane = lane;
        self
    }

    /// Under this unique key rather than its own.
    #[must_use]
    pub fn unique(mut self, key: impl Into<String>) -> Self {
        self.unique_key = Some(key.into());
        self
    }

    /// With at most this many attempts, each of at most this long.
    #[must_use]
    pub fn with_limits(mut self, max_attempts: u16, timeout: Duration) -> Self {
        self.policy.max_attempts = max_attempts.max(1);
        self.policy.timeout = timeout;
        self
    }

    /// Coming from this request.
    #[must_use]
    pub fn from_origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }
}

/// What became of an enqueue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// The job.
    pub id: JobId,
    /// True where a job of the same unique key was there already and stands for this
    /// one.
    pub duplicate: bool,
}

/// A SQL transaction that jobs can be enqueued in. They exist if and only if it
/// commits; once it has, they are handed to the transport.
///
/// Dropped without [`Transaction::commit`], nothing of it remains.
pub struct Transaction {
    pub(crate) queue: Queue,
    pub(crate) inner: Guarded,
    pub(crate) dispatches: Mutex<Vec<(QueueName, JobId)>>,
    pub(crate) changed: Mutex<Vec<JobId>>,
    pub(crate) stopped: Mutex<Vec<JobId>>,
    pub(crate) roomy: Mutex<Vec<QueueName>>,
    pub(crate) people: Mutex<Vec<UserId>>,
    pub(crate) turn: WriteTurn,
    pub(crate) place: Option<Place>,
}

impl Deref for Transaction {
    type Target = Guarded;

    fn deref(&self) -> &Guarded {
        &self.inner
    }
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

impl Transaction {
    pub(crate) fn new(queue: Queue, inner: Guarded, turn: WriteTurn) -> Self {
        Self {
            queue,
            inner,
            dispatches: Mutex::default(),
            changed: Mutex::default(),
            stopped: Mutex::default(),
            roomy: Mutex::default(),
            people: Mutex::default(),
            turn,
            place: None,
        }
    }

    /// The queue's present: one time for all rows of a change.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.queue.now()
    }

    /// Enqueues a job in this transaction.
    pub async fn enqueue(&self, mut job: NewJob) -> Result<Enqueued, QueueError> {
        if let Some(spacing) = job.spacing.take() {
            return self.enqueue_spaced(job, spacing).await;
        }
        let mut enqueued = self.enqueue_all(vec![job]).await?;
        enqueued.pop().ok_or(QueueError::NotFound)
    }

    /// Enqueues jobs in this transaction, in a few statements however many they are.
    /// The answers stand in the order of the jobs.
    pub async fn enqueue_all(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, QueueError> {
        if jobs.iter().any(|job| job.spacing.is_some()) {
            let mut enqueued = Vec::with_capacity(jobs.len());
            for job in jobs {
                enqueued.push(Box::pin(self.enqueue(job)).await?);
            }
            return Ok(enqueued);
        }
        let jobs: Vec<_> = jobs.into_iter().map(|job| job.prepare(&self.queue)).collect::<Result<_, _>>()?;
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
        let job = job.prepare(&self.queue)?;
        let holder = spacing::holder(&self.inner, key, now).await?;
        if let Some(holder) = holder.filter(|holder| holder.until > now) {
            return Ok(job.answered_by(holder.job_id, "one of its key came less than a period before"));
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
        let job = job.at(until).prepare(&self.queue)?;
        if let Some(holder) = spacing::holder(&self.inner, key, now).await? {
            let later = PutOff { until, longest, now };
            if let Some(until) = spacing::put_off(&self.inner, holder.job_id, job.args(), later).await? {
                spacing::hold(&self.inner, key, holder.job_id, until).await?;
                self.note_change(holder.job_id);
                return Ok(job.answered_by(holder.job_id, "the one of its series that waits took its args"));
            }
        }
        self.insert_holder(job, key, until).await
    }

    /// Inserts the job that holds a locked key until then.
    async fn insert_holder(
        &self,
        job: Prepared,
        key: &str,
        until: Timestamp,
    ) -> Result<Enqueued, QueueError> {
        let enqueued = self.insert(&[job]).await?.pop().ok_or(QueueError::NotFound)?;
        spacing::hold(&self.inner, key, enqueued.id, until).await?;
        Ok(enqueued)
    }

    async fn insert(&self, jobs: &[Prepared]) -> Result<Vec<Enqueued>, QueueError> {
        let inserted = rows::insert(&self.inner, &self.queue, jobs).await;
        let inserted = inserted.inspect_err(|error| self.queue.heed(error))?;
        lock(&self.dispatches).extend(inserted.due);
        Ok(inserted.answers)
    }

    /// Notes a job that this transaction changes, to tell its watchers after the
    /// commit.
    pub(crate) fn note_change(&self, id: JobId) {
        lock(&self.changed).push(id);
    }

    /// Notes a running job that this transaction asks to stop.
    pub(crate) fn note_stop(&self, id: JobId) {
        lock(&self.stopped).push(id);
    }

    /// Notes a job that this transaction made available.
    pub(crate) fn note_dispatch(&self, queue: QueueName, id: JobId) {
        lock(&self.dispatches).push((queue, id));
    }

    /// Notes a person whose access this transaction changes: what they or one of their
    /// tokens may do. Every process forgets what it knew of them before the commit
    /// returns.
    pub fn note_access(&self, person: UserId) {
        lock(&self.people).push(person);
    }

    /// Notes a queue that may start more once this is committed.
    pub(crate) fn note_room(&self, queue: QueueName) {
        lock(&self.roomy).push(queue);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
