//! Making, changing, deleting and reading schedules.

use atelier_entities::{
    TickOutcome, Timestamp, UserId, WorkflowId, WorkflowScheduleId, workflow_schedule_ticks,
    workflow_schedules, workflows,
};
use atelier_foundation::{Actor, FieldErrors, Page, audit, paging::fetch, schedule::Warning};
use atelier_queue::Transaction;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait,
    IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;

use super::{
    Fields, MAX_SCHEDULES, ScheduleChanges, ScheduleError, Schedules, Upcoming,
    preview::{next_of, preview},
    schedule_target,
};
use crate::workflows::lock_account;

/// Fire times that are shown with a schedule.
const SHOWN: usize = 5;

/// Which schedules a list has.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScheduleFilter {
    /// Those of a workflow.
    pub workflow: Option<WorkflowId>,
    /// Those that are paused, or are not.
    pub paused: Option<bool>,
}

/// A schedule with what follows from it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleView {
    /// Its row.
    pub schedule: workflow_schedules::Model,
    /// Its next five fire times; none while it is paused.
    pub upcoming: Vec<Upcoming>,
    /// What people may read otherwise.
    pub warnings: Vec<Warning>,
}

impl ScheduleView {
    pub(super) fn of(schedule: workflow_schedules::Model) -> Self {
        let fields = Fields::of(&schedule);
        let after = schedule.next_tick_at.filter(|_| schedule.next_fire_at.is_some());
        let after = after.map(|next| next - chrono::TimeDelta::microseconds(1));
        let shown = after
            .and_then(|after| preview(&fields, Some((schedule.id.0, fields.jitter_secs)), after, SHOWN).ok());
        let warnings = fields.spec().map(|spec| spec.warnings()).unwrap_or_default();
        Self { schedule, upcoming: shown.map(|shown| shown.upcoming).unwrap_or_default(), warnings }
    }
}

impl Schedules {
    /// Creates a schedule of a workflow. It fires while the workflow is enabled.
    ///
    /// # Errors
    /// If a field is invalid, it never fires, or the person has the maximum number of schedules.
    pub async fn create(
        &self,
        actor: &Actor,
        workflow: WorkflowId,
        input: ScheduleChanges,
    ) -> Result<ScheduleView, ScheduleError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        let now = tx.now();
        let fields = input.apply(Fields::default()).check(now)?;
        ensure_workflow(&*tx, user, workflow).await?;
        lock_account(&tx, user).await?;
        if workflow_schedules::Entity::find_owned(user).count(&*tx).await? >= MAX_SCHEDULES {
            return Err(ScheduleError::TooMany);
        }
        let id = WorkflowScheduleId::new();
        let next = next_times(id, &fields, now);
        let mut row = workflow_schedules::ActiveModel {
            id: Set(id),
            user_id: Set(user),
            workflow_id: Set(workflow),
            last_tick_at: Set(None),
            next_tick_at: Set(next.map(|(tick, _)| tick)),
            next_fire_at: Set(next.map(|(_, fire)| fire)),
            paused_at: Set(None),
            paused_by: Set(None),
            paused_reason: Set(None),
            created_at: Set(now),
            updated_at: Set(now),
            ..Default::default()
        };
        fields.set(&mut row);
        let schedule = row.insert(&*tx).await?;
        let context = json!({"workflow": workflow});
        audit::record(&tx, actor, "schedule.create", schedule_target(id), context).await?;
        tx.commit().await?;
        Ok(ScheduleView::of(schedule))
    }

    /// A person's schedule.
    ///
    /// # Errors
    /// If there is none.
    pub async fn get(&self, actor: &Actor, id: WorkflowScheduleId) -> Result<ScheduleView, ScheduleError> {
        let found = workflow_schedules::Entity::find_owned_by_id(actor.person()?, id);
        found.one(self.queue.db()).await?.map(ScheduleView::of).ok_or(ScheduleError::NotFound)
    }

    /// The person's schedules, newest first, and their number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(
        &self,
        actor: &Actor,
        filter: ScheduleFilter,
        page: Page,
    ) -> Result<(Vec<workflow_schedules::Model>, u64), ScheduleError> {
        use workflow_schedules::Column as C;
        let condition = Condition::all()
            .add_option(filter.workflow.map(|workflow| C::WorkflowId.eq(workflow)))
            .add_option(
                filter.paused.map(
                    |paused| {
                        if paused { C::PausedAt.is_not_null() } else { C::PausedAt.is_null() }
                    },
                ),
            );
        let own = workflow_schedules::Entity::find_owned(actor.person()?).filter(condition);
        Ok(fetch(self.queue.db(), own.order_by_desc(C::Id), page).await?)
    }

    /// Changes a schedule. Fire times that were handled do not fire again.
    ///
    /// # Errors
    /// If a field is invalid, or it would never fire.
    pub async fn update(
        &self,
        actor: &Actor,
        id: WorkflowScheduleId,
        changes: ScheduleChanges,
    ) -> Result<ScheduleView, ScheduleError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        let schedule = lock(&tx, user, id).await?;
        let now = tx.now();
        let before = Fields::of(&schedule);
        let fields = changes.apply(before.clone()).check(now)?;
        let is_paused = schedule.paused_at.is_some();
        let after = schedule.last_tick_at.map_or(now, |last| last.max(now));
        let keeps_times = fields.spec() == before.spec() && fields.jitter_secs == before.jitter_secs;
        let next = next_times(id, &fields, after);
        let mut row = schedule.into_active_model();
        fields.set(&mut row);
        if !keeps_times {
            row.next_tick_at = Set(next.map(|(tick, _)| tick));
            row.next_fire_at = Set(next.map(|(_, fire)| fire).filter(|_| !is_paused));
        }
        row.updated_at = Set(now);
        let schedule = row.update(&*tx).await?;
        audit::record(&tx, actor, "schedule.update", schedule_target(id), json!({})).await?;
        tx.commit().await?;
        Ok(ScheduleView::of(schedule))
    }

    /// Deletes a schedule with what became of its fire times. Its runs go on.
    ///
    /// # Errors
    /// If there is none.
    pub async fn delete(&self, actor: &Actor, id: WorkflowScheduleId) -> Result<(), ScheduleError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        lock(&tx, user, id).await?;
        workflow_schedules::Entity::delete_by_id(id).exec(&*tx).await?;
        audit::record(&tx, actor, "schedule.delete", schedule_target(id), json!({})).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What became of the fire times of a schedule, newest first, and how many there are.
    ///
    /// # Errors
    /// If there is no such schedule.
    pub async fn list_ticks(
        &self,
        actor: &Actor,
        id: WorkflowScheduleId,
        outcome: Option<TickOutcome>,
        page: Page,
    ) -> Result<(Vec<workflow_schedule_ticks::Model>, u64), ScheduleError> {
        use workflow_schedule_ticks::Column as C;
        self.get(actor, id).await?;
        let ticks = workflow_schedule_ticks::Entity::find()
            .filter(C::ScheduleId.eq(id))
            .filter(Condition::all().add_option(outcome.map(|outcome| C::Outcome.eq(outcome))))
            .order_by_desc(C::TickAt)
            .order_by_desc(C::Backfill);
        Ok(fetch(self.queue.db(), ticks, page).await?)
    }
}

/// The next fire time of checked fields, with its jitter.
pub(super) fn next_times(
    id: WorkflowScheduleId,
    fields: &Fields,
    after: Timestamp,
) -> Option<(Timestamp, Timestamp)> {
    next_of(id, &fields.spec().ok()?, fields.jitter_secs, after)
}

/// A person's schedule, locked for the rest of the transaction.
pub(super) async fn lock(
    tx: &Transaction,
    user: UserId,
    id: WorkflowScheduleId,
) -> Result<workflow_schedules::Model, ScheduleError> {
    let found = workflow_schedules::Entity::find_owned_by_id(user, id).lock_exclusive().one(&**tx).await?;
    found.ok_or(ScheduleError::NotFound)
}

async fn ensure_workflow(
    db: &impl ConnectionTrait,
    user: UserId,
    workflow: WorkflowId,
) -> Result<(), ScheduleError> {
    match workflows::Entity::find_owned_by_id(user, workflow).count(db).await? {
        0 => Err(FieldErrors::of("workflow_id", "is no workflow of yours").into()),
        _ => Ok(()),
    }
}
