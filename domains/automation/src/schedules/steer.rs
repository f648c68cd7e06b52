//! What people do with schedules: run at once, pause, resume.

use atelier_entities::{TickOutcome, WorkflowScheduleId, workflow_runs, workflow_schedule_ticks};
use atelier_foundation::{Actor, FieldErrors, audit, validation};
use atelier_queue::NewJob;
use chrono::TimeDelta;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
use serde_json::json;

use super::{
    Fields, ScheduleError, ScheduleView, Schedules,
    commands::{lock, next_times},
    schedule_target,
    ticks::{insert, new},
};
use crate::runs::{RunError, Scheduled, SettleSchedule, StartedRun, find_first_job, start_scheduled};

/// Maximum length of the reason of a pause, in characters.
pub const MAX_REASON: usize = 500;

/// What the rows of runs that people start have in place of a backfill.
const BY_HAND: &str = "manual";

impl Schedules {
    /// Starts a run of the schedule now, whether it is paused or not, and whatever else runs.
    ///
    /// # Errors
    /// If there is no such schedule, or the workflow does not run: the code says why.
    pub async fn run(&self, actor: &Actor, id: WorkflowScheduleId) -> Result<StartedRun, ScheduleError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        let schedule = lock(&tx, user, id).await?;
        let at = tx.now();
        let start = Scheduled { schedule: id, workflow: schedule.workflow_id, at, input: schedule.input };
        let run = match start_scheduled(&tx, vec![start]).await?.pop() {
            Some(Ok(run)) => run,
            Some(Err(code)) => return Err(ScheduleError::NotStarted(code)),
            None => return Err(ScheduleError::NotFound),
        };
        let tick = workflow_schedule_ticks::ActiveModel {
            backfill: Set(BY_HAND.to_owned()),
            run_id: Set(Some(run)),
            ..new(id, at, TickOutcome::Started, at)
        };
        insert(&tx, &[tick]).await?;
        audit::record(&tx, actor, "schedule.run", schedule_target(id), json!({"run": run})).await?;
        let row = workflow_runs::Entity::find_by_id(run).one(&*tx).await?;
        let row = row.ok_or(RunError::NotFound("run"))?;
        let started = StartedRun { job_id: find_first_job(&tx, &row).await?, run: row };
        tx.commit().await?;
        Ok(started)
    }

    /// Keeps a schedule from firing. Nothing is missed meanwhile. Its runs go on; what waits for their end stays.
    ///
    /// # Errors
    /// If there is no such schedule, or the reason is too long.
    pub async fn pause(
        &self,
        actor: &Actor,
        id: WorkflowScheduleId,
        reason: Option<String>,
    ) -> Result<ScheduleView, ScheduleError> {
        let user = actor.person()?;
        let reason = reason.map(|reason| validation::paragraph(&reason, MAX_REASON)).transpose();
        let reason = reason.map_err(|problem| FieldErrors::of("reason", problem))?;
        let tx = self.queue.begin().await?;
        let schedule = lock(&tx, user, id).await?;
        let now = tx.now();
        let since = schedule.paused_at.unwrap_or(now);
        let mut row = schedule.into_active_model();
        row.paused_at = Set(Some(since));
        row.paused_by = Set(Some(user));
        row.paused_reason = Set(reason.filter(|reason| !reason.is_empty()));
        row.next_fire_at = Set(None);
        row.updated_at = Set(now);
        let schedule = row.update(&*tx).await?;
        audit::record(&tx, actor, "schedule.pause", schedule_target(id), json!({})).await?;
        tx.commit().await?;
        Ok(ScheduleView::of(schedule))
    }

    /// Lets a schedule fire again: from now on, or, with `catch_up`, as if no scheduler had run meanwhile. What was due
    /// before the pause and that no scheduler had come to is made up for too.
    ///
    /// # Errors
    /// If there is no such schedule.
    pub async fn resume(
        &self,
        actor: &Actor,
        id: WorkflowScheduleId,
        catch_up: bool,
    ) -> Result<ScheduleView, ScheduleError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        let schedule = lock(&tx, user, id).await?;
        let Some(since) = schedule.paused_at else { return Ok(ScheduleView::of(schedule)) };
        let now = tx.now();
        let after = match schedule.next_tick_at {
            _ if !catch_up => now,
            // The first fire time that was not handled when the schedule was paused.
            Some(tick) => tick - TimeDelta::microseconds(1),
            None => schedule.last_tick_at.unwrap_or(schedule.created_at).max(since),
        };
        let next = next_times(id, &Fields::of(&schedule), after);
        let mut row = schedule.into_active_model();
        (row.paused_at, row.paused_by, row.paused_reason) = (Set(None), Set(None), Set(None));
        row.next_tick_at = Set(next.map(|(tick, _)| tick));
        row.next_fire_at = Set(next.map(|(_, fire)| fire));
        row.updated_at = Set(now);
        let schedule = row.update(&*tx).await?;
        tx.enqueue(NewJob::of(&SettleSchedule { schedule_id: id }).owned_by(user)).await?;
        audit::record(&tx, actor, "schedule.resume", schedule_target(id), json!({"catch_up": catch_up}))
            .await?;
        tx.commit().await?;
        Ok(ScheduleView::of(schedule))
    }
}
