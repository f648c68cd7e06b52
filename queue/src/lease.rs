//! Leases: one for all jobs of a claim, extended by heartbeats, found once it has expired.
//!
//! A lease is written in the commit of its claim. It names its jobs, and they name it. It is
//! deleted soon after the last of them has ended; which of them run is in their own rows,
//! and the view `running_jobs` shows it.
//!
//! A change of both locks the lease before its jobs.

use std::time::Duration;

use atelier_entities::{JobId, LeaseId, Timestamp, WorkerId, jobs, running_jobs, workers};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseBackend, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QueryResult, sea_query::OnConflict,
};
use serde_json::Value;

use crate::{Queue, Transaction, error::QueueError, name::QueueName, store::sql::Sql};

/// A job that still runs under a lease of the worker.
pub(crate) struct LeasedJob {
    pub(crate) id: JobId,
    pub(crate) fence: i64,
    pub(crate) cancel_requested: bool,
}

/// A lease that a claim begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    pub(crate) id: LeaseId,
    pub(crate) queue: QueueName,
    pub(crate) worker: WorkerId,
    pub(crate) expires_at: Timestamp,
}

impl Lease {
    /// Appends a common table expression of PostgreSQL that inserts the lease for the jobs of
    /// `next`, if there are any.
    pub(crate) fn push_to(&self, sql: &mut Sql) {
        sql.push(", leased AS (INSERT INTO job_leases (id, queue, worker_id, jobs, expires_at) SELECT ")
            .bind(self.id)
            .push(", ")
            .bind(self.queue.as_str())
            .push(", ")
            .bind(self.worker)
            .push(", array_agg(id), ")
            .bind(self.expires_at)
            .push(" FROM next HAVING COUNT(*) > 0)");
    }

    /// Inserts the lease for these jobs.
    pub(crate) async fn write(&self, db: &impl ConnectionTrait, jobs: &[JobId]) -> Result<(), DbErr> {
        if jobs.is_empty() {
            return Ok(());
        }
        let mut sql = Sql::new(db.get_database_backend());
        sql.push("INSERT INTO job_leases (id, queue, worker_id, jobs, expires_at) VALUES (")
            .bind(self.id)
            .push(", ")
            .bind(self.queue.as_str())
            .push(", ")
            .bind(self.worker)
            .push(", ");
        match sql.backend() {
            DatabaseBackend::Postgres => sql.bind(jobs.iter().map(|id| id.0).collect::<Vec<_>>()),
            _ => {
                let ids: Vec<String> = jobs.iter().map(|id| id.0.simple().to_string()).collect();
                sql.bind(serde_json::Value::from(ids).to_string())
            }
        };
        sql.push(", ").bind(self.expires_at).push(")");
        db.execute_raw(sql.build()).await.map(drop)
    }
}

/// When a lease expires that begins or is extended at that moment.
pub(crate) fn expiry_from(queue: &Queue, at: Timestamp) -> Timestamp {
    at + queue.options().heartbeat * 2
}

/// Appends the statement that deletes leases under which nothing runs.
pub(crate) fn push_release(sql: &mut Sql, ended: &[LeaseId]) {
    sql.push("DELETE FROM job_leases WHERE id ").among(ended);
}

/// Deletes leases under which nothing runs.
pub(crate) async fn release(db: &impl ConnectionTrait, ended: &[LeaseId]) -> Result<(), DbErr> {
    if ended.is_empty() {
        return Ok(());
    }
    let mut sql = Sql::new(db.get_database_backend());
    push_release(&mut sql, ended);
    db.execute_raw(sql.build()).await.map(drop)
}

/// How many jobs of a queue run.
pub(crate) async fn count_running(db: &impl ConnectionTrait, queue: &str) -> Result<u64, DbErr> {
    running_jobs::Entity::find().filter(running_jobs::Column::Queue.eq(queue)).count(db).await
}

/// Extends these leases of a worker, removes ended jobs from them, and answers the jobs that
/// run under them. Leases that the worker does not know, since the answer to their claim
/// was lost, are not extended.
pub(crate) async fn extend(
    queue: &Queue,
    worker: WorkerId,
    leases: &[LeaseId],
) -> Result<Vec<LeasedJob>, DbErr> {
    if leases.is_empty() {
        return Ok(Vec::new());
    }
    let backend = queue.db().get_database_backend();
    let mut sql = Sql::new(backend);
    sql.push("UPDATE job_leases SET expires_at = ").bind(expiry_from(queue, queue.now()));
    sql.push(match backend {
        DatabaseBackend::Postgres => {
            ", jobs = ARRAY(SELECT id FROM running_jobs WHERE lease_id = job_leases.id)"
        }
        _ => ", jobs = (SELECT json_group_array(hex(id)) FROM running_jobs WHERE lease_id = job_leases.id)",
    });
    sql.push(" WHERE worker_id = ").bind(worker).push(" AND id ").among(leases);
    let turn = queue.write_turn().await;
    queue.db().execute_raw(sql.build()).await?;
    drop(turn);
    let mut sql = Sql::new(backend);
    sql.push("SELECT id, fence, cancel_requested_at FROM running_jobs WHERE worker_id = ")
        .bind(worker)
        .push(" AND lease_id ")
        .among(leases);
    queue.db().query_all_raw(sql.build()).await?.iter().map(leased_job).collect()
}

fn leased_job(row: &QueryResult) -> Result<LeasedJob, DbErr> {
    Ok(LeasedJob {
        id: row.try_get_by_index(0)?,
        fence: row.try_get_by_index(1)?,
        cancel_requested: row.try_get_by_index::<Option<Timestamp>>(2)?.is_some(),
    })
}

/// Which of these jobs run and are asked to stop, each with its fence.
pub(crate) async fn list_stopped(queue: &Queue, jobs: &[JobId]) -> Result<Vec<(JobId, i64)>, DbErr> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(queue.db().get_database_backend());
    sql.push("SELECT id, fence FROM jobs WHERE cancel_requested_at IS NOT NULL AND state || '' = 'running' AND id ")
        .among(jobs);
    let rows = queue.db().query_all_raw(sql.build()).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

/// Hands back the jobs of claims whose answer was lost: their leases are at least `age` old
/// and unknown to the worker. The attempts never began and do not count. Answers the jobs
/// that are available again.
pub(crate) async fn hand_back_unknown(
    queue: &Queue,
    worker: WorkerId,
    known: &[LeaseId],
    age: Duration,
) -> Result<Vec<(QueueName, JobId)>, QueueError> {
    // Nearly always there is none, and this query takes no lock.
    let unknown = find_unknown(queue, worker, known, age).await?;
    if unknown.is_empty() {
        return Ok(Vec::new());
    }
    let tx = queue.begin_brief().await?;
    let handed_back = hand_back(&tx, &unknown).await;
    tx.close(handed_back.map_err(QueueError::from)).await
}

/// Abandons jobs that run under leases of a worker that no longer has them, since their ends
/// could not be written. Each gets an expired lease without a worker, so that a rescuer
/// takes it while other jobs of its claim still run.
pub(crate) async fn abandon(queue: &Queue, jobs: &[(JobId, i64)]) -> Result<(), QueueError> {
    for (id, fence) in jobs {
        let tx = queue.begin_brief().await?;
        let abandoned = abandon_one(&tx, *id, *fence).await;
        if tx.close(abandoned.map_err(QueueError::from)).await? {
            tracing::warn!(job.id = %id, "the job is leased to this worker, which does not run it: left to the rescuer");
        }
    }
    Ok(())
}

async fn abandon_one(tx: &Transaction, id: JobId, fence: i64) -> Result<bool, DbErr> {
    let lease = LeaseId::new();
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("UPDATE jobs SET lease_id = ")
        .bind(lease)
        .push(" WHERE id = ")
        .bind(id)
        .push(" AND fence = ")
        .bind(fence)
        .push(" AND state = 'running' RETURNING queue");
    let Some(row) = tx.query_one_raw(sql.build()).await? else { return Ok(false) };
    insert_orphan_lease(tx, lease, id, &row.try_get_by_index::<String>(0)?, tx.now()).await?;
    Ok(true)
}

/// Revokes the claim of a running job: raises its fence and gives it an expired lease without
/// a worker. Answers whether it ran.
pub(crate) async fn revoke(tx: &Transaction, id: JobId) -> Result<bool, DbErr> {
    let lease = LeaseId::new();
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("UPDATE jobs SET fence = fence + 1, revision = revision + 1, lease_id = ")
        .bind(lease)
        .push(", updated_at = ")
        .bind(tx.now())
        .push(" WHERE id = ")
        .bind(id)
        .push(" AND state = 'running' RETURNING queue");
    let Some(row) = tx.query_one_raw(sql.build()).await? else { return Ok(false) };
    insert_orphan_lease(tx, lease, id, &row.try_get_by_index::<String>(0)?, tx.now()).await?;
    Ok(true)
}

/// Keeps rescuers from a running job whose lease has expired until that moment, and stores
/// the reason. Answers whether its lease was still that of `job`.
pub(crate) async fn postpone_rescue(
    tx: &Transaction,
    job: &jobs::Model,
    until: Timestamp,
    error: &Value,
) -> Result<bool, DbErr> {
    let lease = LeaseId::new();
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("UPDATE jobs SET lease_id = ")
        .bind(lease)
        .push(", error = ")
        .bind_json(Some(error))
        .push(", revision = revision + 1, updated_at = ")
        .bind(tx.now())
        .push(" WHERE id = ")
        .bind(job.id)
        .push(" AND fence = ")
        .bind(job.fence)
        .push(" AND lease_id = ")
        .bind(job.lease_id)
        .push(" AND state = 'running'");
    if tx.execute_raw(sql.build()).await?.rows_affected() == 0 {
        return Ok(false);
    }
    insert_orphan_lease(tx, lease, job.id, &job.queue, until).await?;
    Ok(true)
}

/// Inserts a lease without a worker for a job.
async fn insert_orphan_lease(
    tx: &Transaction,
    id: LeaseId,
    job: JobId,
    queue: &str,
    expires_at: Timestamp,
) -> Result<(), DbErr> {
    let queue = QueueName::parse(queue).ok_or_else(|| DbErr::Type(format!("no queue is called {queue}")))?;
    Lease { id, queue, worker: WorkerId::new(), expires_at }.write(&**tx, &[job]).await
}

async fn find_unknown(
    queue: &Queue,
    worker: WorkerId,
    known: &[LeaseId],
    age: Duration,
) -> Result<Vec<LeaseId>, DbErr> {
    let mut sql = Sql::new(queue.db().get_database_backend());
    sql.push("SELECT id FROM job_leases WHERE worker_id = ")
        .bind(worker)
        // A lease that was extended expires later.
        .push(" AND expires_at < ")
        .bind(expiry_from(queue, queue.now() - age));
    if !known.is_empty() {
        sql.push(" AND NOT id ").among(known);
    }
    let rows = queue.db().query_all_raw(sql.build()).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

async fn hand_back(tx: &Transaction, unknown: &[LeaseId]) -> Result<Vec<(QueueName, JobId)>, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("UPDATE jobs SET state = 'available', attempt = attempt - 1, revision = revision + 1, updated_at = ")
        .bind(tx.now())
        // Locked rows are skipped and found at the next heartbeat.
        .push(" FROM (SELECT jobs.id, jobs.fence FROM running_jobs CROSS JOIN jobs WHERE jobs.id = running_jobs.id AND running_jobs.lease_id ")
        .among(unknown)
        .skip_locked_of("jobs")
        .push(") AS unheld WHERE jobs.id = unheld.id AND jobs.fence = unheld.fence AND jobs.state || '' = 'running' AND jobs.cancel_requested_at IS NULL RETURNING jobs.id, jobs.queue");
    let rows = tx.query_all_raw(sql.build()).await?;
    let mut handed_back = Vec::with_capacity(rows.len());
    for row in rows {
        let name: String = row.try_get_by_index(1)?;
        if let Some(name) = QueueName::parse(&name) {
            handed_back.push((name, row.try_get_by_index(0)?));
        }
    }
    Ok(handed_back)
}

/// Whether any lease has expired.
pub(crate) async fn any_expired(queue: &Queue) -> Result<bool, DbErr> {
    let mut sql = Sql::new(queue.db().get_database_backend());
    sql.push("SELECT 1 FROM job_leases WHERE expires_at < ").bind(queue.now()).push(" LIMIT 1");
    Ok(queue.db().query_one_raw(sql.build()).await?.is_some())
}

/// Locks and answers running jobs whose lease has expired, in the order of their ids from
/// `after` on. Their leases are locked too.
pub(crate) async fn lock_expired(
    db: &impl ConnectionTrait,
    now: Timestamp,
    after: Option<JobId>,
    limit: u64,
) -> Result<Vec<jobs::Model>, DbErr> {
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT id FROM job_leases WHERE expires_at < ").bind(now).push(" ORDER BY id").skip_locked();
    let leases: Result<Vec<LeaseId>, _> =
        db.query_all_raw(sql.build()).await?.iter().map(|row| row.try_get_by_index(0)).collect();
    let leases = leases?;
    if leases.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT jobs.* FROM running_jobs CROSS JOIN jobs WHERE jobs.id = running_jobs.id AND jobs.fence = running_jobs.fence AND jobs.state || '' = 'running' AND running_jobs.lease_id ")
        .among(&leases);
    if let Some(after) = after {
        sql.push(" AND jobs.id > ").bind(after);
    }
    sql.push(" ORDER BY jobs.id LIMIT ").push(&limit.to_string()).skip_locked_of("jobs");
    jobs::Entity::find().from_raw_sql(sql.build()).all(db).await
}

/// Deletes expired leases under which nothing runs.
pub(crate) async fn delete_ended(queue: &Queue) -> Result<(), DbErr> {
    let mut sql = Sql::new(queue.db().get_database_backend());
    sql.push("DELETE FROM job_leases WHERE id IN (SELECT id FROM job_leases WHERE expires_at < ")
        .bind(queue.now())
        .push(" AND NOT EXISTS (SELECT 1 FROM running_jobs WHERE running_jobs.lease_id = job_leases.id)")
        .skip_locked()
        .push(")");
    let _turn = queue.write_turn().await;
    queue.db().execute_raw(sql.build()).await.map(drop)
}

/// Writes the row that shows that a worker is alive.
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
