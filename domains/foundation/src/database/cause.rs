//! Explains to operators why a connection failed.

use std::time::Duration;

use sea_orm::{
    DbErr, RuntimeErr,
    error::ConnAcquireErr,
    sqlx::{self, Connection, PgConnection},
};

use super::session;

/// The cause of an error, without its wrappers. It has no password: the URL of a database
/// is never part of it.
#[must_use]
pub fn describe(error: &DbErr) -> String {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => describe_driver(error),
        other => other.to_string(),
    }
}

fn describe_driver(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Tls(error) => format!("TLS: {error}"),
        sqlx::Error::Configuration(error) => error.to_string(),
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Protocol(fault) => format!("it does not answer as PostgreSQL does ({fault})"),
        other => other.to_string(),
    }
}

/// Whether PostgreSQL refused a statement for lack of privileges (SQLSTATE
/// `insufficient_privilege`).
#[must_use]
pub fn is_forbidden(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "42501")
}

/// Whether the pool timed out. It does not report the cause.
pub(super) fn is_timeout(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => true,
        DbErr::Conn(RuntimeErr::SqlxError(error)) => matches!(**error, sqlx::Error::PoolTimedOut),
        _ => false,
    }
}

/// Time limit of the connection that finds the cause.
const ATTEMPT: Duration = Duration::from_secs(5);

/// Finds the cause of a failure by opening a separate connection, for `bound` or 5 s at
/// most.
pub(super) async fn find(url: &str, script: &str, bound: Duration) -> DbErr {
    let bound = bound.min(ATTEMPT);
    let attempt = async {
        let mut held = PgConnection::connect_with(&super::plain(url)?).await?;
        session::set_up(&mut held, script).await?;
        held.close().await
    };
    let secs = bound.as_secs_f64();
    let fault = match tokio::time::timeout(bound, attempt).await {
        Ok(Err(error)) => error,
        Ok(Ok(())) => late(format!("it gave no connection within {secs} s, and gives one now")),
        Err(_late) => late(format!("no answer within {secs} s")),
    };
    DbErr::Conn(RuntimeErr::SqlxError(fault.into()))
}

fn late(told: String) -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, told))
}
