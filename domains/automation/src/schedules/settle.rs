//! What the end of a run means for its schedule: what waits starts, and failures pause it.

use std::collections::HashSet;

use atelier_entities::{
    JobState, RunId, RunStatus, TickOutcome, Timestamp, WorkflowScheduleId, workflow_runs, workflow_schedules,
};
use atelier_queue::{Job, JobContext, JobError, Outcome, QueueError, Sql, Transaction};
use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde_json::json;
use std::time::Duration;

use super::{
    Fields, MAX_BUFFERED, Schedules,
    overlap::cancels,
    ticks::{Buffered, Settled, list_buffered, list_busy, settle},
};
use crate::runs::{
    RunEvent, RunNode, Scheduled, SettleSchedule, advance, cancel_jobs_of_ended, list_trees, start_scheduled,
};

/// Runs that start at once where they may overlap.
const STARTED_AT_ONCE: usize = 50;
/// How long it waits for the jobs of cancelled runs before it looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long after their end cancelled runs keep the next one from starting.
const MOST_STOPPING: TimeDelta = TimeDelta::minutes(10);

impl Schedules {
    /// Starts what waits in a schedule, as its policy says, and pauses it after too many failures.
    pub(crate) async fn settle(&self, _ctx: &JobContext, args: SettleSchedule) -> Result<Outcome, JobError> {
        let id = args.schedule_id;
        let tx = self.queue.begin().await?;
        // Jobs are locked before schedules, and these before runs.
        let seen = find(&tx, id).await?;
        let running = list_running(&tx, id).await?;
        let mut locked = Vec::new();
        if seen.is_some_and(|row| cancels(row.overlap)) && !running.is_empty() {
            locked = tx.lock_about(&list_trees(&tx, &running).await?).await?;
        }
        let Some(schedule) = lock(&tx, id).await? else { return Ok(Outcome::done()) };
        let paused = pause_after_failures(&tx, &schedule).await?;
        let waiting = list_buffered(&tx, id, u64::from(MAX_BUFFERED)).await?;
        let mut plan = Plan::of(&schedule, waiting, paused || schedule.paused_at.is_some(), tx.now());
        if plan.cancels && !running.is_empty() {
            advance(&tx, running.into_iter().map(|run| (run, RunEvent::Cancel)).collect()).await?;
            cancel_jobs_of_ended(&tx, &locked).await?;
        }
        let is_free = !list_busy(&tx, &[id]).await?.contains(&id);
        let is_stopping = is_free && plan.waits_for_jobs && is_stopping(&tx, id).await?;
        if (is_free && !is_stopping) || plan.may_overlap {
            plan.start(&tx, &schedule).await?;
        }
        let started = plan.started;
        let is_left = plan.may_overlap && !plan.starts.is_empty();
        settle(&tx, id, &plan.settled).await?;
        tx.commit().await?;
        if is_stopping || is_left {
            return Ok(Outcome::Snooze(LOOK_AGAIN));
        }
        Ok(Outcome::Done(json!({"started": started})))
    }
}

/// What becomes of the fire times that wait.
struct Plan {
    /// Those that may start, the first one first.
    starts: Vec<Buffered>,
    settled: Vec<Settled>,
    cancels: bool,
    waits_for_jobs: bool,
    may_overlap: bool,
    started: usize,
}

impl Plan {
    fn of(
        schedule: &workflow_schedules::Model,
        waiting: Vec<Buffered>,
        is_paused: bool,
        now: Timestamp,
    ) -> Self {
        use atelier_entities::ScheduleOverlap::{AllowAll, CancelOther};
        let oldest = now - Fields::of(schedule).catch_up().window;
        let (mut clock, backfilled): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|tick| tick.backfill.is_empty());
        let mut settled = Vec::new();
        let dropped = |tick, outcome| Settled { tick, outcome, run: None, reason: None };
        let late: Vec<_> = clock.extract_if(.., |tick| tick.tick_at < oldest).collect();
        settled.extend(late.into_iter().map(|tick| dropped(tick, TickOutcome::MissedWindow)));
        if is_paused {
            clock.clear();
        }
        let cancels = cancels(schedule.overlap) && !clock.is_empty();
        if cancels {
            let last = clock.len() - 1;
            settled.extend(clock.drain(..last).map(|tick| dropped(tick, TickOutcome::SkippedOverlap)));
        }
        let mut starts: Vec<Buffered> = clock.into_iter().chain(backfilled).collect();
        starts.sort_by_key(|tick| (!cancels || !tick.backfill.is_empty(), tick.tick_at));
        Self {
            starts,
            settled,
            cancels,
            waits_for_jobs: schedule.overlap == CancelOther,
            may_overlap: schedule.overlap == AllowAll,
            started: 0,
        }
    }

    /// Starts the first one, or as many as may start at once. One that the workflow refuses is followed by the
    /// next.
    async fn start(
        &mut self,
        tx: &Transaction,
        schedule: &workflow_schedules::Model,
    ) -> Result<(), QueueError> {
        let at_once = if self.may_overlap { STARTED_AT_ONCE } else { 1 };
        while self.started == 0 && !self.starts.is_empty() {
            let some: Vec<Buffered> = self.starts.drain(..at_once.min(self.starts.len())).collect();
            let scheduled = some.iter().map(|tick| Scheduled {
                schedule: schedule.id,
                workflow: schedule.workflow_id,
                at: tick.tick_at,
                input: schedule.input.clone(),
            });
            let answers = start_scheduled(tx, scheduled.collect()).await?;
            for (tick, answer) in some.into_iter().zip(answers) {
                self.started += usize::from(answer.is_ok());
                self.settled.push(match answer {
                    Ok(run) => Settled { tick, outcome: TickOutcome::Started, run: Some(run), reason: None },
                    Err(code) => {
                        Settled { tick, outcome: TickOutcome::Failed, run: None, reason: Some(code) }
                    }
                });
            }
        }
        Ok(())
    }
}

async fn find(tx: &Transaction, id: WorkflowScheduleId) -> Result<Option<workflow_schedules::Model>, DbErr> {
    workflow_schedules::Entity::find_by_id(id).one(&**tx).await
}

async fn lock(tx: &Transaction, id: WorkflowScheduleId) -> Result<Option<workflow_schedules::Model>, DbErr> {
    workflow_schedules::Entity::find_by_id(id).lock_exclusive().one(&**tx).await
}

async fn list_running(tx: &Transaction, id: WorkflowScheduleId) -> Result<Vec<RunId>, DbErr> {
    use workflow_runs::Column as C;
    let running = workflow_runs::Entity::find()
        .select_only()
        .column(C::Id)
        .filter(C::ScheduleId.eq(id))
        .filter(C::FinishedAt.is_null())
        .order_by_asc(C::Id);
    running.into_tuple().all(&**tx).await
}

/// Whether a job of a run that was cancelled a short time ago still runs.
async fn is_stopping(tx: &Transaction, id: WorkflowScheduleId) -> Result<bool, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push(
        "SELECT 1 FROM workflow_runs AS runs JOIN jobs ON jobs.subject_id = runs.id WHERE runs.status = ",
    )
    .bind(RunStatus::Cancelled.as_str())
    .push(" AND runs.finished_at > ")
    .bind(tx.now() - MOST_STOPPING)
    .push(" AND jobs.state = ")
    .bind(JobState::Running.as_str())
    .push(" AND jobs.kind IN (")
    .bind_list(RunNode::names())
    .push(") AND runs.schedule_id = ")
    .bind(id)
    .push(" LIMIT 1");
    Ok(tx.query_one_raw(sql.build()).await?.is_some())
}

/// Pauses a schedule whose last runs all failed. Runs that were cancelled do not count, and neither do those
/// from before it was changed or resumed.
async fn pause_after_failures(
    tx: &Transaction,
    schedule: &workflow_schedules::Model,
) -> Result<bool, QueueError> {
    use workflow_runs::Column as C;
    let Some(most) = schedule.pause_after.and_then(|most| u64::try_from(most).ok()) else { return Ok(false) };
    if schedule.paused_at.is_some() {
        return Ok(false);
    }
    let last = workflow_runs::Entity::find()
        .select_only()
        .column(C::Status)
        .filter(C::ScheduleId.eq(schedule.id))
        .filter(C::Status.is_in([RunStatus::Succeeded, RunStatus::Failed, RunStatus::TimedOut]))
        .filter(C::CreatedAt.gt(schedule.updated_at))
        .order_by_desc(C::Id)
        .limit(most);
    let last: Vec<RunStatus> = last.into_tuple().all(&**tx).await?;
    let is_failing = u64::try_from(last.len()).is_ok_and(|found| found == most)
        && !last.iter().collect::<HashSet<_>>().contains(&RunStatus::Succeeded);
    if is_failing {
        let reason = format!("The last {most} runs failed.");
        workflow_schedules::Entity::update_many()
            .col_expr(workflow_schedules::Column::PausedAt, Expr::value(tx.now()))
            .col_expr(workflow_schedules::Column::PausedReason, Expr::value(reason))
            .col_expr(workflow_schedules::Column::NextFireAt, Expr::value(None::<Timestamp>))
            .filter(workflow_schedules::Column::Id.eq(schedule.id))
            .exec(&**tx)
            .await?;
        tracing::info!(schedule = %schedule.id, failures = most, "a schedule is paused after failures");
    }
    Ok(is_failing)
}
