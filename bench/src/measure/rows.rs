//! Rows that the table holds before the measurement, and queries on it.

use anyhow::Context;
use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseConnection, QueryResult, Statement};

use super::cli::RowsArgs;

/// Jobs of this rank and above wait behind all measured jobs.
const LAST_RANK: &str = "4000000000000000000";

/// Ended jobs are older than all others, and so are their ids.
const FINISHED: &str = "INSERT INTO jobs (id, queue, kind, lane, state, phase, args, attempt, max_attempts, \
    timeout_secs, fence, revision, run_at, rank, created_at, started_at, finished_at, updated_at) \
    SELECT (lpad(to_hex(1700000000000 + n), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' \
    || substr(md5(n::text), 4, 15))::uuid, 'generation', 'bench.finished', 1, 'succeeded', 2, \
    '{\"millis\": 0}', 1, 3, 60, 1, 3, now() - interval '1 day', 0, now() - interval '1 day', \
    now() - interval '1 day', now() - interval '1 day', now() - interval '1 day' \
    FROM generate_series(1, ";

const WAITING: &str = "INSERT INTO jobs (id, queue, kind, lane, state, phase, args, attempt, max_attempts, \
    timeout_secs, fence, revision, run_at, rank, created_at, updated_at) \
    SELECT (lpad(to_hex(1720000000000 + n), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' \
    || substr(md5(n::text), 4, 15))::uuid, 'generation', 'bench.generation', 1, 'available', 1, \
    '{\"millis\": 0}', 0, 3, 60, 0, 1, now(), 4000000000000000000 + n, now(), now() \
    FROM generate_series(1, ";

/// Inserts them.
pub(super) async fn create(db: &DatabaseConnection, rows: RowsArgs) -> anyhow::Result<()> {
    for (insert, count) in [(FINISHED, rows.finished_rows), (WAITING, rows.waiting_rows)] {
        if count > 0 {
            let sql = format!("{insert}{count}) AS n");
            db.execute_unprepared(&sql).await.context("cannot insert rows")?;
        }
    }
    Ok(())
}

/// Updates the statistics and makes a checkpoint, so that neither falls into the
/// measurement.
pub(super) async fn settle(db: &DatabaseConnection) -> anyhow::Result<()> {
    for sql in ["ANALYZE jobs", "CHECKPOINT"] {
        db.execute_unprepared(sql).await.with_context(|| format!("{sql} failed"))?;
    }
    Ok(())
}

/// Whether any of the measured jobs has not ended.
pub(super) async fn is_busy(db: &DatabaseConnection) -> anyhow::Result<bool> {
    let sql = format!(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM jobs WHERE phase = 1 AND rank < {LAST_RANK} AND queue IN \
         ('generation', 'deployment', 'email', 'stats', 'workflow', 'maintenance')) \
         OR EXISTS (SELECT 1 FROM jobs WHERE phase = 0) THEN 1 ELSE 0 END AS busy"
    );
    Ok(query_row(db, &sql).await?.try_get::<i32>("", "busy")? == 1)
}

/// How many of the measured jobs succeeded.
pub(super) async fn count_succeeded(db: &DatabaseConnection) -> anyhow::Result<i64> {
    let sql = format!(
        "SELECT COUNT(*) AS succeeded FROM jobs WHERE phase = 2 AND kind <> 'bench.finished' \
         AND rank < {LAST_RANK}"
    );
    Ok(query_row(db, &sql).await?.try_get("", "succeeded")?)
}

/// How many effects were applied.
pub(super) async fn count_effects(db: &DatabaseConnection) -> anyhow::Result<i64> {
    Ok(query_row(db, "SELECT COUNT(*) AS effects FROM bench_effects").await?.try_get("", "effects")?)
}

/// How many jobs succeeded, including those that waited behind the measured ones.
pub(super) async fn count_all_succeeded(db: &DatabaseConnection) -> anyhow::Result<i64> {
    let sql = "SELECT COUNT(*) AS succeeded FROM jobs WHERE phase = 2 AND kind <> 'bench.finished'";
    Ok(query_row(db, sql).await?.try_get("", "succeeded")?)
}

/// When the first measured job was started by PostgreSQL's clock, in seconds.
pub(super) async fn first_start(db: &DatabaseConnection) -> anyhow::Result<f64> {
    let sql = format!(
        "SELECT EXTRACT(EPOCH FROM MIN(started_at))::float8 AS began FROM jobs \
         WHERE kind <> 'bench.finished' AND rank < {LAST_RANK}"
    );
    Ok(query_row(db, &sql).await?.try_get("", "began")?)
}

/// PostgreSQL's clock in seconds.
pub(super) async fn clock(db: &DatabaseConnection) -> anyhow::Result<f64> {
    let row = query_row(db, "SELECT EXTRACT(EPOCH FROM clock_timestamp())::float8 AS clock").await?;
    Ok(row.try_get("", "clock")?)
}

/// Queries one row.
pub(super) async fn query_row(db: &DatabaseConnection, sql: &str) -> anyhow::Result<QueryResult> {
    let backend: DatabaseBackend = db.get_database_backend();
    let row = db.query_one_raw(Statement::from_string(backend, sql)).await?;
    row.context("the query returned no row")
}
