//! Counters of PostgreSQL and Redis.

use anyhow::Context;
use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::{procfs, rows, testbed::Testbed};

/// Pattern of the bench's own statements.
const OWN: &str = "%AS busy%";

/// Counts that only grow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    pub(super) postgres_cpu_secs: f64,
    pub(super) redis_cpu_secs: f64,
    /// Statements of this database, BEGIN and COMMIT among them; none where PostgreSQL
    /// does not count them.
    pub(super) statements: Option<f64>,
    pub(super) transactions: f64,
    pub(super) wal_bytes: f64,
    /// Commands, those of scripts among them.
    pub(super) redis_commands: f64,
    /// Memory that Redis uses; this one may shrink.
    pub(super) redis_bytes: f64,
}

impl Counters {
    /// Reads them.
    pub(super) async fn read(testbed: &Testbed, db: &DatabaseConnection) -> anyhow::Result<Self> {
        let redis = testbed.redis.info().await?;
        let number = |name: &str| -> anyhow::Result<f64> {
            let value = redis.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            Ok(value.with_context(|| format!("Redis reports no {name}"))?.trim().parse()?)
        };
        Ok(Self {
            postgres_cpu_secs: procfs::family_cpu_secs(testbed.postgres.pid()?),
            redis_cpu_secs: procfs::family_cpu_secs(testbed.redis.pid().context("Redis is not running")?),
            statements: count_statements(db).await.ok(),
            transactions: count_transactions(db).await?,
            wal_bytes: read_wal(db).await?,
            redis_commands: number("total_commands_processed")?,
            redis_bytes: number("used_memory")?,
        })
    }

    /// The difference to earlier counters.
    pub(super) fn since(self, before: Self) -> Self {
        let statements = self.statements.zip(before.statements).map(|(after, before)| after - before);
        Self {
            postgres_cpu_secs: self.postgres_cpu_secs - before.postgres_cpu_secs,
            redis_cpu_secs: self.redis_cpu_secs - before.redis_cpu_secs,
            statements,
            transactions: self.transactions - before.transactions,
            wal_bytes: self.wal_bytes - before.wal_bytes,
            redis_commands: self.redis_commands - before.redis_commands,
            redis_bytes: self.redis_bytes - before.redis_bytes,
        }
    }

    /// The counters divided by the number of jobs.
    pub(super) fn for_each(self, jobs: f64) -> Self {
        Self {
            postgres_cpu_secs: self.postgres_cpu_secs / jobs,
            redis_cpu_secs: self.redis_cpu_secs / jobs,
            statements: self.statements.map(|statements| statements / jobs),
            transactions: self.transactions / jobs,
            wal_bytes: self.wal_bytes / jobs,
            redis_commands: self.redis_commands / jobs,
            redis_bytes: self.redis_bytes / jobs,
        }
    }
}

/// Enables the counting of statements where the extension is installed.
pub(super) async fn ensure_counting(db: &DatabaseConnection) {
    if let Err(error) = db.execute_unprepared("CREATE EXTENSION IF NOT EXISTS pg_stat_statements").await {
        tracing::info!(%error, "statements are not counted");
    }
}

async fn count_statements(db: &DatabaseConnection) -> anyhow::Result<f64> {
    let sql = format!(
        "SELECT COALESCE(SUM(calls), 0)::float8 AS count FROM pg_stat_statements s JOIN pg_database d \
         ON d.oid = s.dbid WHERE d.datname = current_database() AND s.query NOT LIKE '{OWN}'"
    );
    Ok(rows::query_row(db, &sql).await?.try_get("", "count")?)
}

async fn count_transactions(db: &DatabaseConnection) -> anyhow::Result<f64> {
    let sql = "SELECT (xact_commit + xact_rollback)::float8 AS count FROM pg_stat_database \
               WHERE datname = current_database()";
    Ok(rows::query_row(db, sql).await?.try_get("", "count")?)
}

async fn read_wal(db: &DatabaseConnection) -> anyhow::Result<f64> {
    let sql = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 AS bytes";
    Ok(rows::query_row(db, sql).await?.try_get("", "bytes")?)
}
