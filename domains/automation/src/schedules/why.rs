//! Why a schedule starts no run now.

use atelier_entities::{
    ScheduleOverlap, TickOutcome, Timestamp, WorkflowScheduleId, workflow_runs,
    workflow_schedule_ticks as ticks, workflow_schedules, workflows,
};
use atelier_foundation::Actor;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};

use super::{ScheduleError, Schedules};

/// What a reason is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleReasonCode {
    /// Somebody paused it, or too many runs failed.
    Paused,
    /// Its workflow fires no triggers.
    WorkflowDisabled,
    /// Its workflow has no published version, so that its fire times fail.
    WorkflowUnpublished,
    /// It has no further fire time.
    NoFireTime,
    /// Its next fire time has not come.
    WaitingForTime,
    /// A scheduler has yet to fire it.
    Due,
    /// A run is under way that a fire time must not overlap.
    RunUnderWay,
    /// Fire times wait for the end of a run.
    WaitingForRun,
}

impl ScheduleReasonCode {
    /// Every code, in the order of its declaration.
    pub const ALL: &'static [Self] = &[
        Self::Paused,
        Self::WorkflowDisabled,
        Self::WorkflowUnpublished,
        Self::NoFireTime,
        Self::WaitingForTime,
        Self::Due,
        Self::RunUnderWay,
        Self::WaitingForRun,
    ];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "PAUSED",
            Self::WorkflowDisabled => "WORKFLOW_DISABLED",
            Self::WorkflowUnpublished => "WORKFLOW_UNPUBLISHED",
            Self::NoFireTime => "NO_FIRE_TIME",
            Self::WaitingForTime => "WAITING_FOR_TIME",
            Self::Due => "DUE",
            Self::RunUnderWay => "RUN_UNDER_WAY",
            Self::WaitingForRun => "WAITING_FOR_RUN",
        }
    }
}

/// Why a schedule starts no run now.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleReason {
    /// What it is about.
    pub code: ScheduleReasonCode,
    /// A sentence.
    pub message: String,
    /// The facts of the sentence for programs.
    pub details: Value,
}

impl ScheduleReason {
    fn new(code: ScheduleReasonCode, message: impl Into<String>, details: Value) -> Self {
        Self { code, message: message.into(), details }
    }
}

impl Schedules {
    /// Why a schedule starts no run now: what the clock says first, then the runs that are under way and the fire
    /// times that wait for them.
    ///
    /// # Errors
    /// If there is no such schedule.
    pub async fn why(
        &self,
        actor: &Actor,
        id: WorkflowScheduleId,
    ) -> Result<Vec<ScheduleReason>, ScheduleError> {
        let db = self.queue.db();
        let row = workflow_schedules::Entity::find_owned_by_id(actor.person()?, id).one(db).await?;
        let row = row.ok_or(ScheduleError::NotFound)?;
        let workflow = workflows::Entity::find_by_id(row.workflow_id).one(db).await?;
        let enabled = workflow.filter(|workflow| workflow.enabled && workflow.deleted_at.is_none());
        let mut reasons = vec![of_clock(&row, enabled.as_ref(), self.queue.now())];
        let under_way = workflow_runs::Entity::find()
            .filter(workflow_runs::Column::ScheduleId.eq(id))
            .filter(workflow_runs::Column::FinishedAt.is_null())
            .count(db)
            .await?;
        if under_way > 0 && row.overlap != ScheduleOverlap::AllowAll {
            let message =
                format!("Runs of it are under way: {under_way}. Its overlap decides about a fire time.");
            let details = json!({"under_way": under_way, "overlap": row.overlap});
            reasons.push(ScheduleReason::new(ScheduleReasonCode::RunUnderWay, message, details));
        }
        let waiting = ticks::Entity::find()
            .filter(ticks::Column::ScheduleId.eq(id))
            .filter(ticks::Column::Outcome.eq(TickOutcome::Buffered));
        let count = waiting.clone().count(db).await?;
        if count > 0 {
            let oldest = waiting.order_by_asc(ticks::Column::TickAt).one(db).await?;
            let message = format!("Fire times that wait for the end of a run: {count}.");
            let details = json!({"count": count, "oldest": oldest.map(|tick| tick.tick_at)});
            reasons.push(ScheduleReason::new(ScheduleReasonCode::WaitingForRun, message, details));
        }
        Ok(reasons)
    }
}

/// What the schedule, its workflow, if it is enabled, and the clock say.
fn of_clock(
    row: &workflow_schedules::Model,
    enabled: Option<&workflows::Model>,
    now: Timestamp,
) -> ScheduleReason {
    use ScheduleReasonCode::{
        Due, NoFireTime, Paused, WaitingForTime, WorkflowDisabled, WorkflowUnpublished,
    };
    if row.paused_at.is_some() {
        let details = json!({"by": row.paused_by, "since": row.paused_at, "reason": row.paused_reason});
        return ScheduleReason::new(Paused, "It is paused until somebody resumes it.", details);
    }
    let Some(workflow) = enabled else {
        let details = json!({"workflow_id": row.workflow_id});
        return ScheduleReason::new(WorkflowDisabled, "Its workflow is disabled.", details);
    };
    if workflow.published_id.is_none() {
        let message = "Its workflow has no published version: its fire times fail until there is one.";
        let details = json!({"workflow_id": row.workflow_id, "due_at": row.next_fire_at});
        return ScheduleReason::new(WorkflowUnpublished, message, details);
    }
    let Some(due) = row.next_fire_at else {
        return ScheduleReason::new(NoFireTime, "It has no further fire time.", Value::Null);
    };
    if due > now {
        let details = json!({"tick_at": row.next_tick_at, "due_at": due});
        return ScheduleReason::new(WaitingForTime, "Its next fire time has not come.", details);
    }
    let (window, most) = (row.catchup_window_secs, row.catchup_limit);
    let message = format!(
        "It has been due for {} seconds. The next scheduler fires it, and makes up for at most {most} fire times of the last {window} seconds.",
        (now - due).num_seconds()
    );
    let details = json!({
        "tick_at": row.next_tick_at,
        "due_at": due,
        "catchup_window_secs": window,
        "catchup_limit": most,
    });
    ScheduleReason::new(Due, message, details)
}
