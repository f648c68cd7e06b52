//! What operators see.

pub(crate) mod accounts;
pub(crate) mod credentials;
pub(crate) mod health;
pub(crate) mod limits;
pub(crate) mod logs;
pub(crate) mod mails;
pub(crate) mod platform;
pub(crate) mod providers;
pub(crate) mod scaling;
pub(crate) mod steering;

use atelier_entities::workers;
use atelier_queue::{
    QueueName,
    inspect::{QueueCapacity, QueueOverview},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use self::limits::{ConcurrencyView, StartRateView};
use crate::{
    dto::jobs::JobView,
    error::ApiError,
    schema::{IntoParams, ToSchema, sets},
};

/// How a queue stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct QueueView {
    /// Its name.
    #[schema(value_type = sets::QueueName)]
    queue: String,
    /// Jobs due later.
    scheduled: u64,
    /// Jobs that wait for a worker.
    available: u64,
    /// Jobs that run.
    running: u64,
    /// Jobs that failed and are due again later.
    retrying: u64,
    /// Jobs that failed for good and are still kept.
    failed: u64,
    /// Seconds that the oldest available job waits.
    oldest_age_secs: Option<f64>,
    /// Whether workers leave it alone.
    paused: bool,
    /// Since when.
    paused_at: Option<DateTime<Utc>>,
}

impl From<QueueOverview> for QueueView {
    fn from(queue: QueueOverview) -> Self {
        Self {
            queue: queue.queue.to_string(),
            scheduled: queue.scheduled,
            available: queue.available,
            running: queue.running,
            retrying: queue.retrying,
            failed: queue.failed,
            oldest_age_secs: queue.oldest_age_secs,
            paused: queue.is_paused(),
            paused_at: queue.paused_at,
        }
    }
}

/// How a queue stands, what limits it, and who serves it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServedQueueView {
    /// How it stands.
    #[serde(flatten)]
    queue: QueueView,
    /// Jobs that may start in a time, over all workers; null is unlimited.
    rate: Option<StartRateView>,
    /// Jobs that may run at once, and how many can.
    concurrency: ConcurrencyView,
}

impl ServedQueueView {
    /// What operators see of a queue.
    pub(crate) fn new(queue: QueueOverview, capacity: &QueueCapacity) -> Self {
        let rate = capacity.limits.rate.map(StartRateView::from);
        Self { queue: queue.into(), rate, concurrency: capacity.into() }
    }
}

/// Whether a queue is paused.
#[derive(Serialize, ToSchema)]
pub(crate) struct PauseView {
    /// Its name.
    #[schema(value_type = sets::QueueName)]
    pub(crate) queue: &'static str,
    /// Whether workers leave it alone.
    pub(crate) paused: bool,
}

/// A worker process.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkerView {
    /// One run of the process; a restart gets another.
    id: Uuid,
    /// Its machine.
    host: String,
    /// Its process id there.
    pid: i32,
    /// Queues it takes jobs from and how many at a time.
    #[schema(value_type = std::collections::BTreeMap<String, u32>)]
    queues: Value,
    /// Kinds it has a handler for.
    #[schema(value_type = Vec<sets::JobKind>)]
    kinds: Value,
    /// Its version.
    version: String,
    /// Whether it only finishes what it has.
    draining: bool,
    /// Jobs it runs.
    running: i32,
    /// When it started.
    started_at: DateTime<Utc>,
    /// When it was last heard of.
    heartbeat_at: DateTime<Utc>,
}

impl From<workers::Model> for WorkerView {
    fn from(worker: workers::Model) -> Self {
        Self {
            id: worker.id.0,
            host: worker.host,
            pid: worker.pid,
            queues: worker.queues,
            kinds: worker.kinds,
            version: worker.version,
            draining: worker.draining,
            running: worker.running,
            started_at: worker.started_at,
            heartbeat_at: worker.heartbeat_at,
        }
    }
}

/// A job, as operators see it.
#[derive(Serialize, ToSchema)]
pub(crate) struct AdminJobView {
    /// Whose it is.
    owner_id: Option<Uuid>,
    /// The worker that has it.
    worker_id: Option<Uuid>,
    /// The request that asked for it.
    request_id: Option<String>,
    /// The job.
    #[serde(flatten)]
    job: JobView,
}

impl From<atelier_entities::jobs::Model> for AdminJobView {
    fn from(job: atelier_entities::jobs::Model) -> Self {
        Self {
            owner_id: job.owner_id.map(|id| id.0),
            worker_id: job.worker_id.map(|id| id.0),
            request_id: job.request_id.clone(),
            job: job.into(),
        }
    }
}

/// Which jobs of everybody.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AdminJobQuery {
    /// Only of this kind.
    #[param(example = "email.deliver")]
    pub(crate) kind: Option<String>,
    /// Only in this state.
    #[param(value_type = Option<sets::JobState>)]
    pub(crate) status: Option<String>,
    /// Only in this queue.
    #[param(value_type = Option<sets::QueueName>)]
    pub(crate) queue: Option<String>,
    /// Only of this account.
    pub(crate) owner: Option<Uuid>,
    /// Only about this project.
    pub(crate) project: Option<Uuid>,
    /// Only with this error.
    #[param(example = "LLM_RATE_LIMITED")]
    pub(crate) error_code: Option<String>,
    /// Only asked for at or after this moment.
    pub(crate) created_from: Option<DateTime<Utc>>,
    /// Only asked for before this moment.
    pub(crate) created_before: Option<DateTime<Utc>>,
}

/// The queue of that name; 422 that lists the names where there is none.
pub(crate) fn filter_queue(queue: &str) -> Result<QueueName, ApiError> {
    QueueName::parse(queue).ok_or_else(|| {
        let names: Vec<_> = QueueName::ALL.iter().map(|name| name.as_str()).collect();
        ApiError::invalid([("queue", format!("must be one of {}", names.join(", ")))])
    })
}
