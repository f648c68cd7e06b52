//! A connection returns to its pool only without an open transaction: statements of the
//! next user inside such a transaction would never be committed.

use std::time::Duration;

use futures::FutureExt;
use sea_orm::sqlx::{self, Connection, PgConnection, SqliteConnection};

/// Time limit for a connection to respond.
const ANSWER_BOUND: Duration = Duration::from_millis(500);

/// Whether an SQLite connection has no transaction. SQLite itself ends a transaction when
/// its disk is full or fails. The driver still counts it, since its own ROLLBACK finds
/// none, and would begin the next one as a savepoint. The driver only counts down after a
/// successful COMMIT or ROLLBACK, so SQLite has no transaction if the driver counts none.
pub(super) async fn is_free(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if !connection.is_in_transaction() {
        return Ok(true);
    }
    // The ROLLBACK of a dropped transaction runs before this ping returns.
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
/// The pool has a check of its own, but without a time limit: a dead connection would block
/// its user and occupy its slot in the pool.
pub(super) async fn answers_free(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match tokio::time::timeout(ANSWER_BOUND, has_none(connection)).await {
        Ok(answer) => answer,
        Err(late) => Err(sqlx::Error::Io(std::io::Error::other(late))),
    }
}

/// An empty statement changes nothing, and its response says whether a transaction is open.
/// If it is sent as a BEGIN, the driver fails exactly when there is none.
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
