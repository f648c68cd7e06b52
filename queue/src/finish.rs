//! Ends of attempts: batched, and guarded by the fence, so that a worker that lost
//! its lease changes nothing.

use std::collections::HashSet;

use atelier_entities::{AttemptOutcome, JobId, JobState, Timestamp, WorkerId, job_attempts, jobs};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, QueryResult, sea_query::OnConflict};
use serde_json::Value;

use crate::{
    Queue,
    effects::EndedJob,
    enqueue::Transaction,
    error::QueueError,
    outcome::{JobError, Settlement},
    store::{
        sql::{Sql, without_nul},
        table::{Cell, Column, Table},
    },
};

/// The end of one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Finish {
    pub(crate) id: JobId,
    pub(crate) fence: i64,
    /// Where the claim left the row; nobody may have moved it since.
    pub(crate) place: Option<String>,
    pub(crate) attempt: i32,
    pub(crate) worker: Option<WorkerId>,
    pub(crate) started_at: Option<Timestamp>,
    /// The dispatch order from now on.
    pub(crate) rank: i64,
    pub(crate) settlement: Settlement,
}

impl Finish {
    /// What it is told apart by: no attempt shares it.
    pub(crate) fn key(&self) -> (JobId, i64) {
        (self.id, self.fence)
    }

    /// Whether it says nothing but that the job succeeded, and with what result.
    pub(crate) fn is_plain(&self) -> bool {
        let Settlement { state, result: _, error, run_at, counted, record } = &self.settlement;
        *state == JobState::Succeeded && error.is_none() && run_at.is_none() && *counted && record.is_none()
    }

    /// The same for a job that was asked to stop, where it would have gone on.
    fn stopped(&self) -> Option<Self> {
        if self.settlement.state.is_terminal() {
            return None;
        }
        let settlement = Settlement {
            state: JobState::Cancelled,
            result: None,
            error: Some(JobError::fail("CANCELLED", "cancelled while it ran").to_json()),
            run_at: None,
            counted: true,
            record: Some(AttemptOutcome::Cancelled),
        };
        Some(Self { settlement, ..self.clone() })
    }
}

/// Attempts whose fence still held, by job and fence.
pub(crate) type HeldFences = HashSet<(JobId, i64)>;

/// Writes the ends and answers the attempts whose fence still held. Successes are one
/// statement, everything else one transaction.
///
/// What was to be run again but has been asked to stop meanwhile ends cancelled.
pub(crate) async fn batch(queue: &Queue, finishes: &[&Finish]) -> Result<HeldFences, QueueError> {
    let (successes, others): (Vec<_>, Vec<_>) =
        finishes.iter().copied().partition(|finish| finish.is_plain());
    let mut held = HeldFences::new();
    if !successes.is_empty() {
        held = succeed(queue, successes).await?;
    }
    if !others.is_empty() {
        let tx = queue.begin_brief().await?;
        let ended = end(&tx, &others).await;
        held.extend(tx.close(ended).await?);
    }
    Ok(held)
}

async fn end(tx: &Transaction, finishes: &[&Finish]) -> Result<HeldFences, QueueError> {
    let now = tx.now();
    let mut held = update(&**tx, finishes, now).await?;
    record_attempts(&**tx, finishes.iter().copied().filter(|finish| held.contains(&finish.key())), now)
        .await?;
    let stopped: Vec<Finish> = finishes
        .iter()
        .filter(|finish| !held.contains(&finish.key()))
        .filter_map(|finish| finish.stopped())
        .collect();
    if !stopped.is_empty() {
        let stopped: Vec<_> = stopped.iter().collect();
        let ended = update(&**tx, &stopped, now).await?;
        record_attempts(&**tx, stopped.into_iter().filter(|finish| ended.contains(&finish.key())), now)
            .await?;
        held.extend(ended);
    }
    Ok(held)
}

/// Writes one end together with the effect it has on the product. Answers whether
/// the fence still held.
pub(crate) async fn with_effect(
    queue: &Queue,
    finish: &Finish,
    job: &jobs::Model,
) -> Result<bool, QueueError> {
    let tx = queue.begin_brief().await?;
    let held = in_transaction(&tx, finish, job).await;
    tx.close(held).await
}

/// The same as a part of a larger change.
pub(crate) async fn in_transaction(
    tx: &Transaction,
    finish: &Finish,
    job: &jobs::Model,
) -> Result<bool, QueueError> {
    if !without_effect(tx, finish).await? {
        let Some(stopped) = finish.stopped() else { return Ok(false) };
        return Box::pin(in_transaction(tx, &stopped, job)).await;
    }
    if finish.settlement.state.is_terminal() {
        apply_effect(tx, job, &finish.settlement).await?;
    }
    Ok(true)
}

/// Writes one end and nothing else. Answers whether the fence still held.
pub(crate) async fn without_effect(tx: &Transaction, finish: &Finish) -> Result<bool, QueueError> {
    if update(&**tx, &[finish], tx.now()).await?.is_empty() {
        return Ok(false);
    }
    record_attempts(&**tx, [finish], tx.now()).await?;
    Ok(true)
}

/// Ends a job that nobody runs, with its effect. Answers whether it was still as
/// `job` says.
pub(crate) async fn unstarted(
    tx: &Transaction,
    job: &jobs::Model,
    state: JobState,
    error: &JobError,
) -> Result<bool, QueueError> {
    let settlement = Settlement {
        state,
        result: None,
        error: Some(error.to_json()),
        run_at: None,
        counted: true,
        record: None,
    };
    let now = tx.now();
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("UPDATE jobs SET state = ")
        .bind(state.as_str())
        .push(", phase = ")
        .bind(state.phase())
        .push(", error = ")
        .bind_json(settlement.error.as_ref())
        .push(", revision = revision + 1, finished_at = ")
        .bind(now)
        .push(", updated_at = ")
        .bind(now)
        .push(" WHERE id = ")
        .bind(job.id)
        .push(" AND state = ")
        .bind(job.state.as_str());
    if tx.execute_raw(sql.build()).await?.rows_affected() == 0 {
        return Ok(false);
    }
    if !job.state.is_terminal() {
        apply_effect(tx, job, &settlement).await?;
    }
    tx.note_change(job.id);
    Ok(true)
}

/// Jobs that are locked already and end in one transaction end in the order of what they
/// are about: effects lock that, and by its id, as everywhere.
pub(crate) fn in_order_of_subjects(jobs: &mut [jobs::Model]) {
    jobs.sort_by_key(|job| (job.subject_id, job.id));
}

async fn apply_effect(
    tx: &Transaction,
    job: &jobs::Model,
    settlement: &Settlement,
) -> Result<(), QueueError> {
    let ended = EndedJob {
        id: job.id,
        kind: job.kind.clone(),
        args: job.args.clone(),
        state: settlement.state,
        result: settlement.result.clone(),
        error: settlement.error.clone(),
        owner: job.owner_id,
        subject: job.subject_id,
    };
    let effects = tx.queue.effects().clone();
    effects.apply(tx, &ended).await
}

// `state || ''` is the state, hidden from PostgreSQL's planner: its statistics know
// next to no running jobs, so that it would go through all that run for each row
// instead of finding each by its key.

/// [`update`] for attempts that [are plain](Finish::is_plain), with little to send.
/// PostgreSQL looks for a row where its claim left it, which is where it lies unless the
/// attempt told of its progress; what is not found there is found by its key.
async fn succeed(queue: &Queue, mut finishes: Vec<&Finish>) -> Result<HeldFences, DbErr> {
    finishes.sort_unstable_by_key(|finish| finish.id);
    let mut held = HeldFences::new();
    let placed: Vec<_> = finishes.iter().copied().filter(|finish| finish.place.is_some()).collect();
    if !placed.is_empty() {
        held = write_successes(queue, &placed, true).await?;
    }
    finishes.retain(|finish| !held.contains(&finish.key()));
    if !finishes.is_empty() {
        held.extend(write_successes(queue, &finishes, false).await?);
    }
    Ok(held)
}

async fn write_successes(queue: &Queue, finishes: &[&Finish], by_place: bool) -> Result<HeldFences, DbErr> {
    let now = queue.now();
    let mut sql = Sql::new(queue.db().get_database_backend());
    let has_results = finishes.iter().any(|finish| finish.settlement.result.is_some());
    // In the text: it is the same for all of them.
    sql.push("UPDATE jobs SET state = 'succeeded', phase = ")
        .push(&JobState::Succeeded.phase().to_string())
        .push(", result = ")
        .push(if has_results { "ended.result" } else { "NULL" })
        .push(", error = NULL, revision = revision + 1, finished_at = ")
        .bind(now)
        .push(", updated_at = ")
        .bind(now)
        .push(" FROM ");
    match (by_place, has_results) {
        (false, false) => push_ends(&mut sql, finishes, [ID, FENCE], |end| [id(end), fence(end)]),
        (false, true) => {
            push_ends(&mut sql, finishes, [ID, FENCE, RESULT], |end| [id(end), fence(end), result(end)]);
        }
        (true, false) => {
            push_ends(&mut sql, finishes, [PLACE, ID, FENCE], |end| [place(end), id(end), fence(end)]);
        }
        (true, true) => push_ends(&mut sql, finishes, [PLACE, ID, FENCE, RESULT], |end| {
            [place(end), id(end), fence(end), result(end)]
        }),
    }
    sql.push(if by_place { " WHERE jobs.ctid = ended.place AND " } else { " WHERE " })
        .push("jobs.id = ended.id AND jobs.fence = ended.fence AND jobs.state || '' = 'running' RETURNING jobs.id, jobs.fence");
    let _turn = queue.write_turn().await;
    held(&queue.db().query_all_raw(sql.build()).await?)
}

fn push_ends<const N: usize>(
    sql: &mut Sql,
    finishes: &[&Finish],
    columns: [Column; N],
    cells: impl Fn(&Finish) -> [Cell; N],
) {
    Table::new(columns, finishes.iter().map(|finish| cells(finish)).collect()).push_to(sql, "ended");
}

const PLACE: Column = ("place", "tid");
const ID: Column = ("id", "uuid");
const FENCE: Column = ("fence", "bigint");
const RESULT: Column = ("result", "jsonb");

fn place(finish: &Finish) -> Cell {
    Cell::Text(finish.place.clone())
}

fn id(finish: &Finish) -> Cell {
    Cell::Id(finish.id.0)
}

fn fence(finish: &Finish) -> Cell {
    Cell::Number(finish.fence)
}

fn result(finish: &Finish) -> Cell {
    Cell::json(finish.settlement.result.as_ref())
}

fn held(rows: &[QueryResult]) -> Result<HeldFences, DbErr> {
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

async fn update(
    db: &impl ConnectionTrait,
    finishes: &[&Finish],
    now: Timestamp,
) -> Result<HeldFences, DbErr> {
    // Rows are written in the order of their ids, as everywhere: no two batches
    // wait for each other.
    let mut ordered = finishes.to_vec();
    ordered.sort_by_key(|finish| finish.id);
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("UPDATE jobs SET state = ended.column3, result = ended.column4, error = ended.column5, run_at = COALESCE(ended.column6, run_at), rank = ended.column7, attempt = attempt - ended.column8, finished_at = ended.column9, phase = ended.column10, revision = revision + 1, updated_at = ")
        .bind(now)
        .push(" FROM (VALUES ");
    for (index, finish) in ordered.iter().enumerate() {
        let Settlement { state, result, error, run_at, counted, .. } = &finish.settlement;
        sql.push(if index == 0 { "(" } else { ", (" })
            .bind(finish.id)
            .push(", ")
            .bind(finish.fence)
            .push(", ")
            .bind(state.as_str())
            .push(", ")
            .bind_json(result.as_ref())
            .push(", ")
            .bind_json(error.as_ref())
            .push(", ")
            .bind(*run_at)
            .push(", ")
            .bind(finish.rank)
            .push(", ")
            .bind(i32::from(!counted))
            .push(", ")
            .bind(state.is_terminal().then_some(now))
            .push(", ")
            .bind(state.phase())
            .push(")");
    }
    sql.push(") AS ended WHERE jobs.id = ended.column1 AND jobs.fence = ended.column2 AND jobs.state || '' = 'running' AND (ended.column9 IS NOT NULL OR jobs.cancel_requested_at IS NULL) RETURNING jobs.id, jobs.fence");
    held(&db.query_all_raw(sql.build()).await?)
}

async fn record_attempts(
    db: &impl ConnectionTrait,
    finishes: impl IntoIterator<Item = &Finish>,
    now: Timestamp,
) -> Result<(), DbErr> {
    let rows: Vec<_> = finishes
        .into_iter()
        .filter_map(|finish| {
            let outcome = finish.settlement.record?;
            Some(attempt_row(finish, outcome, finish.settlement.error.as_ref().map(without_nul), now))
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let nothing = OnConflict::new().do_nothing().to_owned();
    job_attempts::Entity::insert_many(rows).on_conflict(nothing).exec_without_returning(db).await?;
    Ok(())
}

fn attempt_row(
    finish: &Finish,
    outcome: AttemptOutcome,
    error: Option<Value>,
    now: Timestamp,
) -> job_attempts::ActiveModel {
    job_attempts::ActiveModel {
        job_id: Set(finish.id),
        fence: Set(finish.fence),
        attempt: Set(finish.attempt),
        worker_id: Set(finish.worker),
        outcome: Set(outcome),
        error: Set(error),
        started_at: Set(finish.started_at),
        finished_at: Set(now),
    }
}
