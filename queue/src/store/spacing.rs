//! Who holds a debounce or throttle key.

use atelier_entities::{JobId, Timestamp, throttles};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait};
use serde_json::Value;

use crate::store::sql::Sql;

/// The holder of a key, if there is one. The key is locked until the transaction
/// ends, so that two enqueues of it come one after the other.
pub(crate) async fn holder(
    tx: &DatabaseTransaction,
    key: &str,
    now: Timestamp,
) -> Result<Option<throttles::Model>, DbErr> {
    let nobody = JobId::new();
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("INSERT INTO throttles (key, job_id, until) VALUES (")
        .bind(key)
        .push(", ")
        .bind(nobody)
        .push(", ")
        .bind(now)
        .push(") ON CONFLICT (key) DO UPDATE SET until = throttles.until RETURNING *");
    let row = throttles::Entity::find().from_raw_sql(sql.build()).one(tx).await?;
    Ok(row.filter(|row| row.job_id != nobody))
}

/// Makes a job the holder of a locked key.
pub(crate) async fn hold(
    tx: &DatabaseTransaction,
    key: &str,
    job: JobId,
    until: Timestamp,
) -> Result<(), DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("UPDATE throttles SET job_id = ")
        .bind(job)
        .push(", until = ")
        .bind(until)
        .push(" WHERE key = ")
        .bind(key);
    tx.execute_raw(sql.build()).await.map(drop)
}

/// Gives a job that still waits for its time new args and a later time. Answers
/// whether it still waited.
pub(crate) async fn put_off(
    tx: &DatabaseTransaction,
    job: JobId,
    args: Value,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("UPDATE jobs SET args = ")
        .bind(args)
        .push(", run_at = ")
        .bind(until)
        .push(", updated_at = ")
        .bind(now)
        .push(", revision = revision + 1 WHERE id = ")
        .bind(job)
        .push(" AND state = 'scheduled' AND attempt = 0");
    Ok(tx.execute_raw(sql.build()).await?.rows_affected() > 0)
}

/// Forgets keys that have long been free.
pub(crate) async fn forget(db: &impl ConnectionTrait, before: Timestamp) -> Result<(), DbErr> {
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("DELETE FROM throttles WHERE until < ").bind(before);
    db.execute_raw(sql.build()).await.map(drop)
}
