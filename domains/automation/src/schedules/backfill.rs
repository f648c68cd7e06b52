//! Fire times of the past that are made up for.

use atelier_entities::{TickOutcome, Timestamp, WorkflowScheduleId, to_micros, workflow_schedule_ticks};
use atelier_foundation::{Actor, FieldErrors, audit};
use atelier_queue::NewJob;
use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use serde_json::json;
use uuid::Uuid;

use super::{
    Fields, ScheduleError, Schedules,
    commands::lock,
    schedule_target,
    ticks::{insert, list_covered, new},
};
use crate::runs::SettleSchedule;

/// Most fire times of one backfill.
pub const MAX_BACKFILL: usize = 1_000;

/// What is made up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackfillInput {
    /// The first fire time is not before this.
    pub from: Timestamp,
    /// The last fire time is before this, which is not in the future.
    pub to: Timestamp,
    /// Whether fire times are left out of which a run was started, or waits.
    pub only_missing: bool,
}

/// What a backfill comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backfill {
    /// Its name among the fire times.
    pub id: String,
    /// The fire times that wait now, the oldest first.
    pub times: Vec<Timestamp>,
    /// How many of the range were left out.
    pub covered: usize,
}

impl Schedules {
    /// Lets the fire times of a range fire now, one after another, or at once where runs may overlap. It does so
    /// while the schedule is paused too.
    ///
    /// # Errors
    /// If there is no such schedule, the range is not in the past, or it has more than [`MAX_BACKFILL`] fire
    /// times.
    pub async fn backfill(
        &self,
        actor: &Actor,
        id: WorkflowScheduleId,
        input: BackfillInput,
    ) -> Result<Backfill, ScheduleError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        let now = tx.now();
        let (from, to) = (to_micros(input.from), to_micros(input.to));
        if from >= to || to > now {
            return Err(FieldErrors::of("to", "must be after from and not in the future").into());
        }
        let schedule = lock(&tx, user, id).await?;
        let wrong = |problem: String| FieldErrors::of("from", problem);
        let spec = Fields::of(&schedule).spec().map_err(wrong)?;
        let instant = TimeDelta::microseconds(1);
        let all = spec.list(from - instant, Some(to - instant), MAX_BACKFILL + 1);
        let all = all.map_err(|error| wrong(error.to_string()))?;
        if all.len() > MAX_BACKFILL {
            let problem = format!("the range has more than {MAX_BACKFILL} fire times: choose a shorter one");
            return Err(FieldErrors::of("to", problem).into());
        }
        let covered = list_covered(&tx, id, (from, to)).await?;
        let is_wanted = |at: &Timestamp| !input.only_missing || !covered.contains(at);
        let times: Vec<Timestamp> = all.iter().map(|firing| firing.at).filter(is_wanted).collect();
        let backfill = Backfill { id: Uuid::now_v7().to_string(), covered: all.len() - times.len(), times };
        let rows: Vec<_> = backfill
            .times
            .iter()
            .map(|at| workflow_schedule_ticks::ActiveModel {
                backfill: Set(backfill.id.clone()),
                ..new(id, *at, TickOutcome::Buffered, now)
            })
            .collect();
        insert(&tx, &rows).await?;
        if !rows.is_empty() {
            tx.enqueue(NewJob::of(&SettleSchedule { schedule_id: id }).owned_by(user)).await?;
        }
        let context = json!({"from": from, "to": to, "times": backfill.times.len()});
        audit::record(&tx, actor, "schedule.backfill", schedule_target(id), context).await?;
        tx.commit().await?;
        Ok(backfill)
    }
}
