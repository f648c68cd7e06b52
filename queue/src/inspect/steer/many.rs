//! Cancelling and discarding many jobs in one transaction: one statement for those that wait
//! and one for those that run.

use std::collections::HashSet;

use atelier_entities::{JobId, JobState, jobs};
use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, EntityTrait};

use crate::{Transaction, error::QueueError, finish, outcome::JobError, state, store::sql::Sql};

/// Ids of one statement: SQLite binds at most 32,766 values
/// (<https://www.sqlite.org/limits.html>, `SQLITE_MAX_VARIABLE_NUMBER`).
const IDS: usize = 10_000;

/// What became of the jobs of [`Transaction::cancel_many`]. Each list is in the order of ids.
/// Ids that are in none of them had ended, or no job has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cancelled {
    /// Jobs that waited and have ended as cancelled, with their effects.
    pub ended: Vec<JobId>,
    /// Running jobs that are told to stop.
    pub stopping: Vec<JobId>,
    /// Unfinished jobs that another transaction has locked. Nothing was done to them.
    pub locked: Vec<JobId>,
}

impl Transaction {
    /// Cancels these jobs: those that wait end at once with their effects, those that run are
    /// told to stop. It waits for no lock of another transaction on a job: such jobs are
    /// skipped, and [`Cancelled::locked`] names them. A caller that has locked jobs before
    /// passes all of them.
    ///
    /// A failed effect is an error: the caller rolls back and cancels each job alone.
    pub async fn cancel_many(&self, ids: &[JobId]) -> Result<Cancelled, QueueError> {
        let states = allowing(JobState::Cancelled);
        let Selected { jobs, locked } = lock_unlocked(self, ids, &states).await?;
        Ok(Cancelled { locked, ..cancel_locked(self, &jobs).await? })
    }
}

/// Cancels locked jobs.
pub(super) async fn cancel_locked(tx: &Transaction, locked: &[jobs::Model]) -> Result<Cancelled, QueueError> {
    let (running, waiting): (Vec<_>, Vec<_>) = locked.iter().partition(|job| job.state == JobState::Running);
    let stopping = request_cancels(tx, &running.iter().map(|job| job.id).collect::<Vec<_>>()).await?;
    let error = JobError::fail("CANCELLED", "cancelled before it ran");
    let ended = finish::end_unstarted(tx, &waiting, JobState::Cancelled, &error).await?;
    Ok(Cancelled { ended: in_order(ended), stopping, locked: Vec::new() })
}

/// Discards those of these jobs that wait, failed or were cancelled, except for those that
/// another transaction has locked.
pub(in crate::inspect) async fn discard_many(
    tx: &Transaction,
    ids: &[JobId],
) -> Result<Cancelled, QueueError> {
    let Selected { jobs, locked } = lock_unlocked(tx, ids, &allowing(JobState::Discarded)).await?;
    Ok(Cancelled { ended: discard_locked(tx, &jobs).await?, stopping: Vec::new(), locked })
}

/// Discards locked jobs whose states allow it.
pub(super) async fn discard_locked(
    tx: &Transaction,
    locked: &[jobs::Model],
) -> Result<Vec<JobId>, QueueError> {
    let error = JobError::fail("DISCARDED", "discarded by an operator");
    let locked: Vec<_> = locked.iter().collect();
    Ok(in_order(finish::end_unstarted(tx, &locked, JobState::Discarded, &error).await?))
}

/// Tells running jobs to stop. Answers those that ran, in the order of their ids.
async fn request_cancels(tx: &Transaction, ids: &[JobId]) -> Result<Vec<JobId>, DbErr> {
    let mut stopping = HashSet::with_capacity(ids.len());
    for some in ids.chunks(IDS) {
        let mut sql = Sql::new(tx.get_database_backend());
        sql.push("UPDATE jobs SET cancel_requested_at = COALESCE(cancel_requested_at, ")
            .bind(tx.now())
            .push("), revision = revision + 1 WHERE state || '' = 'running' AND id ")
            .among(some)
            .push(" RETURNING id");
        for row in tx.query_all_raw(sql.build()).await? {
            stopping.insert(row.try_get_by_index(0)?);
        }
    }
    let stopping = in_order(stopping);
    tx.note_stops(stopping.iter().copied());
    tx.note_changes(stopping.iter().copied());
    Ok(stopping)
}

/// Jobs that a transaction has locked, and those that another one has.
struct Selected {
    jobs: Vec<jobs::Model>,
    locked: Vec<JobId>,
}

/// Locks those of these jobs that are in one of the states and that no other transaction has
/// locked, in the order of their ids.
async fn lock_unlocked(tx: &Transaction, ids: &[JobId], states: &[JobState]) -> Result<Selected, QueueError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut selected = Selected { jobs: Vec::with_capacity(ids.len()), locked: Vec::new() };
    for some in ids.chunks(IDS) {
        let mut sql = Sql::new(tx.get_database_backend());
        sql.push("SELECT * FROM jobs WHERE id ").among(some);
        push_in_states(&mut sql, states);
        sql.skip_locked();
        let found = jobs::Entity::find().from_raw_sql(sql.build()).all(&**tx).await?;
        let unlocked: HashSet<JobId> = found.iter().map(|job| job.id).collect();
        let others: Vec<JobId> = some.iter().copied().filter(|id| !unlocked.contains(id)).collect();
        selected.locked.extend(list_locked(tx, &others, states).await?);
        selected.jobs.extend(found);
    }
    Ok(selected)
}

/// Those of the jobs that were skipped because another transaction has locked them: they are
/// in one of the states.
async fn list_locked(tx: &Transaction, ids: &[JobId], states: &[JobState]) -> Result<Vec<JobId>, DbErr> {
    if ids.is_empty() || tx.get_database_backend() == DatabaseBackend::Sqlite {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT id FROM jobs WHERE id ").among(ids);
    push_in_states(&mut sql, states);
    tx.query_all_raw(sql.build()).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

fn push_in_states(sql: &mut Sql, states: &[JobState]) {
    sql.push(" AND state IN (").bind_list(states.iter().map(|state| state.as_str())).push(") ORDER BY id");
}

/// The states that may become that one.
fn allowing(next: JobState) -> Vec<JobState> {
    JobState::ALL.iter().copied().filter(|from| state::can_become(*from, next)).collect()
}

fn in_order(ids: HashSet<JobId>) -> Vec<JobId> {
    let mut ids: Vec<JobId> = ids.into_iter().collect();
    ids.sort_unstable();
    ids
}
