//! The run's own tables, in which handlers and effects record what they did. They have no
//! unique key, so that duplicates show.

use anyhow::Context;
use atelier_entities::{JobId, JobState, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};

const CREATE: [&str; 2] = [
    "CREATE TABLE chaos_effects (seq bigserial, job_id uuid NOT NULL, state text NOT NULL, child_id uuid)",
    "CREATE TABLE chaos_runs (seq bigserial, job_id uuid NOT NULL, attempt int NOT NULL, pid int NOT NULL, at timestamptz NOT NULL)",
];

const INDEX: &str = "CREATE INDEX chaos_runs_job ON chaos_runs (job_id)";

/// Creates them.
pub(super) async fn create(db: &impl ConnectionTrait) -> anyhow::Result<()> {
    for statement in CREATE.into_iter().chain([INDEX]) {
        db.execute_unprepared(statement).await.context("cannot create the run's tables")?;
    }
    Ok(())
}

/// A statement with its values, for this database.
pub(super) fn statement(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}

/// Records an effect.
pub(super) async fn note_effect(
    db: &impl ConnectionTrait,
    job: JobId,
    state: JobState,
    child: JobId,
) -> Result<(), DbErr> {
    let sql = "INSERT INTO chaos_effects (job_id, state, child_id) VALUES ($1, $2, $3)";
    db.execute_raw(statement(db, sql, [job.into(), state.as_str().into(), child.into()])).await.map(drop)
}

/// Records the start of a handler.
pub(super) async fn note_run(
    db: &impl ConnectionTrait,
    job: JobId,
    attempt: u16,
    at: Timestamp,
) -> Result<(), DbErr> {
    let pid = i32::try_from(std::process::id()).unwrap_or_default();
    let sql = "INSERT INTO chaos_runs (job_id, attempt, pid, at) VALUES ($1, $2, $3, $4)";
    let values = [job.into(), i32::from(attempt).into(), pid.into(), at.into()];
    db.execute_raw(statement(db, sql, values)).await.map(drop)
}

/// How often the handler of that job was started.
pub(super) async fn count_runs(db: &impl ConnectionTrait, job: JobId) -> Result<i64, DbErr> {
    let sql = "SELECT COUNT(*) AS runs FROM chaos_runs WHERE job_id = $1";
    let row = db.query_one_raw(statement(db, sql, [job.into()])).await?;
    row.map_or(Ok(0), |row| row.try_get("", "runs"))
}

/// Counts attempts that were lost before their handler had begun, of kinds whose handlers
/// record their start.
pub(super) async fn count_lost_unbegun(db: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let sql = "SELECT COUNT(*) AS attempts FROM job_attempts JOIN jobs ON jobs.id = job_attempts.job_id WHERE job_attempts.outcome = 'lost' AND jobs.kind NOT IN ('chaos.noop', 'chaos.probe', 'chaos.child') AND NOT EXISTS (SELECT 1 FROM chaos_runs WHERE chaos_runs.job_id = jobs.id AND chaos_runs.attempt = job_attempts.attempt)";
    let row = db.query_one_raw(statement(db, sql, [])).await?;
    row.map_or(Ok(0), |row| row.try_get("", "attempts"))
}
