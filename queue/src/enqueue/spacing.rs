//! Who holds a debounce or throttle key.

use std::time::Duration;

use atelier_entities::{JobId, Timestamp, jobs, throttles};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait};
use serde_json::Value;

use crate::{guarded::Guarded, store::sql::Sql};

/// Keys forgotten in one statement.
const FORGOTTEN_AT_ONCE: u32 = 1_000;

/// The holder of a key, if there is one. The key is locked until the transaction
/// ends, so that two enqueues of it come one after the other.
pub(crate) async fn holder(
    tx: &Guarded,
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
pub(crate) async fn hold(tx: &Guarded, key: &str, job: JobId, until: Timestamp) -> Result<(), DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("UPDATE throttles SET job_id = ")
        .bind(job)
        .push(", until = ")
        .bind(until)
        .push(" WHERE key = ")
        .bind(key);
    tx.execute_raw(sql.build()).await.map(drop)
}

/// To when a job is put off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PutOff {
    pub(crate) until: Timestamp,
    /// Counted from when the job was enqueued.
    pub(crate) longest: Duration,
    pub(crate) now: Timestamp,
}

impl PutOff {
    fn of(&self, enqueued: Timestamp) -> Timestamp {
        self.until.min(enqueued + self.longest)
    }
}

/// Gives a job that still waits for its time new args and a later time. Answers that time;
/// none where it no longer waited.
pub(crate) async fn put_off(
    tx: &Guarded,
    job: JobId,
    args: Option<&Value>,
    later: PutOff,
) -> Result<Option<Timestamp>, DbErr> {
    let Some(row) = jobs::Entity::find_by_id(job).one(tx).await? else { return Ok(None) };
    let until = later.of(row.created_at);
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("UPDATE jobs SET args = ")
        .bind_json(args)
        .push(", run_at = ")
        .bind(until)
        .push(", updated_at = ")
        .bind(later.now)
        .push(", revision = revision + 1 WHERE id = ")
        .bind(job)
        .push(" AND state = 'scheduled' AND attempt = 0");
    let is_put_off = tx.execute_raw(sql.build()).await?.rows_affected() > 0;
    Ok(is_put_off.then_some(until))
}

/// Forgets keys that have long been free: some at a time, and the rest at the next pass.
pub(crate) async fn forget(db: &impl ConnectionTrait, before: Timestamp) -> Result<(), DbErr> {
    let mut sql = Sql::new(db.get_database_backend());
    sql.delete_some("throttles", |sql| {
        sql.push("until < ").bind(before).push(" ORDER BY until LIMIT ").push(&FORGOTTEN_AT_ONCE.to_string());
    });
    db.execute_raw(sql.build()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_put_off_until_it_is_quiet_and_no_longer_than_it_may_last() {
        let at = |secs| Timestamp::from_timestamp(secs, 0).expect("a time");
        let table = [(105, 105), (160, 160), (161, 160), (500, 160)];

        for (until, put_off) in table {
            let later = PutOff { until: at(until), longest: Duration::from_secs(60), now: at(100) };
            assert_eq!(later.of(at(100)), at(put_off), "{until}");
        }
    }
}
