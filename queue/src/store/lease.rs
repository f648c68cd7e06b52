//! Leases: kept by heartbeats, found when they have run out.

use atelier_entities::{JobId, Timestamp, WorkerId, jobs, workers};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, sea_query::OnConflict};

use crate::{Queue, store::sql::Sql};

/// A job that a heartbeat found still held.
pub(crate) struct Held {
    pub(crate) id: JobId,
    pub(crate) fence: i64,
    pub(crate) cancel_requested: bool,
}

/// Extends the leases of everything a worker holds, in one statement, and answers
/// what that is.
pub(crate) async fn extend(queue: &Queue, worker: WorkerId) -> Result<Vec<Held>, DbErr> {
    let mut sql = Sql::new(queue.db().get_database_backend());
    sql.push("UPDATE jobs SET lease_expires_at = ")
        .bind(queue.now() + queue.options().heartbeat * 2)
        .push(" WHERE worker_id = ")
        .bind(worker)
        .push(" AND state = 'running' RETURNING id, fence, cancel_requested_at");
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

/// Running jobs whose lease has run out, locked for whoever rescues them.
pub(crate) async fn expired(
    db: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<jobs::Model>, DbErr> {
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT * FROM jobs WHERE state = 'running' AND lease_expires_at < ")
        .bind(now)
        .push(" ORDER BY id LIMIT ")
        .push(&limit.to_string())
        .skip_locked();
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
    workers::Entity::insert(active).on_conflict(update).exec_without_returning(queue.db()).await?;
    Ok(())
}
