//! Rows of fire times, in batches.

use std::collections::{HashMap, HashSet};

use atelier_entities::{RunId, TickOutcome, Timestamp, WorkflowScheduleId, workflow_schedule_ticks as ticks};
use atelier_queue::{QueueError, Sql, Transaction};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter,
};

/// Rows of one statement.
const ROWS: usize = 1_000;

/// A new row about one fire time. It is missing what its outcome adds.
pub(super) fn new(
    schedule: WorkflowScheduleId,
    at: Timestamp,
    outcome: TickOutcome,
    now: Timestamp,
) -> ticks::ActiveModel {
    ticks::ActiveModel {
        schedule_id: Set(schedule),
        tick_at: Set(at),
        backfill: Set(String::new()),
        outcome: Set(outcome),
        until_at: Set(None),
        missed: Set(None),
        run_id: Set(None),
        reason: Set(None),
        shifted_from: Set(None),
        created_at: Set(now),
    }
}

/// Inserts rows.
pub(super) async fn insert(tx: &Transaction, rows: &[ticks::ActiveModel]) -> Result<(), DbErr> {
    for some in rows.chunks(ROWS) {
        ticks::Entity::insert_many(some.to_vec()).exec_without_returning(&**tx).await?;
    }
    Ok(())
}

/// A fire time that waits.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct Buffered {
    pub(super) tick_at: Timestamp,
    pub(super) backfill: String,
}

/// The fire times of a schedule that wait, the oldest first.
pub(super) async fn list_buffered(
    tx: &Transaction,
    schedule: WorkflowScheduleId,
    most: u64,
) -> Result<Vec<Buffered>, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push(
        "SELECT tick_at, backfill FROM workflow_schedule_ticks WHERE outcome = 'buffered' AND schedule_id = ",
    )
    .bind(schedule)
    .push(" ORDER BY tick_at, backfill LIMIT ")
    .push(&most.to_string());
    Buffered::find_by_statement(sql.build()).all(&**tx).await
}

/// What became of a fire time that waited.
pub(super) struct Settled {
    pub(super) tick: Buffered,
    pub(super) outcome: TickOutcome,
    pub(super) run: Option<RunId>,
    pub(super) reason: Option<&'static str>,
}

/// Writes what became of fire times that waited.
pub(super) async fn settle(
    tx: &Transaction,
    schedule: WorkflowScheduleId,
    settled: &[Settled],
) -> Result<(), QueueError> {
    for some in settled.chunks(ROWS) {
        let mut sql = Sql::new(tx.get_database_backend());
        sql.push("UPDATE workflow_schedule_ticks SET outcome = saved.column3, run_id = saved.column4, reason = saved.column5 FROM (VALUES ");
        for (index, one) in some.iter().enumerate() {
            sql.push(if index == 0 { "(" } else { ", (" }).bind(one.tick.tick_at).push(", ");
            sql.bind(one.tick.backfill.as_str()).push(", ").bind(one.outcome.as_str()).push(", ");
            sql.bind(one.run).push(", ").bind(one.reason).push(")");
        }
        sql.push(") AS saved WHERE workflow_schedule_ticks.tick_at = saved.column1 AND workflow_schedule_ticks.backfill = saved.column2 AND workflow_schedule_ticks.schedule_id = ")
            .bind(schedule);
        tx.execute_raw(sql.build()).await?;
    }
    Ok(())
}

/// Those of these schedules that have a run under way.
pub(super) async fn list_busy(
    tx: &Transaction,
    schedules: &[WorkflowScheduleId],
) -> Result<HashSet<WorkflowScheduleId>, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT DISTINCT schedule_id FROM workflow_runs WHERE finished_at IS NULL AND schedule_id IS NOT NULL AND schedule_id ")
        .among(schedules);
    tx.query_all_raw(sql.build()).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// How many fire times of the clock wait in each of these schedules.
pub(super) async fn count_buffered(
    tx: &Transaction,
    schedules: &[WorkflowScheduleId],
) -> Result<HashMap<WorkflowScheduleId, usize>, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT schedule_id, COUNT(*) FROM workflow_schedule_ticks WHERE outcome = 'buffered' AND backfill = '' AND schedule_id ")
        .among(schedules)
        .push(" GROUP BY schedule_id");
    let rows = tx.query_all_raw(sql.build()).await?;
    rows.iter()
        .map(|row| {
            let count: i64 = row.try_get_by_index(1)?;
            Ok((row.try_get_by_index(0)?, usize::try_from(count).unwrap_or_default()))
        })
        .collect()
}

/// The fire times in a range of which a run was started, or waits.
pub(super) async fn list_covered(
    tx: &Transaction,
    schedule: WorkflowScheduleId,
    (from, to): (Timestamp, Timestamp),
) -> Result<HashSet<Timestamp>, DbErr> {
    use sea_orm::QuerySelect;
    let covered = ticks::Entity::find()
        .select_only()
        .column(ticks::Column::TickAt)
        .filter(ticks::Column::ScheduleId.eq(schedule))
        .filter(ticks::Column::TickAt.between(from, to))
        .filter(ticks::Column::Outcome.is_in([TickOutcome::Started, TickOutcome::Buffered]));
    Ok(covered.into_tuple::<Timestamp>().all(&**tx).await?.into_iter().collect())
}
