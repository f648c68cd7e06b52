//! Recurring jobs: cron expressions whose next moment stands in SQL, so that any
//! number of schedulers fire each of them once, and a moment that passed while all
//! were down is made up for once.

use std::{collections::HashMap, str::FromStr, time::Duration};

use atelier_entities::{Timestamp, schedules};
use chrono::Utc;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, sea_query::OnConflict,
};

use crate::{
    Queue,
    enqueue::{NewJob, Transaction},
    error::QueueError,
    metrics,
    store::sql::Sql,
};

/// A moment that is found this late passed while no scheduler ran.
const MISSED: Duration = Duration::from_secs(30);

/// A job that recurs.
#[derive(Clone, Copy, Debug)]
pub struct Recurring {
    /// Stable name, unique.
    pub name: &'static str,
    /// Cron expression of six fields, seconds first, in UTC.
    pub cron: &'static str,
    /// The job of that moment.
    pub make: fn(Timestamp) -> NewJob,
}

/// The first moment of a cron expression after `after`.
pub fn next_after(name: &str, cron: &str, after: Timestamp) -> Result<Timestamp, QueueError> {
    let wrong = |reason: String| QueueError::Schedule { name: name.to_owned(), reason };
    let schedule = cron::Schedule::from_str(cron).map_err(|error| wrong(error.to_string()))?;
    schedule
        .after(&after.with_timezone(&Utc))
        .next()
        .ok_or_else(|| wrong("it has no further moment".to_owned()))
}

/// Makes the schedules known. A new one fires at once, so that a fresh installation
/// has its figures; one whose expression changed follows the new one.
pub async fn sync(queue: &Queue, recurring: &[Recurring]) -> Result<(), QueueError> {
    for one in recurring {
        let now = queue.now();
        let next = next_after(one.name, one.cron, now)?;
        let row = schedules::ActiveModel {
            name: Set(one.name.to_owned()),
            kind: Set((one.make)(now).kind.to_owned()),
            cron: Set(one.cron.to_owned()),
            time_zone: Set("UTC".to_owned()),
            enabled: Set(true),
            next_run_at: Set(now),
            last_run_at: Set(None),
            last_job_id: Set(None),
        };
        let nothing = OnConflict::column(schedules::Column::Name).do_nothing().to_owned();
        schedules::Entity::insert(row).on_conflict(nothing).exec_without_returning(queue.db()).await?;
        let rearmed = schedules::Entity::update_many()
            .col_expr(schedules::Column::Cron, one.cron.into())
            .col_expr(schedules::Column::NextRunAt, next.into())
            .filter(schedules::Column::Name.eq(one.name))
            .filter(schedules::Column::Cron.ne(one.cron))
            .exec(queue.db())
            .await?;
        if rearmed.rows_affected > 0 {
            metrics::schedule_rearmed(one.name, "changed");
            tracing::info!(schedule = one.name, cron = one.cron, %next, cause = "changed", "schedule set anew");
        }
    }
    Ok(())
}

/// Every schedule that was ever made known, by name.
pub async fn list(queue: &Queue) -> Result<Vec<schedules::Model>, QueueError> {
    Ok(schedules::Entity::find().order_by_asc(schedules::Column::Name).all(queue.db()).await?)
}

/// Enqueues the jobs of schedules that are due and answers how many. Each schedule's
/// job and its next moment are one change.
pub async fn tick(queue: &Queue, recurring: &[Recurring]) -> Result<usize, QueueError> {
    let known: HashMap<&str, &Recurring> = recurring.iter().map(|one| (one.name, one)).collect();
    let tx = queue.begin().await?;
    let due = due(&tx).await?;
    let mut fired = 0;
    for schedule in due {
        // A schedule of another version of the program is that version's business.
        let Some(one) = known.get(schedule.name.as_str()) else { continue };
        fire(&tx, schedule, one).await?;
        fired += 1;
    }
    tx.commit().await?;
    Ok(fired)
}

async fn due(tx: &Transaction) -> Result<Vec<schedules::Model>, QueueError> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT * FROM schedules WHERE enabled AND next_run_at <= ")
        .bind(tx.now())
        .push(" ORDER BY next_run_at")
        .skip_locked();
    Ok(schedules::Entity::find().from_raw_sql(sql.build()).all(&**tx).await?)
}

async fn fire(tx: &Transaction, schedule: schedules::Model, one: &Recurring) -> Result<(), QueueError> {
    let now = tx.now();
    let enqueued = tx.enqueue((one.make)(schedule.next_run_at)).await?;
    let lag = (now - schedule.next_run_at).to_std().unwrap_or_default();
    metrics::schedule_fired(one.name, lag);
    let is_first = schedule.last_run_at.is_none();
    if lag >= MISSED && !is_first {
        metrics::schedule_rearmed(one.name, "missed");
        tracing::warn!(
            schedule = one.name, due = %schedule.next_run_at, cause = "missed",
            "a moment passed while no scheduler ran: it is made up for once"
        );
    }
    let mut row = schedule.into_active_model();
    row.next_run_at = Set(next_after(one.name, one.cron, now)?);
    row.last_run_at = Set(Some(now));
    row.last_job_id = Set(Some(enqueued.id));
    row.update(&**tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a valid time")
    }

    #[test]
    fn the_next_moment_is_after_the_given_one() {
        let next = next_after("test", "0 */5 * * * *", at("2026-01-31T23:55:00Z")).expect("a moment");

        assert_eq!(next, at("2026-02-01T00:00:00Z"));
    }

    #[test]
    fn a_wrong_expression_is_named() {
        let error = next_after("nightly", "every night", at("2026-01-01T00:00:00Z")).expect_err("an error");

        assert!(error.to_string().contains("nightly"), "{error}");
    }
}
