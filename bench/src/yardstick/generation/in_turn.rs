//! A transaction of one statement a table.

use sea_orm::sqlx;

use super::rows::{KIND, LANE, MAX_ATTEMPTS, MOST_VERSIONS, QUEUE, Rows, TURN_MILLIS};
use crate::yardstick::database::Database;

const TAKE_PRICE: &str = "\
    UPDATE users SET credits = credits - $1, updated_at = $2 \
    WHERE id = $3 AND credits >= $1 \
    AND EXISTS (SELECT 1 FROM projects WHERE id = $4 AND user_id = $3) \
    AND NOT EXISTS (SELECT 1 FROM jobs WHERE unique_key = $5 AND phase < 2) \
    AND (SELECT COUNT(*) FROM project_versions WHERE project_id = $4) < $6";

const INSERT_JOB: &str = "\
    INSERT INTO jobs (id, queue, kind, lane, state, phase, owner_id, subject_id, args, max_attempts, timeout_secs, \
        unique_key, run_at, rank, trace_parent, request_id, attempt, fence, revision, created_at, updated_at) \
    SELECT $1, $2, $3, $4, 'available', 1, $5, $6, $7, $8, $9, $10, $11, $12 + $13 * (\
        SELECT COUNT(*) FROM (\
            SELECT 1 FROM jobs WHERE owner_id = $5 AND queue = $2 AND lane <= $4 AND phase = 1 \
            AND state <> 'running' LIMIT 1000\
        ) AS waiting\
    ), $15, $14, 0, 0, 1, $11, $11";

const MARK_PROJECT: &str = "UPDATE projects SET status = 'generating', updated_at = $1 WHERE id = $2";

const INSERT_ENTRY: &str = "\
    INSERT INTO credit_transactions (id, user_id, amount, kind, description, project_id, job_id, created_at) \
    VALUES ($1, $2, $3, 'usage', $4, $5, $6, $7)";

const INSERT_AUDIT: &str = "\
    INSERT INTO audit_log (id, level, actor_id, action, target, ip, request_id, context, created_at) \
    VALUES ($1, 'info', $2, 'generation.start', $3, $4, $5, $6, $7)";

const INSERT_MESSAGE: &str = "\
    INSERT INTO project_messages (id, project_id, job_id, mode, text, created_at) \
    SELECT $1, $2, $3, 'quick', description, $4 FROM projects WHERE id = $2";

/// Writes the rows in an open transaction and commits it, or rolls it back where the price
/// cannot be taken.
macro_rules! write_in {
    ($tx:ident, $rows:ident) => {{
        let mut tx = $tx;
        let taken = sqlx::query(TAKE_PRICE)
            .bind($rows.price)
            .bind($rows.now)
            .bind($rows.user)
            .bind($rows.project)
            .bind(&$rows.unique_key)
            .bind(MOST_VERSIONS)
            .execute(&mut *tx)
            .await?;
        if taken.rows_affected() == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        sqlx::query(INSERT_JOB)
            .bind($rows.job)
            .bind(QUEUE)
            .bind(KIND)
            .bind(LANE)
            .bind($rows.user)
            .bind($rows.project)
            .bind(&$rows.args)
            .bind(MAX_ATTEMPTS)
            .bind(TURN_MILLIS / 1_000)
            .bind(&$rows.unique_key)
            .bind($rows.now)
            .bind($rows.now.timestamp_millis())
            .bind(TURN_MILLIS)
            .bind(&$rows.request_id)
            .bind(&$rows.trace_parent)
            .execute(&mut *tx)
            .await?;
        sqlx::query(MARK_PROJECT).bind($rows.now).bind($rows.project).execute(&mut *tx).await?;
        sqlx::query(INSERT_MESSAGE)
            .bind(uuid::Uuid::new_v4())
            .bind($rows.project)
            .bind($rows.job)
            .bind($rows.now)
            .execute(&mut *tx)
            .await?;
        sqlx::query(INSERT_ENTRY)
            .bind($rows.entry)
            .bind($rows.user)
            .bind(-$rows.price)
            .bind($rows.description)
            .bind($rows.project)
            .bind($rows.job)
            .bind($rows.now)
            .execute(&mut *tx)
            .await?;
        sqlx::query(INSERT_AUDIT)
            .bind($rows.audit)
            .bind($rows.user)
            .bind(&$rows.target)
            .bind(&$rows.ip)
            .bind(&$rows.request_id)
            .bind(&$rows.context)
            .bind($rows.now)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }};
}

/// Writes the rows; false where the request is refused and nothing was written.
pub(super) async fn write(database: &Database, rows: &Rows) -> sqlx::Result<bool> {
    match database {
        Database::Postgres(pool) => {
            let tx = pool.begin().await?;
            write_in!(tx, rows)
        }
        Database::Sqlite { writes, .. } => {
            let tx = writes.begin_with("BEGIN IMMEDIATE").await?;
            write_in!(tx, rows)
        }
    }
}
