//! The context of a handler: its job, its progress and log, and when to stop.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use atelier_entities::{JobId, Timestamp, UserId, jobs};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Queue,
    job::time_limit,
    progress::{self, NewEvent},
    store,
};

/// Shortest time between two progress writes of the same stage.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// The progress of a job, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// 0 to 100.
    pub percent: u8,
    /// Stable name of the stage, `lower_snake`.
    pub stage: String,
    /// A short message for people.
    pub message: String,
}

/// The level of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// A normal event.
    Info,
    /// An unexpected event that the job copes with.
    Warning,
    /// Something failed.
    Error,
}

/// One attempt of a job, as its handler sees it.
#[derive(Clone)]
pub struct JobContext {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Queue,
    job: Arc<jobs::Model>,
    stop: CancellationToken,
    begun: Instant,
    written: Mutex<Option<(Instant, Progress)>>,
    /// Held during a write: parts of a handler may write at the same time.
    writing: tokio::sync::Mutex<()>,
}

impl JobContext {
    pub(crate) fn new(queue: Queue, job: Arc<jobs::Model>, stop: CancellationToken) -> Self {
        let (begun, written, writing) = (Instant::now(), Mutex::default(), tokio::sync::Mutex::default());
        Self { inner: Arc::new(Inner { queue, job, stop, begun, written, writing }) }
    }

    /// The job's id.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.inner.job.id
    }

    /// The job's args, as stored.
    #[must_use]
    pub fn args(&self) -> &Value {
        &self.inner.job.args
    }

    /// The job's owner.
    #[must_use]
    pub fn owner(&self) -> Option<UserId> {
        self.inner.job.owner_id
    }

    /// The job's subject.
    #[must_use]
    pub fn subject(&self) -> Option<Uuid> {
        self.inner.job.subject_id
    }

    /// When the job was enqueued.
    #[must_use]
    pub fn enqueued_at(&self) -> Timestamp {
        self.inner.job.created_at
    }

    /// The number of this attempt, from 1.
    #[must_use]
    pub fn attempt(&self) -> u16 {
        u16::try_from(self.inner.job.attempt).unwrap_or(u16::MAX)
    }

    /// Whether no further attempt follows an error.
    #[must_use]
    pub fn is_last_attempt(&self) -> bool {
        self.inner.job.attempt >= self.inner.job.max_attempts
    }

    /// How long this attempt may run on before it is stopped.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        time_limit(&self.inner.job).saturating_sub(self.inner.begun.elapsed())
    }

    /// Fires when the job is cancelled, its lease is lost or the process stops. The handler
    /// should then return soon, with any answer.
    #[must_use]
    pub fn stop(&self) -> &CancellationToken {
        &self.inner.stop
    }

    /// The queue, for handlers that write and enqueue.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.inner.queue
    }

    /// Writes the progress. Within a stage, calls in quick succession are dropped; each new
    /// stage is written and kept. Where the lease is lost, nothing is written and the
    /// attempt is stopped.
    pub async fn progress(&self, percent: u8, stage: &str, message: impl Into<String>) {
        let progress =
            Progress { percent: percent.min(100), stage: stage.to_owned(), message: message.into() };
        let Some(new_stage) = self.should_write(&progress) else { return };
        let Inner { queue, job, stop, writing, .. } = &*self.inner;
        let value = serde_json::to_value(&progress).unwrap_or_default();
        let _turn = writing.lock().await;
        match store::bounded(progress::write(queue, job, &value, new_stage)).await {
            Ok(true) => queue.tell_watchers(vec![job.id]).await,
            Ok(false) => stop.cancel(),
            Err(error) => tracing::warn!(job.id = %job.id, %error, "progress not written"),
        }
    }

    /// Appends a line to the job's log, which its owner reads. Where the lease is lost or
    /// the log is full, nothing is written.
    pub async fn log(&self, level: LogLevel, message: impl Into<String>) {
        let Inner { queue, job, writing, .. } = &*self.inner;
        let data = json!({"level": level, "message": message.into(), "attempt": job.attempt});
        let event = NewEvent { kind: "log", data: &data, most: progress::most_lines(queue) };
        let _turn = writing.lock().await;
        match store::bounded(progress::append_event(queue, job, event)).await {
            Ok(true) => queue.tell_watchers(vec![job.id]).await,
            Ok(false) => {}
            Err(error) => tracing::warn!(job.id = %job.id, %error, "log line not written"),
        }
    }

    /// Appends an event of the job's own, which those who follow the job get under the name
    /// `kind`. Answers whether it was written: not where the lease is lost, and not where
    /// four fifths of the job's log are full.
    pub async fn event(&self, kind: &str, data: &Value) -> bool {
        let Inner { queue, job, writing, .. } = &*self.inner;
        let event = NewEvent { kind, data, most: progress::most_own_events(queue) };
        let _turn = writing.lock().await;
        match store::bounded(progress::append_event(queue, job, event)).await {
            Ok(true) => {
                queue.tell_watchers(vec![job.id]).await;
                true
            }
            Ok(false) => false,
            Err(error) => {
                tracing::warn!(job.id = %job.id, kind, %error, "event not written");
                false
            }
        }
    }

    /// Whether the progress is to be written, and whether it begins a stage.
    fn should_write(&self, progress: &Progress) -> Option<bool> {
        let mut written = self.inner.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let new_stage = written.as_ref().is_none_or(|(_, last)| last.stage != progress.stage);
        let too_soon =
            written.as_ref().is_some_and(|(at, last)| at.elapsed() < PROGRESS_INTERVAL || last == progress);
        if too_soon && !new_stage && progress.percent < 100 {
            return None;
        }
        *written = Some((Instant::now(), progress.clone()));
        Some(new_stage)
    }
}

impl std::fmt::Debug for JobContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobContext")
            .field("id", &self.inner.job.id)
            .field("kind", &self.inner.job.kind)
            .field("attempt", &self.inner.job.attempt)
            .finish_non_exhaustive()
    }
}
