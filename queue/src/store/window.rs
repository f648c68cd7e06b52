//! Due jobs: those that become available, those that expire, and those that are next.

use std::{collections::HashMap, time::Duration};

use atelier_entities::{JobId, JobState, Timestamp, jobs};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait};

use crate::{
    job::{Lane, time_limit},
    name::QueueName,
    rank,
    store::{
        UNDUE, UNFINISHED, WAITING,
        sql::Sql,
        turns::{self, Turns},
    },
};

/// The jobs that became available.
#[derive(Debug, Default)]
pub(crate) struct Promoted {
    pub(crate) jobs: Vec<(QueueName, JobId)>,
    /// How long the first of them had been due.
    pub(crate) lag: Duration,
}

/// Makes at most `limit` due delayed jobs and retries available and answers them. They get
/// a new rank, since they take their owner's turns like new jobs.
pub(crate) async fn promote(
    db: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Promoted, DbErr> {
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT * FROM jobs WHERE ")
        .push(UNDUE)
        .push(" AND run_at <= ")
        .bind(now)
        .push(" ORDER BY run_at LIMIT ")
        .push(&limit.to_string())
        .skip_locked();
    let due = jobs::Entity::find().from_raw_sql(sql.build()).all(db).await?;
    if due.is_empty() {
        return Ok(Promoted::default());
    }
    let mut counted = Turns::count(db, due.iter().filter_map(turns::key_of)).await?;
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("UPDATE jobs SET state = 'available', phase = ")
        .bind(JobState::Available.phase())
        .push(", revision = revision + 1, rank = due.column2, updated_at = ")
        .bind(now)
        .push(" FROM (VALUES ");
    for (index, job) in due.iter().enumerate() {
        let waiting = turns::key_of(job).map_or(0, |key| counted.take(key));
        sql.push(if index == 0 { "(" } else { ", (" })
            .bind(job.id)
            .push(", ")
            .bind(rank::of(job.run_at, Lane::from_number(job.lane), waiting, time_limit(job)))
            .push(")");
    }
    sql.push(") AS due WHERE jobs.id = due.column1 AND ");
    sql.push(UNDUE);
    db.execute_raw(sql.build()).await?;
    let lag = due.first().and_then(|job| (now - job.run_at).to_std().ok()).unwrap_or_default();
    let jobs = due.iter().filter_map(|job| Some((QueueName::parse(&job.queue)?, job.id))).collect();
    Ok(Promoted { jobs, lag })
}

/// When the earliest due job that is not available yet became due.
pub(crate) async fn earliest_overdue(
    db: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<Option<Timestamp>, DbErr> {
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT run_at FROM jobs WHERE ")
        .push(UNDUE)
        .push(" AND run_at <= ")
        .bind(now)
        .push(" ORDER BY run_at LIMIT 1");
    db.query_one_raw(sql.build()).await?.map(|row| row.try_get_by_index(0)).transpose()
}

/// How many of these jobs wait for a worker.
pub(crate) async fn count_waiting(db: &impl ConnectionTrait, ids: &[JobId]) -> Result<usize, DbErr> {
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT COUNT(*) FROM jobs WHERE ").push(WAITING).push(" AND id ").among(ids);
    let row = db.query_one_raw(sql.build()).await?;
    let waiting: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
    Ok(usize::try_from(waiting).unwrap_or_default())
}

/// Locks and answers jobs that have not started in time, in the order of their ids from
/// `after` on.
pub(crate) async fn expired(
    db: &impl ConnectionTrait,
    now: Timestamp,
    after: Option<JobId>,
    limit: u64,
) -> Result<Vec<jobs::Model>, DbErr> {
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT * FROM jobs WHERE expires_at IS NOT NULL AND ")
        .push(UNFINISHED)
        .push(" AND state IN ('scheduled', 'available', 'retrying') AND expires_at <= ")
        .bind(now);
    if let Some(after) = after {
        sql.push(" AND id > ").bind(after);
    }
    sql.push(" ORDER BY id LIMIT ").push(&limit.to_string()).skip_locked();
    jobs::Entity::find().from_raw_sql(sql.build()).all(db).await
}

/// The next `limit` available jobs of each of these queues, in the order of dispatch.
/// Paused queues have none.
pub(crate) async fn next(
    db: &impl ConnectionTrait,
    names: &[QueueName],
    limit: usize,
) -> Result<HashMap<QueueName, Vec<JobId>>, DbErr> {
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::new(db.get_database_backend());
    for (index, name) in names.iter().enumerate() {
        sql.push(if index == 0 { "" } else { " UNION ALL " })
            .push("SELECT * FROM (SELECT queue, id FROM jobs WHERE ")
            .push(WAITING)
            .push(" AND queue = ")
            .bind(name.as_str())
            .push(" AND NOT EXISTS (SELECT 1 FROM queues WHERE name = ")
            .bind(name.as_str())
            .push(" AND paused_at IS NOT NULL) ORDER BY rank, id LIMIT ")
            .push(&limit.to_string())
            .push(") AS next_")
            .push(name.as_str());
    }
    let rows = db.query_all_raw(sql.build()).await?;
    let mut next: HashMap<QueueName, Vec<JobId>> = HashMap::new();
    for row in rows {
        let name: String = row.try_get("", "queue")?;
        if let Some(name) = QueueName::parse(&name) {
            next.entry(name).or_default().push(row.try_get("", "id")?);
        }
    }
    Ok(next)
}
