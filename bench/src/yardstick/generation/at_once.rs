//! Every row by one statement, which is its own transaction: one round trip. Only
//! PostgreSQL has such statements.

use sea_orm::sqlx::{self, PgPool};

use super::rows::{KIND, LANE, MAX_ATTEMPTS, MOST_VERSIONS, QUEUE, Rows, TURN_MILLIS};

/// Everything else is written only where the price was taken.
const WRITE: &str = "\
    WITH charged AS (\
        UPDATE users SET credits = credits - $1, updated_at = $2 \
        WHERE id = $3 AND credits >= $1 \
        AND EXISTS (SELECT 1 FROM projects WHERE id = $4 AND user_id = $3) \
        AND NOT EXISTS (SELECT 1 FROM jobs WHERE unique_key = $5 AND phase < 2) \
        AND (SELECT COUNT(*) FROM project_versions WHERE project_id = $4) < $6 \
        RETURNING id\
    ), job AS (\
        INSERT INTO jobs (id, queue, kind, lane, state, phase, owner_id, subject_id, args, max_attempts, \
            timeout_secs, unique_key, run_at, rank, trace_parent, request_id, attempt, fence, revision, created_at, updated_at) \
        SELECT $7, $8, $9, $10, 'available', 1, id, $4, $11, $12, $13, $5, $2, $14 + $15 * (\
            SELECT COUNT(*) FROM (\
                SELECT 1 FROM jobs WHERE owner_id = $3 AND queue = $8 AND lane <= $10 AND phase = 1 \
                AND state <> 'running' LIMIT 1000\
            ) AS waiting\
        ), $23, $16, 0, 0, 1, $2, $2 FROM charged\
    ), project AS (\
        UPDATE projects SET status = 'generating', updated_at = $2 \
        WHERE id = $4 AND user_id = (SELECT id FROM charged)\
    ), entry AS (\
        INSERT INTO credit_transactions (id, user_id, amount, kind, description, project_id, job_id, created_at) \
        SELECT $17, id, -$1, 'usage', $18, $4, $7, $2 FROM charged\
    ), audit AS (\
        INSERT INTO audit_log (id, level, actor_id, action, target, ip, request_id, context, created_at) \
        SELECT $19, 'info', id, 'generation.start', $20, $21, $16, $22, $2 FROM charged\
    ), message AS (\
        INSERT INTO project_messages (id, project_id, job_id, mode, text, created_at) \
        SELECT gen_random_uuid(), $4, $7, 'quick', description, $2 FROM projects, charged WHERE projects.id = $4\
    ) \
    SELECT FROM charged";

/// Writes the rows; false where the request is refused and nothing was written.
pub(super) async fn write(pool: &PgPool, rows: &Rows) -> sqlx::Result<bool> {
    let done = sqlx::query(WRITE)
        .bind(rows.price)
        .bind(rows.now)
        .bind(rows.user)
        .bind(rows.project)
        .bind(&rows.unique_key)
        .bind(MOST_VERSIONS)
        .bind(rows.job)
        .bind(QUEUE)
        .bind(KIND)
        .bind(LANE)
        .bind(&rows.args)
        .bind(MAX_ATTEMPTS)
        .bind(i32::try_from(TURN_MILLIS / 1_000).unwrap_or(i32::MAX))
        .bind(rows.now.timestamp_millis())
        .bind(TURN_MILLIS)
        .bind(&rows.request_id)
        .bind(rows.entry)
        .bind(rows.description)
        .bind(rows.audit)
        .bind(&rows.target)
        .bind(&rows.ip)
        .bind(&rows.context)
        .bind(&rows.trace_parent)
        .execute(pool)
        .await?;
    Ok(done.rows_affected() == 1)
}
