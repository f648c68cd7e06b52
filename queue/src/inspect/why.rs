//! Why a job is not running.

use std::borrow::Cow;

use atelier_entities::{JobId, JobState, Timestamp, UserId, jobs, queues, running_jobs, workers};
use chrono::SecondsFormat;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::{Value, json};

use super::estimate::Throughput;
use crate::{
    Fault, Queue,
    error::QueueError,
    lease,
    limits::{QueueLimits, Starts},
    name::QueueName,
    store::{WAITING, sql::Sql},
};

/// Most running jobs that are named where an owner's limit blocks the job.
const HOLDERS: u64 = 10;

/// Most jobs that are counted before it, since every waiting owner asks.
const MAX_POSITION: u64 = 10_000;

/// Why a job is not running: a code for programs and a sentence for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Why {
    /// Stable, `UPPER_SNAKE`.
    pub code: Cow<'static, str>,
    /// A sentence.
    pub message: String,
    /// Jobs that go before it, where it waits for its turn. Counted up to 10,000.
    pub position: Option<u64>,
    /// When it is likely to start, where it waits for its turn and jobs of its queue have
    /// ended lately.
    pub estimated_start: Option<Timestamp>,
    /// When it is tried again, where that is known.
    pub retry_at: Option<Timestamp>,
    /// The facts of the sentence for programs, such as the ids of the jobs that use up a
    /// limit.
    pub details: Option<Value>,
    /// The person who caused it: who paused the queue.
    pub by: Option<UserId>,
}

impl Why {
    fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            position: None,
            estimated_start: None,
            retry_at: None,
            details: None,
            by: None,
        }
    }

    fn at(mut self, at: Timestamp) -> Self {
        self.retry_at = Some(at);
        self
    }

    fn with(mut self, details: Value) -> Self {
        self.details = Some(details).filter(|details| !details.is_null());
        self
    }
}

impl Queue {
    /// Why the job is not running; or that it is.
    pub async fn why(&self, job: &jobs::Model) -> Result<Why, QueueError> {
        match job.state {
            JobState::Scheduled => Ok(why_scheduled(job)),
            JobState::Retrying => Ok(why_retrying(job)),
            JobState::Running if job.cancel_requested_at.is_some() => {
                Ok(Why::new("STOPPING", "it is running and has been told to stop"))
            }
            JobState::Running => Ok(Why::new("RUNNING", "it is running")),
            JobState::Available => self.why_waiting(job).await,
            ended => Ok(Why::new("ENDED", format!("it has {}", past_participle(ended)))),
        }
    }

    async fn why_waiting(&self, job: &jobs::Model) -> Result<Why, QueueError> {
        let row = queues::Entity::find_by_id(job.queue.clone()).one(self.db()).await?;
        if let Some((queue, since)) = row.as_ref().and_then(|queue| Some((queue, queue.paused_at?))) {
            let message = format!("the queue {} has been paused since {}", job.queue, moment(since));
            let paused = Why::new("QUEUE_PAUSED", message).with(json!({"queue": job.queue, "since": since}));
            return Ok(Why { by: queue.paused_by, ..paused });
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
        let limits = row.as_ref().map(QueueLimits::of).unwrap_or_default();
        if let Some(row) = row
            && let Some(limited) = self.why_limited(job, &row, limits).await?
        {
            return Ok(limited);
        }
        if let Some(fault) = self.transport_fault().await {
            return Ok(self.transport_away(job, fault));
        }
        self.why_waiting_turn(job, &workers, limits).await
    }

    /// No worker receives the job, whatever goes before it.
    fn transport_away(&self, job: &jobs::Model, fault: Fault) -> Why {
        let (transport, queue) = (self.transport().name(), &job.queue);
        let message = format!(
            "jobs of the queue {queue} cannot be handed to workers now, since {transport} fails: {}; it starts once that is mended",
            fault.cause()
        );
        Why::new("TRANSPORT_AWAY", message).with(json!({"transport": transport, "fault": fault.code()}))
    }

    async fn why_waiting_turn(
        &self,
        job: &jobs::Model,
        workers: &[workers::Model],
        limits: QueueLimits,
    ) -> Result<Why, QueueError> {
        let before = self.count_before(job).await?;
        let slots = workers.iter().filter_map(|worker| worker.queues.get(&job.queue)?.as_u64()).sum();
        let throughput = Throughput {
            slots,
            running: lease::count_running(self.db(), &job.queue).await?,
            mean_run: match QueueName::parse(&job.queue) {
                Some(queue) => self.mean_run(queue).await?,
                None => None,
            },
            limits,
        };
        let estimated_start = throughput.starts_after(before).map(|wait| self.now() + wait);
        let position = match before {
            0 => "it is next".to_owned(),
            1 => "one job goes before it".to_owned(),
            MAX_POSITION => format!("{MAX_POSITION} jobs or more go before it"),
            more => format!("{more} jobs go before it"),
        };
        let message = match estimated_start {
            Some(start) if before == MAX_POSITION => format!("{position}; it starts after {}", moment(start)),
            Some(start) => format!("{position}; it starts at about {}", moment(start)),
            None => position,
        };
        Ok(Why { position: Some(before), estimated_start, ..Why::new("WAITING_TURN", message) })
    }

    /// How many jobs go before it, up to [`MAX_POSITION`].
    async fn count_before(&self, job: &jobs::Model) -> Result<u64, QueueError> {
        let mut sql = Sql::new(self.db().get_database_backend());
        sql.push("SELECT COUNT(*) AS jobs FROM (SELECT 1 FROM jobs WHERE ")
            .push(WAITING)
            .push(" AND queue = ")
            .bind(&job.queue)
            .push(" AND (rank, id) < (")
            .bind(job.rank)
            .push(", ")
            .bind(job.id)
            .push(") ORDER BY rank, id LIMIT ")
            .push(&MAX_POSITION.to_string())
            .push(") AS counted");
        let row = self.db().query_one_raw(sql.build()).await?;
        let before: i64 = row.map(|row| row.try_get("", "jobs")).transpose()?.unwrap_or_default();
        Ok(u64::try_from(before).unwrap_or_default())
    }

    /// Which limit of the queue blocks the job, if any.
    async fn why_limited(
        &self,
        job: &jobs::Model,
        row: &queues::Model,
        limits: QueueLimits,
    ) -> Result<Option<Why>, QueueError> {
        if let (Some(most), Some(owner)) = (limits.max_running_per_owner, job.owner_id) {
            let holders: Vec<JobId> = running_jobs::Entity::find()
                .select_only()
                .column(running_jobs::Column::Id)
                .filter(running_jobs::Column::Queue.eq(&job.queue))
                .filter(running_jobs::Column::OwnerId.eq(owner))
                .order_by_asc(running_jobs::Column::Id)
                .limit(u64::from(most).max(HOLDERS))
                .into_tuple()
                .all(self.db())
                .await?;
            if holders.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
                return Ok(Some(owner_limited(job, most, &holders)));
            }
        }
        if let Some(most) = limits.max_running
            && lease::count_running(self.db(), &job.queue).await? >= u64::from(most)
        {
            let message = format!("the queue {} runs {most} jobs, which is its limit", job.queue);
            return Ok(Some(Why::new("QUEUE_LIMIT", message).with(json!({"max_running": most}))));
        }
        let Some(rate) = limits.rate else { return Ok(None) };
        let now = self.now();
        let starts = Starts::of(row);
        if rate.left(&starts, now) > 0 {
            return Ok(None);
        }
        let next = rate.next_start(&starts, now);
        let message = format!(
            "the queue {} starts at most {} jobs in {} s; the next may start at {}",
            job.queue,
            rate.count,
            rate.period.as_secs(),
            moment(next)
        );
        Ok(Some(Why::new("RATE_LIMIT", message).at(next)))
    }
}

/// A time to the second, for display.
fn moment(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn owner_limited(job: &jobs::Model, most: u32, holders: &[JobId]) -> Why {
    let ids: Vec<String> = holders.iter().take(HOLDERS as usize).map(JobId::to_string).collect();
    let message = format!(
        "its owner already runs {most} jobs of the queue {}, which is the limit: {}",
        job.queue,
        ids.join(", ")
    );
    Why::new("OWNER_LIMIT", message).with(json!({"max_running_per_owner": most, "jobs": ids}))
}

/// Why a job is due later: it was enqueued so, or its last attempt could not begin.
fn why_scheduled(job: &jobs::Model) -> Why {
    let due = moment(job.run_at);
    let Some(error) = &job.error else {
        return Why::new("SCHEDULED", format!("it is due at {due}")).at(job.run_at);
    };
    let code = error["code"].as_str().unwrap_or("SCHEDULED");
    if code == "UNDECODABLE_ARGS" {
        let message = "no worker could read its args; it waits for a version of the program that can";
        return Why::new("ARGS_UNREADABLE", message).at(job.run_at);
    }
    let reason = error["message"].as_str().unwrap_or("it has to wait");
    let message = format!("{reason}; it is tried again at {due}");
    Why::new(code.to_owned(), message).at(job.run_at).with(error["details"].clone())
}

fn why_retrying(job: &jobs::Model) -> Why {
    let error = job.error.as_ref();
    let reason = error.and_then(|error| error["message"].as_str()).unwrap_or("an error");
    let message = format!(
        "attempt {} of {} ended in an error: {reason}; the next is due at {}",
        job.attempt,
        job.max_attempts,
        moment(job.run_at)
    );
    let code = error.map(|error| error["code"].clone()).unwrap_or_default();
    Why::new("WAITING_TO_RETRY", message).at(job.run_at).with(json!({"error_code": code}))
}

fn past_participle(state: JobState) -> &'static str {
    match state {
        JobState::Succeeded => "succeeded",
        JobState::Failed => "failed",
        JobState::Cancelled => "been cancelled",
        _ => "been discarded",
    }
}
