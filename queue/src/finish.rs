//! Finishing: writes the ends of attempts in batches, with their effects. Every write
//! is guarded by the fence, so that a worker that lost its lease changes nothing.

use std::{collections::HashSet, time::Duration};

use atelier_entities::{AttemptOutcome, JobId, JobState, Timestamp, WorkerId, job_attempts, jobs};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, QueryResult, sea_query::OnConflict};
use serde_json::Value;

use crate::{
    EndedJob, Queue, Transaction,
    error::QueueError,
    job::Lane,
    outcome::{JobError, Outcome},
    queue::Affecting,
    rank,
    settle::{AttemptFacts, Ending, Settlement, settle},
    store::sql::{Sql, without_nul},
};
use successes::write_successes;
pub(crate) use unstarted::end_unstarted;

mod successes;
mod unstarted;

/// The end of one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Finish {
    pub(crate) id: JobId,
    pub(crate) fence: i64,
    /// Where the claim left the row; an update may have moved it since.
    pub(crate) place: Option<String>,
    pub(crate) attempt: i32,
    pub(crate) worker: Option<WorkerId>,
    pub(crate) started_at: Option<Timestamp>,
    /// The rank from now on.
    pub(crate) rank: i64,
    pub(crate) settlement: Settlement,
}

impl Finish {
    /// The end of a job's last attempt.
    pub(crate) fn of(job: &jobs::Model, settlement: Settlement) -> Self {
        let rank = match settlement.run_at {
            // A job that is handed back or rescued keeps its rank.
            Some(run_at) if settlement.state != JobState::Available => {
                rank::of(run_at, Lane::from_number(job.lane), 0, Duration::ZERO)
            }
            _ => job.rank,
        };
        Self {
            id: job.id,
            fence: job.fence,
            place: job.place.clone(),
            attempt: job.attempt,
            worker: job.worker_id,
            started_at: job.started_at,
            rank,
            settlement,
        }
    }

    /// The end of an attempt that a handler ran, whose result may have at most
    /// `max_result_bytes`.
    pub(crate) fn of_attempt(
        job: &jobs::Model,
        ending: Ending,
        facts: &AttemptFacts,
        max_result_bytes: usize,
    ) -> Self {
        Self::of(job, settle(limit_result(ending, max_result_bytes), facts))
    }

    /// The end of an attempt that gives its job back as if it had never been claimed.
    pub(crate) fn handing_back(job: &jobs::Model, now: Timestamp) -> Self {
        Self::of(job, settle(Ending::Drained, &AttemptFacts::of(job, now)))
    }

    /// The key of the attempt: its job and its fence.
    pub(crate) fn key(&self) -> (JobId, i64) {
        (self.id, self.fence)
    }

    /// Whether it is a success without anything else to write but a result.
    pub(crate) fn is_plain(&self) -> bool {
        let Settlement { state, result: _, error, run_at, counted, record } = &self.settlement;
        *state == JobState::Succeeded && error.is_none() && run_at.is_none() && *counted && record.is_none()
    }

    /// The end of the same attempt where its job was asked to stop; none where it ends
    /// anyway.
    fn cancelled(&self) -> Option<Self> {
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

/// A result that is too large fails the job: a further attempt's would be as large.
fn limit_result(ending: Ending, max_bytes: usize) -> Ending {
    match ending {
        Ending::Returned(Ok(Outcome::Done(result))) if json_len(&result) > max_bytes => {
            let message = format!("the result is larger than {max_bytes} bytes");
            Ending::Returned(Err(JobError::fail("RESULT_TOO_LARGE", message)))
        }
        ending => ending,
    }
}

fn json_len(value: &Value) -> usize {
    if value.is_null() { 0 } else { value.to_string().len() }
}

/// Attempts whose end was written because their fence matched, by job and fence.
pub(crate) type WrittenEnds = HashSet<(JobId, i64)>;

/// Writes ends of jobs without an effect and answers those whose fence matched. Successes
/// take one statement, the others one transaction.
///
/// A job that would run again, but was asked to stop meanwhile, ends as cancelled.
pub(crate) async fn write_batch(queue: &Queue, finishes: &[&Finish]) -> Result<WrittenEnds, QueueError> {
    let (successes, others): (Vec<_>, Vec<_>) =
        finishes.iter().copied().partition(|finish| finish.is_plain());
    let mut written = WrittenEnds::new();
    if !successes.is_empty() {
        written = write_successes(queue, successes).await?;
    }
    if !others.is_empty() {
        let tx = queue.begin_brief().await?;
        let ended = end(&tx, &others).await;
        written.extend(tx.close(ended).await?.written);
    }
    Ok(written)
}

/// Ends of a transaction: those whose fence matched, and as what they ended where their jobs
/// were asked to stop.
#[derive(Default)]
struct Ended {
    written: WrittenEnds,
    cancelled: Vec<Finish>,
}

impl Ended {
    /// What was written for that end; none where its fence did not match.
    fn settlement<'a>(&'a self, finish: &'a Finish) -> Option<&'a Settlement> {
        self.written.contains(&finish.key()).then(|| {
            let cancelled = self.cancelled.iter().find(|cancelled| cancelled.key() == finish.key());
            &cancelled.unwrap_or(finish).settlement
        })
    }
}

async fn end(tx: &Transaction, finishes: &[&Finish]) -> Result<Ended, QueueError> {
    let now = tx.now();
    let mut written = update(&**tx, finishes, now).await?;
    record_attempts(&**tx, finishes.iter().copied().filter(|finish| written.contains(&finish.key())), now)
        .await?;
    let mut cancelled: Vec<Finish> = finishes
        .iter()
        .filter(|finish| !written.contains(&finish.key()))
        .filter_map(|finish| finish.cancelled())
        .collect();
    if !cancelled.is_empty() {
        let ended = update(&**tx, &cancelled.iter().collect::<Vec<_>>(), now).await?;
        cancelled.retain(|finish| ended.contains(&finish.key()));
        record_attempts(&**tx, &cancelled, now).await?;
        written.extend(ended);
    }
    Ok(Ended { written, cancelled })
}

/// An end, and its job if the end may have an effect.
pub(crate) type EndWithEffect<'a> = (&'a Finish, Option<&'a Affecting>);

/// Writes ends and applies their effects, in one transaction. Answers those whose fence
/// matched.
pub(crate) async fn write_with_effects(
    queue: &Queue,
    ends: &[EndWithEffect<'_>],
) -> Result<WrittenEnds, QueueError> {
    let tx = queue.begin_brief().await?;
    let written = write_in(&tx, ends).await;
    tx.close(written).await
}

/// [`write_with_effects`] in a larger transaction.
pub(crate) async fn write_in(
    tx: &Transaction,
    ends: &[EndWithEffect<'_>],
) -> Result<WrittenEnds, QueueError> {
    let finishes: Vec<_> = ends.iter().map(|(finish, _)| *finish).collect();
    let ended = end(tx, &finishes).await?;
    let settled = ends.iter().filter_map(|(finish, job)| Some(((*job)?, ended.settlement(finish)?)));
    let settled = settled.filter(|(_, settlement)| settlement.state.is_terminal());
    apply_effects(tx, settled.map(|(job, settlement)| job.clone().ended(settlement)).collect()).await?;
    Ok(ended.written)
}

/// Writes one end without its effect. Answers whether the fence matched.
pub(crate) async fn write_without_effect(tx: &Transaction, finish: &Finish) -> Result<bool, QueueError> {
    if update(&**tx, &[finish], tx.now()).await?.is_empty() {
        return Ok(false);
    }
    record_attempts(&**tx, [finish], tx.now()).await?;
    Ok(true)
}

/// Applies effects in the order of their subjects: effects lock these, and rows are locked in
/// the order of their ids everywhere.
async fn apply_effects(tx: &Transaction, mut ended: Vec<EndedJob>) -> Result<(), QueueError> {
    ended.sort_by_key(|job| (job.subject, job.id));
    let effects = tx.queue().effects().clone();
    for of_a_kind in ended.chunk_by(|one, next| one.kind == next.kind) {
        effects.apply(tx, of_a_kind).await?;
    }
    Ok(())
}

fn written_ends(rows: &[QueryResult]) -> Result<WrittenEnds, DbErr> {
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

// `state || ''` hides the state from PostgreSQL's planner. Its statistics count next to no
// running jobs, so that it would scan all of them for each row instead of using the key.

async fn update(
    db: &impl ConnectionTrait,
    finishes: &[&Finish],
    now: Timestamp,
) -> Result<WrittenEnds, DbErr> {
    // Rows are written in the order of their ids, as everywhere, so that two batches do not
    // deadlock.
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
    written_ends(&db.query_all_raw(sql.build()).await?)
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
