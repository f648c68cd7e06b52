//! Detects read-only SQLite connections. SQLite silently opens a file read-only if the
//! system refuses write access. Such a connection stays read-only after the disk accepts
//! writes again, so it is used once: the next one may be able to write.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sea_orm::sqlx::{self, Executor, Row, SqliteConnection};

/// SQLite's primary result code for a write by a connection that may only read
/// (<https://www.sqlite.org/rescode.html#readonly>).
const READONLY: u32 = 8;

/// State of a pool. Copies share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Readonly {
    /// Whether a connection was ever read-only. Until then returned connections are not
    /// checked.
    found: Arc<AtomicBool>,
}

impl Readonly {
    /// Marks a new connection that cannot write.
    ///
    /// # Errors
    /// Errors of the database, except that it is read-only.
    pub(super) async fn mark(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let timeout = connection.fetch_one("PRAGMA busy_timeout").await?.try_get::<i64, _>(0)?;
        // SQLite reports a read-only database before it checks the lock, so a lock of
        // another connection does not matter.
        connection.execute("PRAGMA busy_timeout = 0; BEGIN").await?;
        // BEGIN IMMEDIATE succeeds on a read-only database; a write that is rolled back
        // does not.
        let written = connection.execute("PRAGMA user_version = 0").await;
        connection.execute("ROLLBACK").await?;
        let restored = format!("PRAGMA busy_timeout = {timeout}");
        connection.execute(sqlx::AssertSqlSafe(restored)).await?;
        if written.is_err_and(|error| is_readonly(&error)) {
            self.found.store(true, Ordering::Relaxed);
            connection.execute("PRAGMA query_only = ON").await?;
        }
        Ok(())
    }

    /// Whether a returned connection was marked.
    ///
    /// # Errors
    /// Errors of the database.
    pub(super) async fn is_marked(&self, connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
        if !self.found.load(Ordering::Relaxed) {
            return Ok(false);
        }
        Ok(connection.fetch_one("PRAGMA query_only").await?.try_get::<i64, _>(0)? != 0)
    }
}

fn is_readonly(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == READONLY)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sea_orm::{ConnectionTrait, sqlx::SqlitePool};
    use tempfile::TempDir;

    use crate::database;

    const WAIT: Duration = Duration::from_secs(5);

    /// A pool on a file, opened in this mode, after one use.
    async fn used(folder: &TempDir, mode: &str) -> SqlitePool {
        let url = format!("sqlite://{}/test.db?mode={mode}", folder.path().display());
        let db = database::connect(&url, 1, WAIT, WAIT).await.expect("connected");
        db.execute_unprepared("SELECT 1").await.expect("read");
        db.get_sqlite_connection_pool().clone()
    }

    async fn until(met: impl Fn() -> bool) {
        let met = async {
            while !met() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(WAIT, met).await.expect("in time");
    }

    #[tokio::test]
    async fn a_connection_that_may_only_read_is_not_used_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let writing = used(&folder, "rwc").await;
        let reading = used(&folder, "ro").await;

        until(|| reading.size() == 0).await;
        until(|| writing.num_idle() == 1).await;
        assert_eq!(writing.size(), 1, "one that writes is kept");
    }

    #[tokio::test]
    async fn a_connection_is_none_that_may_only_read_where_others_write() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = used(&folder, "rwc").await;
        let mut held = first.acquire().await.expect("acquired");
        sea_orm::sqlx::Executor::execute(&mut *held, "BEGIN IMMEDIATE").await.expect("the lock");

        let second = used(&folder, "rwc").await;

        until(|| second.num_idle() == 1).await;
        let mut held = second.acquire().await.expect("acquired");
        let row = sea_orm::sqlx::Executor::fetch_one(&mut *held, "PRAGMA busy_timeout").await.expect("asked");
        let millis: i64 = sea_orm::sqlx::Row::try_get(&row, 0).expect("a number");
        assert_eq!(millis, 5_000, "it waits for locks as ever");
    }
}
