//! Detects poolers that share PostgreSQL sessions between clients.

use std::time::Duration;

use sea_orm::{
    DatabaseConnection, DbBackend,
    sqlx::{self, AssertSqlSafe, Connection, PgConnection, Row},
};
use uuid::Uuid;

/// Time limit of the check. Other checks find a database that does not respond.
const BOUND: Duration = Duration::from_secs(5);

/// Number of rounds: other clients of a busy pooler may hide the sharing once.
const ROUNDS: usize = 3;

/// A pooler gives the server session to other clients between transactions. Time limits and
/// prepared statements would then leak between clients.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "a pooler between here and PostgreSQL shares its sessions between clients, which loses their time \
     limits and mixes up their statements: let it pool by session (PgBouncer: pool_mode = session)"
)]
pub struct SharedSessions;

/// Checks that a session of the pool at `url` keeps its settings while another client is in
/// a transaction. SQLite has no pooler.
///
/// # Errors
/// [`SharedSessions`] if it does not. A check that fails for another reason is no error.
pub async fn ensure_own_sessions(db: &DatabaseConnection, url: &str) -> Result<(), SharedSessions> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    match tokio::time::timeout(BOUND, are_shared(db, url)).await {
        Ok(Ok(true)) => Err(SharedSessions),
        Ok(Ok(false)) => Ok(()),
        Ok(Err(error)) => {
            tracing::debug!(%error, "whether sessions are shared is not known");
            Ok(())
        }
        Err(_late) => {
            tracing::debug!("whether sessions are shared is not known in time");
            Ok(())
        }
    }
}

async fn are_shared(db: &DatabaseConnection, url: &str) -> Result<bool, sqlx::Error> {
    let mut first = db.get_postgres_connection_pool().acquire().await?;
    let mut second = PgConnection::connect_with(&super::plain(url)?).await?;
    let mut shared = false;
    for _ in 0..ROUNDS {
        let mark = Uuid::new_v4().simple().to_string();
        let set = format!("SELECT set_config('atelier.session', '{mark}', false)");
        ask(&mut first, &set).await?;
        // Its transaction pins the server session.
        shared = ask(&mut second, &format!("BEGIN; {MARK}")).await?.as_ref() == Some(&mark)
            || ask(&mut first, MARK).await?.as_ref() != Some(&mark);
        ask(&mut second, "ROLLBACK").await?;
        if shared {
            break;
        }
    }
    second.close().await?;
    Ok(shared)
}

const MARK: &str = "SELECT current_setting('atelier.session', true)";

/// The first value that the statements return. They are not prepared, since their names
/// might be another client's.
async fn ask(held: &mut PgConnection, statements: &str) -> Result<Option<String>, sqlx::Error> {
    let rows = sqlx::raw_sql(AssertSqlSafe(statements)).fetch_all(held).await?;
    rows.first().map_or(Ok(None), |row| row.try_get(0))
}
