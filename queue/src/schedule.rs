//! Recurring jobs: cron schedules whose next run is stored in SQL, so that any number of
//! schedulers fire each run once. Runs missed while no scheduler ran are made up for by one.

use std::{str::FromStr, time::Duration};

use atelier_entities::{Timestamp, UserId, schedules};
use chrono::Utc;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict,
};

use crate::{
    Queue, Transaction,
    error::QueueError,
    metrics,
    new_job::{Enqueued, NewJob},
    store::{self, sql::Sql},
};

/// A run that is found this late was missed while no scheduler ran.
const MISSED: Duration = Duration::from_secs(30);

/// A job that recurs.
#[derive(Clone, Copy, Debug)]
pub struct Recurring {
    /// Stable name, unique.
    pub name: &'static str,
    /// Cron expression of six fields, seconds first, in UTC.
    pub cron: &'static str,
    /// Makes the job of a run.
    pub make: fn(Timestamp) -> NewJob,
}

/// The first run of a cron expression after `after`.
pub fn next_after(name: &str, cron: &str, after: Timestamp) -> Result<Timestamp, QueueError> {
    let wrong = |reason: String| QueueError::Schedule { name: name.to_owned(), reason };
    let schedule = cron::Schedule::from_str(cron).map_err(|error| wrong(error.to_string()))?;
    schedule.after(&after.with_timezone(&Utc)).next().ok_or_else(|| wrong("it has no further run".to_owned()))
}

/// Stores the schedules. A new one fires at once, so that a new installation has its figures.
/// A changed expression sets the next run. All are tried even if one fails; the first
/// failure is answered at the end.
pub async fn sync(queue: &Queue, recurring: &[Recurring]) -> Result<(), QueueError> {
    let mut outcome = Ok(());
    for one in recurring {
        outcome = outcome.and(sync_one(queue, one).await);
    }
    outcome
}

async fn sync_one(queue: &Queue, one: &Recurring) -> Result<(), QueueError> {
    let now = queue.now();
    let next = next_after(one.name, one.cron, now)?;
    let row = schedules::ActiveModel {
        name: Set(one.name.to_owned()),
        kind: Set((one.make)(now).kind.to_owned()),
        cron: Set(one.cron.to_owned()),
        time_zone: Set("UTC".to_owned()),
        enabled: Set(true),
        paused_reason: Set(None),
        paused_by: Set(None),
        paused_at: Set(None),
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
        tracing::info!(schedule = one.name, cron = one.cron, %next, cause = "changed", "next run of the schedule set");
    }
    Ok(())
}

/// Every stored schedule, by name.
pub async fn list(queue: &Queue) -> Result<Vec<schedules::Model>, QueueError> {
    Ok(schedules::Entity::find().order_by_asc(schedules::Column::Name).all(queue.db()).await?)
}

/// The next runs of a schedule, at most `count`: its stored one and those that follow, or those after `now` while it
/// is paused. None if its expression is one of another version that this one cannot read.
#[must_use]
pub fn upcoming(schedule: &schedules::Model, now: Timestamp, count: usize) -> Vec<Timestamp> {
    let stored = schedule.enabled.then_some(schedule.next_run_at);
    let after = stored.map_or(now, |next| next.max(now));
    let Ok(expression) = cron::Schedule::from_str(&schedule.cron) else { return Vec::new() };
    stored.into_iter().chain(expression.after_owned(after)).take(count).collect()
}

/// Enqueues the job of a schedule now, whether it is paused or not. Its next fire time stays. None if it is not
/// stored yet.
pub async fn run_now(tx: &Transaction, one: &Recurring) -> Result<Option<Enqueued>, QueueError> {
    let Some(schedule) = lock(tx, one.name).await? else { return Ok(None) };
    let now = tx.now();
    let enqueued = tx.enqueue((one.make)(now)).await?;
    let mut row = schedule.into_active_model();
    row.last_run_at = Set(Some(now));
    row.last_job_id = Set(Some(enqueued.id));
    row.update(&**tx).await?;
    Ok(Some(enqueued))
}

/// Keeps a schedule from firing, and answers its row. None if it is not stored yet. One that is paused already
/// stays paused since then, by whoever pauses it now.
pub async fn pause(
    tx: &Transaction,
    one: &Recurring,
    by: Option<UserId>,
    reason: Option<&str>,
) -> Result<Option<schedules::Model>, QueueError> {
    let Some(schedule) = lock(tx, one.name).await? else { return Ok(None) };
    let since = schedule.paused_at.unwrap_or_else(|| tx.now());
    let mut row = schedule.into_active_model();
    row.enabled = Set(false);
    row.paused_reason = Set(reason.map(str::to_owned));
    row.paused_by = Set(by);
    row.paused_at = Set(Some(since));
    Ok(Some(row.update(&**tx).await?))
}

/// Lets a paused schedule fire again, from now on, and answers its row. None if it is not stored yet.
pub async fn resume(tx: &Transaction, one: &Recurring) -> Result<Option<schedules::Model>, QueueError> {
    let Some(schedule) = lock(tx, one.name).await? else { return Ok(None) };
    if schedule.enabled {
        return Ok(Some(schedule));
    }
    let mut row = schedule.into_active_model();
    row.enabled = Set(true);
    (row.paused_reason, row.paused_by, row.paused_at) = (Set(None), Set(None), Set(None));
    row.next_run_at = Set(next_after(one.name, one.cron, tx.now())?);
    Ok(Some(row.update(&**tx).await?))
}

async fn lock(tx: &Transaction, name: &str) -> Result<Option<schedules::Model>, QueueError> {
    Ok(schedules::Entity::find_by_id(name).lock_exclusive().one(&**tx).await?)
}

/// How long the next run of each of these schedules has been overdue.
pub async fn overdue(
    queue: &Queue,
    recurring: &[Recurring],
) -> Result<Vec<(&'static str, Duration)>, QueueError> {
    let (now, rows) = (queue.now(), store::bounded(list(queue)).await?);
    let of = |one: &Recurring| {
        let row = rows.iter().find(|row| row.name == one.name && row.enabled)?;
        (now - row.next_run_at).to_std().ok()
    };
    Ok(recurring.iter().map(|one| (one.name, of(one).unwrap_or_default())).collect())
}

/// Enqueues the jobs of due schedules and answers how many. Each schedule has a transaction
/// of its own for its job and its next run. All are tried even if one fails; the first
/// failure is answered at the end.
pub async fn tick(queue: &Queue, recurring: &[Recurring]) -> Result<usize, QueueError> {
    let (mut fired, mut failure) = (0, None);
    for name in store::bounded(due(queue)).await? {
        // Schedules of other versions of the program are left to them.
        let Some(one) = recurring.iter().find(|one| one.name == name) else { continue };
        match store::bounded(fire_alone(queue, one)).await {
            Ok(done) => fired += usize::from(done),
            Err(error) => {
                metrics::schedule_failed(one.name);
                tracing::warn!(schedule = one.name, %error, "schedule not fired; the next pass tries again");
                failure.get_or_insert(QueueError::Schedule { name, reason: error.to_string() });
            }
        }
    }
    failure.map_or(Ok(fired), Err)
}

async fn due(queue: &Queue) -> Result<Vec<String>, QueueError> {
    let due = schedules::Entity::find()
        .select_only()
        .column(schedules::Column::Name)
        .filter(schedules::Column::Enabled.eq(true))
        .filter(schedules::Column::NextRunAt.lte(queue.now()))
        .order_by_asc(schedules::Column::NextRunAt);
    Ok(due.into_tuple().all(queue.db()).await?)
}

/// Fires a schedule, unless another scheduler has fired it.
async fn fire_alone(queue: &Queue, one: &Recurring) -> Result<bool, QueueError> {
    let tx = queue.begin().await?;
    let fired = fire_due(&tx, one).await;
    let Some(schedule) = tx.close(fired).await? else { return Ok(false) };
    let lag = (queue.now() - schedule.next_run_at).to_std().unwrap_or_default();
    metrics::schedule_fired(one.name, lag);
    let is_first = schedule.last_run_at.is_none();
    if lag >= MISSED && !is_first {
        metrics::schedule_rearmed(one.name, "missed");
        tracing::warn!(
            schedule = one.name, due = %schedule.next_run_at, cause = "missed",
            "a run was missed while no scheduler ran: it is made up for once"
        );
    }
    Ok(true)
}

/// Enqueues the schedule's job and sets its next run. Answers the schedule as it was before.
async fn fire_due(tx: &Transaction, one: &Recurring) -> Result<Option<schedules::Model>, QueueError> {
    let now = tx.now();
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT * FROM schedules WHERE enabled AND next_run_at <= ")
        .bind(now)
        .push(" AND name = ")
        .bind(one.name)
        .skip_locked();
    let found = schedules::Entity::find().from_raw_sql(sql.build()).one(&**tx).await?;
    let Some(schedule) = found else { return Ok(None) };
    let enqueued = tx.enqueue((one.make)(schedule.next_run_at)).await?;
    let mut row = schedule.clone().into_active_model();
    row.next_run_at = Set(next_after(one.name, one.cron, now)?);
    row.last_run_at = Set(Some(now));
    row.last_job_id = Set(Some(enqueued.id));
    row.update(&**tx).await?;
    Ok(Some(schedule))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a valid time")
    }

    #[test]
    fn the_next_run_is_after_the_given_time() {
        let next = next_after("test", "0 */5 * * * *", at("2026-01-31T23:55:00Z")).expect("a run");

        assert_eq!(next, at("2026-02-01T00:00:00Z"));
    }

    #[test]
    fn the_next_runs_begin_with_the_stored_one_unless_it_is_paused() {
        let now = at("2026-01-31T23:51:00Z");
        let every_5_minutes = |enabled, next: &str| schedules::Model {
            name: "test".to_owned(),
            kind: "test.run".to_owned(),
            cron: "0 */5 * * * *".to_owned(),
            time_zone: "UTC".to_owned(),
            enabled,
            paused_reason: None,
            paused_by: None,
            paused_at: None,
            next_run_at: at(next),
            last_run_at: None,
            last_job_id: None,
        };
        let [first, second] = ["2026-01-31T23:55:00Z", "2026-02-01T00:00:00Z"].map(at);

        assert_eq!(upcoming(&every_5_minutes(true, "2026-01-31T23:55:00Z"), now, 2), [first, second]);
        assert_eq!(upcoming(&every_5_minutes(false, "2026-01-31T23:40:00Z"), now, 2), [first, second]);
        let overdue = upcoming(&every_5_minutes(true, "2026-01-31T23:40:00Z"), now, 3);
        assert_eq!(overdue, [at("2026-01-31T23:40:00Z"), first, second]);
        let unknown = schedules::Model {
            cron: "every night".to_owned(),
            ..every_5_minutes(false, "2026-01-31T23:40:00Z")
        };
        assert!(upcoming(&unknown, now, 2).is_empty());
    }

    #[test]
    fn an_error_names_the_schedule() {
        let error = next_after("nightly", "every night", at("2026-01-01T00:00:00Z")).expect_err("an error");

        assert!(error.to_string().contains("nightly"), "{error}");
    }
}
