//! Due work: what becomes available, what expires unstarted, and what is next.

use std::{collections::HashMap, time::Duration};

use atelier_entities::{JobId, Timestamp, UserId, jobs};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait};

use crate::{
    Queue,
    job::Lane,
    name::QueueName,
    rank::{self, MAX_COUNTED_WAITING},
    store::sql::Sql,
};

/// What became available.
#[derive(Debug, Default)]
pub(crate) struct Promoted {
    pub(crate) jobs: Vec<(QueueName, JobId)>,
    /// How long after its time the latest of them was found.
    pub(crate) latest: Duration,
}

/// Makes delayed jobs and retries available whose time has come, at most `limit`,
/// and answers them. Their rank is set anew: they take their owner's turn like
/// everything else.
pub(crate) async fn promote(
    db: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
    turn: Duration,
) -> Result<Promoted, DbErr> {
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT * FROM jobs WHERE phase = 0 AND run_at <= ")
        .bind(now)
        .push(" ORDER BY run_at LIMIT ")
        .push(&limit.to_string())
        .skip_locked();
    let due = jobs::Entity::find().from_raw_sql(sql.build()).all(db).await?;
    if due.is_empty() {
        return Ok(Promoted::default());
    }
    let mut waiting = waiting_of(db, &due).await?;
    let mut sql = Sql::new(db.get_database_backend());
    sql.push(
        "UPDATE jobs SET state = 'available', phase = 1, revision = revision + 1, rank = due.column2, updated_at = ",
    )
    .bind(now)
    .push(" FROM (VALUES ");
    for (index, job) in due.iter().enumerate() {
        let ahead = match job.owner_id {
            Some(owner) => {
                let ahead = waiting.entry((owner, job.queue.clone())).or_default();
                *ahead += 1;
                *ahead - 1
            }
            None => 0,
        };
        sql.push(if index == 0 { "(" } else { ", (" })
            .bind(job.id)
            .push(", ")
            .bind(rank::of(job.run_at, Lane::from_number(job.lane), ahead, turn))
            .push(")");
    }
    sql.push(") AS due WHERE jobs.id = due.column1 AND jobs.phase = 0");
    db.execute_raw(sql.build()).await?;
    let latest = due.first().and_then(|job| (now - job.run_at).to_std().ok()).unwrap_or_default();
    let jobs = due.iter().filter_map(|job| Some((QueueName::parse(&job.queue)?, job.id))).collect();
    Ok(Promoted { jobs, latest })
}

async fn waiting_of(
    db: &impl ConnectionTrait,
    due: &[jobs::Model],
) -> Result<HashMap<(UserId, String), i64>, DbErr> {
    let mut owners: Vec<UserId> = due.iter().filter_map(|job| job.owner_id).collect();
    owners.sort_unstable();
    owners.dedup();
    if owners.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::new(db.get_database_backend());
    sql.push(
        "SELECT owner_id, queue, COUNT(*) AS waiting FROM jobs WHERE phase = 1 AND state <> 'running' AND owner_id IN (",
    )
    .bind_list(owners)
    .push(") GROUP BY owner_id, queue");
    let rows = db.query_all_raw(sql.build()).await?;
    rows.iter()
        .map(|row| {
            let waiting: i64 = row.try_get("", "waiting")?;
            let most = i64::try_from(MAX_COUNTED_WAITING).unwrap_or(i64::MAX);
            Ok(((row.try_get("", "owner_id")?, row.try_get("", "queue")?), waiting.min(most)))
        })
        .collect()
}

/// Jobs that were to start by a time that has passed, by their ids from `after` on,
/// locked.
pub(crate) async fn expired(
    db: &impl ConnectionTrait,
    now: Timestamp,
    after: Option<JobId>,
    limit: u64,
) -> Result<Vec<jobs::Model>, DbErr> {
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT * FROM jobs WHERE expires_at IS NOT NULL AND phase < 2 AND state IN ('scheduled', 'available', 'retrying') AND expires_at <= ")
        .bind(now);
    if let Some(after) = after {
        sql.push(" AND id > ").bind(after);
    }
    sql.push(" ORDER BY id LIMIT ").push(&limit.to_string()).skip_locked();
    jobs::Entity::find().from_raw_sql(sql.build()).all(db).await
}

/// The next `limit` available jobs of each of these queues, in the order of
/// dispatch; paused queues have none.
pub(crate) async fn next(
    queue: &Queue,
    names: &[QueueName],
    limit: usize,
) -> Result<HashMap<QueueName, Vec<JobId>>, DbErr> {
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::new(queue.db().get_database_backend());
    for (index, name) in names.iter().enumerate() {
        sql.push(if index == 0 { "" } else { " UNION ALL " })
            .push("SELECT * FROM (SELECT queue, id FROM jobs WHERE phase = 1 AND state <> 'running' AND queue = ")
            .bind(name.as_str())
            .push(" AND NOT EXISTS (SELECT 1 FROM queues WHERE name = ")
            .bind(name.as_str())
            .push(" AND paused_at IS NOT NULL) ORDER BY rank, id LIMIT ")
            .push(&limit.to_string())
            .push(") AS next_")
            .push(name.as_str());
    }
    let rows = queue.db().query_all_raw(sql.build()).await?;
    let mut next: HashMap<QueueName, Vec<JobId>> = HashMap::new();
    for row in rows {
        let name: String = row.try_get("", "queue")?;
        if let Some(name) = QueueName::parse(&name) {
            next.entry(name).or_default().push(row.try_get("", "id")?);
        }
    }
    Ok(next)
}
