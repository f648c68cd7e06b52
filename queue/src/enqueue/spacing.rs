//! Debounce and throttle keys: which job holds one, and until when.

use std::time::Duration;

use atelier_entities::{JobId, Timestamp, jobs, throttles, to_micros};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait};
use serde_json::Value;

use crate::{
    guarded::Guarded,
    store::{
        removal::{Removal, delete_batch},
        sql::Sql,
    },
};

/// Keys deleted in one statement.
const BATCH: u32 = 1_000;

/// The holder of a key, if there is one. The key stays locked until the transaction
/// ends, so that two enqueues of it run one after the other.
pub(super) async fn holder(
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
pub(super) async fn hold(tx: &Guarded, key: &str, job: JobId, until: Timestamp) -> Result<(), DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("UPDATE throttles SET job_id = ")
        .bind(job)
        .push(", until = ")
        .bind(until)
        .push(" WHERE key = ")
        .bind(key);
    tx.execute_raw(sql.build()).await.map(drop)
}

/// How long a job is delayed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delay {
    pub(super) until: Timestamp,
    /// Counted from when the job was enqueued.
    pub(super) longest: Duration,
    pub(super) now: Timestamp,
}

impl Delay {
    /// The new due time of a job that was enqueued at that moment.
    fn of(&self, enqueued: Timestamp) -> Timestamp {
        self.until.min(enqueued + self.longest)
    }
}

/// Gives a job that is not due yet new args and a later time. Answers it as it is then;
/// none where it is due or has started.
pub(super) async fn replace(
    tx: &Guarded,
    job: JobId,
    args: &Value,
    delay: Delay,
) -> Result<Option<jobs::Model>, DbErr> {
    let Some(row) = jobs::Entity::find_by_id(job).one(tx).await? else { return Ok(None) };
    let until = to_micros(delay.of(row.created_at));
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("UPDATE jobs SET args = ")
        .bind_json(Some(args))
        .push(", run_at = ")
        .bind(until)
        .push(", updated_at = ")
        .bind(delay.now)
        .push(", revision = revision + 1 WHERE id = ")
        .bind(job)
        .push(" AND state = 'scheduled' AND attempt = 0 RETURNING revision");
    let Some(updated) = tx.query_one_raw(sql.build()).await? else { return Ok(None) };
    let revision = updated.try_get_by_index(0)?;
    Ok(Some(jobs::Model { args: args.clone(), run_at: until, updated_at: delay.now, revision, ..row }))
}

/// Deletes keys that have been free for long: a batch now, the rest at the next pass.
pub(crate) async fn delete_free_keys(db: &impl ConnectionTrait, before: Timestamp) -> Result<(), DbErr> {
    let which = Condition::all().add(throttles::Column::Until.lt(before));
    let removal = Removal { which, order: Some(throttles::Column::Until), batch: BATCH };
    delete_batch::<throttles::Entity>(db, removal).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_delayed_until_it_is_quiet_or_has_reached_its_longest_time() {
        let at = |secs| Timestamp::from_timestamp(secs, 0).expect("a time");
        let table = [(105, 105), (160, 160), (161, 160), (500, 160)];

        for (until, delayed_to) in table {
            let delay = Delay { until: at(until), longest: Duration::from_secs(60), now: at(100) };
            assert_eq!(delay.of(at(100)), at(delayed_to), "{until}");
        }
    }
}
