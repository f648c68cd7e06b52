//! Why a job is not running.

use atelier_entities::{JobState, Timestamp, jobs, queues, workers};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};

use crate::{Queue, error::QueueError, limits::QueueLimits};

/// Why a job is where it is: a code for programs and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// Stable, `UPPER_SNAKE`.
    pub code: &'static str,
    /// A sentence.
    pub message: String,
    /// Jobs that go before it, where it waits for its turn.
    pub position: Option<u64>,
    /// When it is looked at again, where that is known.
    pub retry_at: Option<Timestamp>,
}

impl Why {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), position: None, retry_at: None }
    }

    fn at(mut self, at: Timestamp) -> Self {
        self.retry_at = Some(at);
        self
    }
}

impl Queue {
    /// Why the job is not running, or that it is.
    pub async fn why(&self, job: &jobs::Model) -> Result<Why, QueueError> {
        match job.state {
            JobState::Scheduled if is_unreadable(job) => {
                let message = "no worker that has looked at it can read its args; it waits for a version of the program that can";
                Ok(Why::new("ARGS_UNREADABLE", message).at(job.run_at))
            }
            JobState::Scheduled => {
                Ok(Why::new("SCHEDULED", format!("it is due at {}", job.run_at.to_rfc3339())).at(job.run_at))
            }
            JobState::Retrying => {
                let reason =
                    job.error.as_ref().and_then(|error| error["message"].as_str()).unwrap_or("an error");
                let message = format!(
                    "attempt {} of {} ended in an error: {reason}; the next is due at {}",
                    job.attempt,
                    job.max_attempts,
                    job.run_at.to_rfc3339()
                );
                Ok(Why::new("WAITING_TO_RETRY", message).at(job.run_at))
            }
            JobState::Running if job.cancel_requested_at.is_some() => {
                Ok(Why::new("STOPPING", "it is running and has been told to stop"))
            }
            JobState::Running => Ok(Why::new("RUNNING", "it is running")),
            JobState::Available => self.why_waiting(job).await,
            ended => Ok(Why::new("ENDED", format!("it has {}", past(ended)))),
        }
    }

    async fn why_waiting(&self, job: &jobs::Model) -> Result<Why, QueueError> {
        let row = queues::Entity::find_by_id(job.queue.clone()).one(self.db()).await?;
        if let Some(since) = row.as_ref().and_then(|queue| queue.paused_at) {
            let message = format!("the queue {} has been paused since {}", job.queue, since.to_rfc3339());
            return Ok(Why::new("QUEUE_PAUSED", message));
        }
        let workers: Vec<workers::Model> = self
            .list_workers()
            .await?
            .into_iter()
            .filter(|worker| !worker.draining && worker.queues.get(&job.queue).is_some())
            .collect();
        if workers.is_empty() {
            return Ok(Why::new("NO_WORKER", format!("no worker serves the queue {} now", job.queue)));
        }
        let known = workers.iter().any(|worker| {
            worker.kinds.as_array().is_some_and(|kinds| kinds.iter().any(|kind| *kind == *job.kind))
        });
        if !known {
            return Ok(Why::new("KIND_UNKNOWN", format!("no live worker knows jobs of kind {}", job.kind)));
        }
        if let Some(row) = row
            && let Some(limited) = self.why_limited(job, &row).await?
        {
            return Ok(limited);
        }
        let before = jobs::Entity::find()
            .filter(jobs::Column::State.eq(JobState::Available))
            .filter(jobs::Column::Queue.eq(&job.queue))
            .filter(jobs::Column::Rank.lt(job.rank))
            .count(self.db())
            .await?;
        let message = match before {
            0 => "it is next".to_owned(),
            1 => "one job goes before it".to_owned(),
            more => format!("{more} jobs go before it"),
        };
        Ok(Why { position: Some(before), ..Why::new("WAITING_TURN", message) })
    }

    /// Which limit of the queue holds the job back, if one does.
    async fn why_limited(&self, job: &jobs::Model, row: &queues::Model) -> Result<Option<Why>, QueueError> {
        let limits = QueueLimits::of(row);
        let running = jobs::Entity::find()
            .filter(jobs::Column::State.eq(JobState::Running))
            .filter(jobs::Column::Queue.eq(&job.queue));
        if let (Some(most), Some(owner)) = (limits.max_running_per_owner, job.owner_id) {
            let holders: Vec<jobs::Model> =
                running.clone().filter(jobs::Column::OwnerId.eq(owner)).limit(10).all(self.db()).await?;
            if holders.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
                let ids: Vec<String> = holders.iter().map(|job| job.id.to_string()).collect();
                let message = format!(
                    "its owner already runs {most} jobs of the queue {}, which is the limit: {}",
                    job.queue,
                    ids.join(", ")
                );
                return Ok(Some(Why::new("OWNER_LIMIT", message)));
            }
        }
        if let Some(most) = limits.max_running
            && running.count(self.db()).await? >= u64::from(most)
        {
            let message = format!("the queue {} runs {most} jobs, which is its limit", job.queue);
            return Ok(Some(Why::new("QUEUE_LIMIT", message)));
        }
        let Some(rate) = limits.rate else { return Ok(None) };
        let now = self.now();
        let tokens = rate.tokens(row.rate_tokens, row.rate_refilled_at, now);
        if tokens >= 1.0 {
            return Ok(None);
        }
        let next = rate.next_start(tokens, now);
        let message = format!(
            "the queue {} starts at most {} jobs in {} s; the next may start at {}",
            job.queue,
            rate.count,
            rate.period.as_secs(),
            next.to_rfc3339()
        );
        Ok(Some(Why::new("RATE_LIMIT", message).at(next)))
    }
}

fn is_unreadable(job: &jobs::Model) -> bool {
    job.error.as_ref().is_some_and(|error| error["code"] == "UNDECODABLE_ARGS")
}

fn past(state: JobState) -> &'static str {
    match state {
        JobState::Succeeded => "succeeded",
        JobState::Failed => "failed",
        JobState::Cancelled => "been cancelled",
        _ => "been discarded",
    }
}
