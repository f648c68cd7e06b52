use atelier_entities::{UserId, schedules};
use atelier_queue::{inspect::JobFilter, schedule::upcoming};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::filter_queue;
use crate::{
    dto::jobs::parse_state,
    error::ApiError,
    schema::{ToSchema, sets},
};

/// Which jobs are meant; at least one field besides `dry_run`. A field that nobody
/// knows is refused: to ignore it would mean more jobs than were named.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SteeringBody {
    /// Only of this kind.
    #[schema(example = "email.deliver")]
    kind: Option<String>,
    /// Only in this state.
    #[schema(value_type = Option<sets::JobState>)]
    status: Option<String>,
    /// Only in this queue.
    #[schema(value_type = Option<sets::QueueName>)]
    queue: Option<String>,
    /// Only of this account.
    owner: Option<Uuid>,
    /// Only about this project.
    project: Option<Uuid>,
    /// Only with this error.
    #[schema(example = "MAIL_UNAVAILABLE")]
    error_code: Option<String>,
    /// Only asked for at or after this moment.
    created_from: Option<DateTime<Utc>>,
    /// Only asked for before this moment.
    created_before: Option<DateTime<Utc>>,
    /// Only counts them.
    #[serde(default)]
    pub(crate) dry_run: bool,
}

impl SteeringBody {
    /// The jobs; 422 for a state or a queue that there is not.
    pub(crate) fn filter(self) -> Result<JobFilter, ApiError> {
        Ok(JobFilter {
            owner: self.owner.map(UserId),
            state: parse_state(self.status.as_deref())?,
            queue: self.queue.as_deref().map(filter_queue).transpose()?,
            kind: self.kind,
            subject: self.project,
            error_code: self.error_code,
            created_from: self.created_from,
            created_before: self.created_before,
            ..JobFilter::default()
        })
    }
}

/// How many jobs are meant.
#[derive(Serialize, ToSchema)]
pub(crate) struct CountView {
    /// Jobs.
    #[schema(example = 120)]
    pub(crate) count: u64,
}

/// A job that comes by the clock.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScheduleView {
    /// Its name.
    #[schema(example = "stats.aggregate")]
    name: String,
    /// The kind of its jobs.
    #[schema(value_type = sets::JobKind)]
    kind: String,
    /// Six fields, seconds first.
    #[schema(example = "0 */5 * * * *")]
    cron: String,
    /// Where the clock hangs.
    #[schema(example = "UTC")]
    time_zone: String,
    /// Whether it fires.
    enabled: bool,
    /// Why it is paused.
    paused_reason: Option<String>,
    /// Who paused it.
    paused_by: Option<Uuid>,
    /// Since when it is paused.
    paused_at: Option<DateTime<Utc>>,
    /// When it fires next.
    next_run_at: DateTime<Utc>,
    /// The next 5 times, the one above first; while it is paused, those at which it would fire.
    upcoming: Vec<DateTime<Utc>>,
    /// When it fired last.
    last_run_at: Option<DateTime<Utc>>,
    /// The job of that time, which may have been swept since.
    last_job_id: Option<Uuid>,
}

/// How many of the next times are shown.
const UPCOMING: usize = 5;

impl ScheduleView {
    /// A schedule as it is now.
    pub(crate) fn new(schedule: schedules::Model, now: DateTime<Utc>) -> Self {
        Self {
            upcoming: upcoming(&schedule, now, UPCOMING),
            name: schedule.name,
            kind: schedule.kind,
            cron: schedule.cron,
            time_zone: schedule.time_zone,
            enabled: schedule.enabled,
            paused_reason: schedule.paused_reason,
            paused_by: schedule.paused_by.map(|user| user.0),
            paused_at: schedule.paused_at,
            next_run_at: schedule.next_run_at,
            last_run_at: schedule.last_run_at,
            last_job_id: schedule.last_job_id.map(|id| id.0),
        }
    }
}

/// Why a recurring job is paused. Unknown fields are refused.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PauseRecurringInput {
    /// At most 500 characters.
    #[schema(max_length = 500)]
    pub(crate) reason: Option<String>,
}
