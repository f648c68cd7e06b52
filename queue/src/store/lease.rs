//! Leases: kept by heartbeats, found when they have run out.

use std::time::Duration;

use atelier_entities::{JobId, Timestamp, WorkerId, jobs, workers};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, sea_query::OnConflict};

use crate::{Queue, name::QueueName, store::sql::Sql};

/// A job that a heartbeat found still held.
pub(crate) struct Held {
    pub(crate) id: JobId,
    pub(crate) fence: i64,
    pub(crate) cancel_requested: bool,
}

/// Extends the leases of what a worker holds, in one statement, and answers what it
/// still has of that. What it was given without knowing it — the answer to a claim
/// was lost — is not kept from others.
pub(crate) async fn extend(queue: &Queue, worker: WorkerId, held: Vec<JobId>) -> Result<Vec<Held>, DbErr> {
    if held.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(queue.db().get_database_backend());
    sql.push("UPDATE jobs SET lease_expires_at = ")
        .bind(queue.now() + queue.options().heartbeat * 2)
        .push(" WHERE worker_id = ")
        .bind(worker)
        .push(" AND state = 'running' AND id ")
        .among(&held)
        .push(" RETURNING id, fence, cancel_requested_at");
    let _turn = queue.write_turn().await;
    let rows = queue.db().query_all_raw(sql.build()).await?;
    rows.iter()
        .map(|row| {
            Ok(Held {
                id: row.try_get("", "id")?,
                fence: row.try_get("", "fence")?,
                cancel_requested: row.try_get::<Option<Timestamp>>("", "cancel_requested_at")?.is_some(),
            })
        })
        .collect()
}

/// Hands back what a worker was given without knowing it, an age ago: the answer to
/// its claim was lost. It never began, so its attempt is not counted. Answers what
/// is available again.
pub(crate) async fn hand_back_unheld(
    queue: &Queue,
    worker: WorkerId,
    held: Vec<JobId>,
    age: Duration,
) -> Result<Vec<(QueueName, JobId)>, DbErr> {
    let now = queue.now();
    let mut sql = Sql::new(queue.db().get_database_backend());
    sql.push("UPDATE jobs SET state = 'available', attempt = attempt - 1, lease_expires_at = NULL, revision = revision + 1, updated_at = ")
        .bind(now)
        .push(" WHERE worker_id = ")
        .bind(worker)
        .push(" AND state = 'running' AND cancel_requested_at IS NULL AND started_at < ")
        .bind(now - age);
    if !held.is_empty() {
        sql.push(" AND NOT id ").among(&held);
    }
    sql.push(" RETURNING id, queue");
    let _turn = queue.write_turn().await;
    let rows = queue.db().query_all_raw(sql.build()).await?;
    let mut handed_back = Vec::with_capacity(rows.len());
    for row in rows {
        let name: String = row.try_get("", "queue")?;
        if let Some(name) = QueueName::parse(&name) {
            handed_back.push((name, row.try_get("", "id")?));
        }
    }
    Ok(handed_back)
}

/// Whether there is any running job whose lease has run out.
pub(crate) async fn any_expired(queue: &Queue) -> Result<bool, DbErr> {
    let mut sql = Sql::new(queue.db().get_database_backend());
    sql.push("SELECT 1 FROM jobs WHERE state = 'running' AND lease_expires_at < ")
        .bind(queue.now())
        .push(" LIMIT 1");
    Ok(queue.db().query_one_raw(sql.build()).await?.is_some())
}

/// Running jobs whose lease has run out, by their ids from `after` on, locked for
/// whoever rescues them.
pub(crate) async fn expired(
    db: &impl ConnectionTrait,
    now: Timestamp,
    after: Option<JobId>,
    limit: u64,
) -> Result<Vec<jobs::Model>, DbErr> {
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT * FROM jobs WHERE state = 'running' AND lease_expires_at < ").bind(now);
    if let Some(after) = after {
        sql.push(" AND id > ").bind(after);
    }
    sql.push(" ORDER BY id LIMIT ").push(&limit.to_string()).skip_locked();
    jobs::Entity::find().from_raw_sql(sql.build()).all(db).await
}

/// Writes the row by which a worker is known to be alive.
pub(crate) async fn beat(queue: &Queue, row: &workers::Model) -> Result<(), DbErr> {
    let active = workers::ActiveModel {
        id: Set(row.id),
        host: Set(row.host.clone()),
        pid: Set(row.pid),
        queues: Set(row.queues.clone()),
        kinds: Set(row.kinds.clone()),
        version: Set(row.version.clone()),
        draining: Set(row.draining),
        running: Set(row.running),
        started_at: Set(row.started_at),
        heartbeat_at: Set(queue.now()),
    };
    let update = OnConflict::column(workers::Column::Id)
        .update_columns([workers::Column::Draining, workers::Column::Running, workers::Column::HeartbeatAt])
        .to_owned();
    let _turn = queue.write_turn().await;
    workers::Entity::insert(active).on_conflict(update).exec_without_returning(queue.db()).await?;
    Ok(())
}
