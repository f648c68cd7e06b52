//! Claiming: a worker takes a batch of jobs by one guarded UPDATE, under one lease.

use std::time::Duration;

use atelier_entities::{JobState, LeaseId, Timestamp, WorkerId, jobs, queues};
use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, EntityTrait, QueryResult};

use crate::{
    Queue, Transaction,
    error::QueueError,
    lease::{self, Lease},
    limits::{QueueLimits, Rate, Starts},
    name::QueueName,
    store::{WAITING, sql::Sql},
};

/// The worker that claims, and what it can run.
pub(crate) struct Claimant<'a> {
    pub(crate) worker: WorkerId,
    /// The lease that the claim begins.
    pub(crate) lease: LeaseId,
    /// Earlier leases of the worker under which nothing runs. The claim deletes them.
    pub(crate) ended: &'a [LeaseId],
    pub(crate) queue: QueueName,
    /// Kinds that it has handlers for. Jobs of other kinds wait for another worker.
    pub(crate) kinds: &'a [&'static str],
}

/// Takes the next `count` jobs of the queue in the order of dispatch: available, of a kind
/// that this worker knows, not expired. A queue that is paused or limited has none;
/// [`claim_limited`] is for those. The attempt counts from here.
async fn claim(queue: &Queue, claimant: &Claimant<'_>, count: usize) -> Result<Vec<jobs::Model>, QueueError> {
    if count == 0 || claimant.kinds.is_empty() {
        return Ok(Vec::new());
    }
    let now = queue.now();
    let mut sql = Sql::new(queue.db().get_database_backend());
    // Materialized, so that the rows are selected and locked once and not for each row of
    // the join. A locked row stays where it is, so it can be found by its place.
    let place = match sql.backend() {
        DatabaseBackend::Postgres => "ctid",
        _ => "rowid",
    };
    sql.push("WITH next AS MATERIALIZED (SELECT ").push(place).push(" AS place, id FROM jobs WHERE ");
    available(&mut sql, claimant, now);
    sql.push(" AND NOT EXISTS (SELECT 1 FROM queues WHERE name = ")
        .bind(claimant.queue.as_str())
        .push(" AND (paused_at IS NOT NULL OR max_running IS NOT NULL OR max_running_per_owner IS NOT NULL OR rate_limit IS NOT NULL)) ORDER BY rank, id LIMIT ");
    push_count(&mut sql, count);
    sql.skip_locked().push(")");
    let taking = Taking::of(claimant, queue, now);
    taking.push_to(&mut sql, place, "place");
    if is_one_statement(sql.backend()) {
        return Ok(taking.take(queue.db(), sql).await?);
    }
    let tx = queue.begin_brief().await?;
    let taken = taking.take(&*tx, sql).await;
    tx.close(taken.map_err(QueueError::from)).await
}

/// Appends the limit of a claim. Round numbers are written into the text: for a parameter
/// PostgreSQL assumes a tenth of the table, and plans each claim anew.
fn push_count(sql: &mut Sql, count: usize) {
    if count.is_multiple_of(100) {
        sql.push(&count.to_string());
    } else {
        sql.bind(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

/// Whether a claim is one statement. PostgreSQL can change several tables in one; SQLite
/// needs a transaction.
fn is_one_statement(backend: DatabaseBackend) -> bool {
    backend == DatabaseBackend::Postgres
}

/// The result of a claim.
#[derive(Debug, Default)]
pub(crate) struct ClaimResult {
    pub(crate) jobs: Vec<jobs::Model>,
    /// Whether the queue has limits now.
    pub(crate) limited: bool,
    /// How long to wait before the next claim, where a limit blocks waiting jobs.
    pub(crate) blocked_for: Option<Duration>,
}

/// Wait for a job to end where a limit on running jobs blocks others.
const RUNNING_LIMIT_WAIT: Duration = Duration::from_millis(100);

/// [`claim`] for a queue with limits. Claims of such a queue run one after the other, under
/// the lock of its row, so that no limit is ever exceeded.
async fn claim_limited(
    queue: &Queue,
    claimant: &Claimant<'_>,
    count: usize,
) -> Result<ClaimResult, QueueError> {
    let tx = queue.begin_brief().await?;
    let claimed = claim_locked(&tx, claimant, count).await;
    tx.close(claimed).await
}

async fn claim_locked(
    tx: &Transaction,
    claimant: &Claimant<'_>,
    count: usize,
) -> Result<ClaimResult, QueueError> {
    let Some(row) = lock_queue(tx, claimant.queue).await? else { return Ok(ClaimResult::default()) };
    let limits = QueueLimits::of(&row);
    let limited = !limits.is_unlimited();
    if row.paused_at.is_some() {
        return Ok(ClaimResult { limited, ..ClaimResult::default() });
    }
    let mut allowed = u32::try_from(count).unwrap_or(u32::MAX);
    if let Some(most) = limits.max_running {
        let running = lease::count_running(&**tx, claimant.queue.as_str()).await?;
        allowed = allowed.min(most.saturating_sub(u32::try_from(running).unwrap_or(u32::MAX)));
    }
    let (now, mut starts) = (tx.now(), Starts::of(&row));
    if let Some(rate) = limits.rate {
        allowed = allowed.min(rate.left(&starts, now));
    }
    let jobs = match allowed {
        0 => Vec::new(),
        allowed => claim_fairly(tx, claimant, allowed, limits.max_running_per_owner, now).await?,
    };
    if let Some(rate) = limits.rate.filter(|_| !jobs.is_empty()) {
        starts = rate.noting(&starts, u32::try_from(jobs.len()).unwrap_or(u32::MAX), now);
        note_starts(tx, claimant.queue, &starts).await?;
    }
    let mut blocked_for = None;
    if limited && jobs.len() < count && has_waiting(tx, claimant, now).await? {
        blocked_for =
            Some(limits.rate.map_or(RUNNING_LIMIT_WAIT, |rate| until_next_start(rate, &starts, now)));
    }
    Ok(ClaimResult { jobs, limited, blocked_for })
}

/// How long until the rate allows another start. Where it allows one now, another limit
/// blocks the jobs.
fn until_next_start(rate: Rate, starts: &Starts, now: Timestamp) -> Duration {
    match (rate.next_start(starts, now) - now).to_std() {
        Ok(wait) if !wait.is_zero() => wait,
        _ => RUNNING_LIMIT_WAIT,
    }
}

async fn note_starts(tx: &Transaction, queue: QueueName, starts: &Starts) -> Result<(), DbErr> {
    let starts = serde_json::to_value(starts).map_err(|error| DbErr::Json(error.to_string()))?;
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("UPDATE queues SET rate_starts = ").bind(starts).push(" WHERE name = ").bind(queue.as_str());
    tx.execute_raw(sql.build()).await.map(drop)
}

/// Whether further jobs wait that this worker could run.
async fn has_waiting(tx: &Transaction, claimant: &Claimant<'_>, now: Timestamp) -> Result<bool, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT 1 FROM jobs WHERE ");
    available(&mut sql, claimant, now);
    sql.push(" LIMIT 1");
    Ok(tx.query_one_raw(sql.build()).await?.is_some())
}

/// Takes up to `count` jobs, in the order of dispatch: by [`claim`], or by
/// [`claim_limited`] where that finds nothing or the queue is known to have limits.
pub(crate) async fn claim_next(
    queue: &Queue,
    claimant: &Claimant<'_>,
    count: usize,
    limited: bool,
) -> Result<ClaimResult, QueueError> {
    let mut claims = ClaimResult::default();
    if !limited {
        claims.jobs = claim(queue, claimant, count).await?;
    }
    if limited || (claims.jobs.is_empty() && has_limits(queue, claimant.queue).await?) {
        claims = claim_limited(queue, claimant, count).await?;
    }
    claims.jobs.sort_by_key(|job| (job.rank, job.id));
    Ok(claims)
}

/// Whether a queue has limits, read without its lock.
async fn has_limits(queue: &Queue, name: QueueName) -> Result<bool, DbErr> {
    let row = queues::Entity::find_by_id(name.as_str()).one(queue.db()).await?;
    Ok(row.is_some_and(|row| !QueueLimits::of(&row).is_unlimited()))
}

/// Most jobs that are searched for owners below their limit.
const CANDIDATES: u32 = 1_000;

async fn claim_fairly(
    tx: &Transaction,
    claimant: &Claimant<'_>,
    count: u32,
    per_owner: Option<u32>,
    now: Timestamp,
) -> Result<Vec<jobs::Model>, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("WITH ");
    if per_owner.is_some() {
        sql.push("running AS (SELECT owner_id, COUNT(*) AS jobs FROM running_jobs WHERE queue = ")
            .bind(claimant.queue.as_str())
            .push(" AND owner_id IS NOT NULL GROUP BY owner_id), ");
    }
    sql.push("candidates AS (SELECT id, owner_id, rank FROM jobs WHERE ");
    available(&mut sql, claimant, now);
    if let Some(most) = per_owner {
        // Owners at their limit are excluded here, so that their jobs use up no candidates.
        sql.push(" AND (owner_id IS NULL OR owner_id NOT IN (SELECT owner_id FROM running WHERE jobs >= ")
            .push(&most.to_string())
            .push("))");
    }
    sql.push(" ORDER BY rank, id LIMIT ").push(&CANDIDATES.max(count).to_string()).push(")");
    if let Some(most) = per_owner {
        sql.push(", turns AS (SELECT candidates.id, candidates.rank, candidates.owner_id, COALESCE(running.jobs, 0) + ROW_NUMBER() OVER (PARTITION BY candidates.owner_id ORDER BY candidates.rank, candidates.id) AS turn FROM candidates LEFT JOIN running ON running.owner_id = candidates.owner_id), next AS (SELECT id FROM turns WHERE owner_id IS NULL OR turn <= ")
            .push(&most.to_string())
            .push(" ORDER BY rank, id LIMIT ");
    } else {
        sql.push(", next AS (SELECT id FROM candidates ORDER BY rank, id LIMIT ");
    }
    sql.push(&count.to_string()).push(")");
    let taking = Taking::of(claimant, tx.queue(), now);
    taking.push_to(&mut sql, "id", "id");
    taking.take(&**tx, sql).await
}

/// A queue's row, locked until the transaction ends.
pub(crate) async fn lock_queue(tx: &Transaction, queue: QueueName) -> Result<Option<queues::Model>, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT * FROM queues WHERE name = ").bind(queue.as_str()).lock();
    queues::Entity::find().from_raw_sql(sql.build()).one(&**tx).await
}

/// Appends the condition under which this worker may take a job.
fn available(sql: &mut Sql, claimant: &Claimant<'_>, now: Timestamp) {
    sql.push(WAITING)
        .push(" AND queue = ")
        .bind(claimant.queue.as_str())
        .push(" AND kind IN (")
        .bind_list(claimant.kinds.iter().copied())
        .push(") AND (expires_at IS NULL OR expires_at > ")
        .bind(now)
        .push(")");
}

/// The statement that takes selected jobs, and the rows that it returns.
struct Taking<'a> {
    lease: Lease,
    ended: &'a [LeaseId],
    now: Timestamp,
}

/// The columns that an attempt needs and that the claim does not set.
const COLUMNS: &str = "id, kind, lane, owner_id, subject_id, args, attempt, max_attempts, timeout_secs, fence, \
    revision, run_at, rank, trace_parent, request_id, created_at";

impl<'a> Taking<'a> {
    fn of(claimant: &Claimant<'a>, queue: &Queue, now: Timestamp) -> Self {
        let Claimant { worker, lease: id, ended, queue: name, .. } = *claimant;
        let lease = Lease { id, queue: name, worker, expires_at: lease::expiry_from(queue, now) };
        Self { lease, ended, now }
    }

    /// Appends the update of the jobs whose `key` is in that column of `next`.
    fn push_to(&self, sql: &mut Sql, key: &str, column: &str) {
        if is_one_statement(sql.backend()) {
            self.lease.push_to(sql);
            if !self.ended.is_empty() {
                sql.push(", ended AS (");
                lease::push_release(sql, self.ended);
                sql.push(")");
            }
        }
        // No indexed column is set.
        sql.push(" UPDATE jobs SET state = 'running', attempt = attempt + 1, fence = fence + 1, revision = revision + 1, worker_id = ")
            .bind(self.lease.worker)
            .push(", lease_id = ")
            .bind(self.lease.id)
            .push(", started_at = ")
            .bind(self.now)
            .push(", updated_at = ")
            .bind(self.now)
            .push(" WHERE ")
            .push(key);
        // An array makes PostgreSQL use the key however many rows it expects. The state is
        // hidden from the planner, which would otherwise scan all available jobs.
        let (start, end, place) = match sql.backend() {
            DatabaseBackend::Postgres => (" = ANY(ARRAY(SELECT ", "))", "ctid::text"),
            _ => (" IN (SELECT ", ")", "NULL"),
        };
        sql.push(start)
            .push(column)
            .push(" FROM next")
            .push(end)
            .push(" AND state || '' = 'available' RETURNING ")
            .push(COLUMNS)
            .push(", ")
            .push(place);
    }

    /// Runs the statement, writes the lease, and answers the jobs that were taken.
    async fn take(self, db: &impl ConnectionTrait, sql: Sql) -> Result<Vec<jobs::Model>, DbErr> {
        let is_one_statement = is_one_statement(sql.backend());
        let jobs = self.rows(db.query_all_raw(sql.build()).await?)?;
        if !is_one_statement {
            let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
            self.lease.write(db, &ids).await?;
            lease::release(db, self.ended).await?;
        }
        Ok(jobs)
    }

    /// The jobs that were taken, without what no attempt reads: the result, error and
    /// progress of earlier attempts.
    fn rows(&self, rows: Vec<QueryResult>) -> Result<Vec<jobs::Model>, DbErr> {
        rows.iter().map(|row| self.row(row)).collect()
    }

    fn row(&self, row: &QueryResult) -> Result<jobs::Model, DbErr> {
        Ok(jobs::Model {
            id: row.try_get_by_index(0)?,
            queue: self.lease.queue.as_str().to_owned(),
            kind: row.try_get_by_index(1)?,
            lane: row.try_get_by_index(2)?,
            state: JobState::Running,
            phase: JobState::Running.phase(),
            owner_id: row.try_get_by_index(3)?,
            subject_id: row.try_get_by_index(4)?,
            args: row.try_get_by_index(5)?,
            result: None,
            error: None,
            progress: None,
            attempt: row.try_get_by_index(6)?,
            max_attempts: row.try_get_by_index(7)?,
            timeout_secs: row.try_get_by_index(8)?,
            fence: row.try_get_by_index(9)?,
            revision: row.try_get_by_index(10)?,
            unique_key: None,
            run_at: row.try_get_by_index(11)?,
            rank: row.try_get_by_index(12)?,
            expires_at: None,
            worker_id: Some(self.lease.worker),
            lease_id: Some(self.lease.id),
            cancel_requested_at: None,
            trace_parent: row.try_get_by_index(13)?,
            request_id: row.try_get_by_index(14)?,
            created_at: row.try_get_by_index(15)?,
            place: row.try_get_by_index(16)?,
            started_at: Some(self.now),
            finished_at: None,
            updated_at: self.now,
        })
    }
}
