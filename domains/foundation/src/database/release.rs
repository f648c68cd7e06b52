//! Connections go back to their pool only where nothing is left of a transaction: within
//! one that is still open, what the next owner is told was done would never be committed.

use std::time::Duration;

use futures::FutureExt;
use sea_orm::sqlx::{self, Connection, PgConnection, SqliteConnection};

/// Longest a connection may take to show that it still lives.
const ANSWER_BOUND: Duration = Duration::from_millis(500);

/// Whether a connection to SQLite has no transaction. SQLite ends one by itself when its
/// disk is full or fails; the driver still counts it, since its own ROLLBACK finds none,
/// and would begin the next one as a savepoint of it. The driver counts down only after a
/// COMMIT or ROLLBACK that went well, so where it counts none SQLite has none.
pub(super) async fn is_free(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if !connection.is_in_transaction() {
        return Ok(true);
    }
    // The ROLLBACK of a transaction that was dropped is done before this is answered.
    connection.ping().await?;
    let is_free = !connection.is_in_transaction();
    if !is_free {
        tracing::info!("a connection whose transaction did not end is closed");
    }
    Ok(is_free)
}

/// Whether a connection to PostgreSQL that is released can be used again: it has no
/// transaction. A connection that has answered all that it was sent needs no round trip:
/// [`atelier_queue::Queue`] drops no BEGIN half-way, so the driver knows of each transaction.
pub(super) async fn is_reusable(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // The driver sends what is left, such as the ROLLBACK of a transaction that was dropped,
    // and reads what has not been read.
    let has_answered = matches!(connection.flush().now_or_never(), Some(Ok(())));
    if has_answered && !connection.is_in_transaction() {
        return Ok(true);
    }
    answers_free(connection).await
}

/// Whether a connection to PostgreSQL answers in time and has no transaction, by the
/// server's own word. A BEGIN that nobody waited for is none that the driver counts.
///
/// The pool asks whether it answers by itself, but without a bound: connections that fell
/// silent would hold up whoever gets one, and stay away with their place in the pool.
pub(super) async fn answers_free(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match tokio::time::timeout(ANSWER_BOUND, has_none(connection)).await {
        Ok(answer) => answer,
        Err(late) => Err(sqlx::Error::Io(std::io::Error::other(late))),
    }
}

/// An empty statement changes nothing, and its answer says whether a transaction is open.
/// Asked to begin one by it, the driver fails exactly where there is none.
async fn has_none(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let counts_none = !connection.is_in_transaction();
    match connection.begin_with("").await {
        Err(sqlx::Error::BeginFailed) => Ok(counts_none),
        Err(sqlx::Error::InvalidSavePointStatement) | Ok(_) => {
            tracing::info!("a connection whose transaction did not end is closed");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
