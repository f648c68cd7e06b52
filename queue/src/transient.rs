//! Transient errors of the database, after which work can be tried again.

use std::error::Error;

use sea_orm::{DbErr, RuntimeErr, SqlxSqliteError, sqlx};

/// An error that may be gone when the work is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transient {
    /// Another transaction conflicted, and this one was rolled back: it can be repeated at once
    /// (SQLSTATE 40001 and 40P01).
    Conflict,
    /// The database is away, full, locked or read-only, or its disk fails. Whether the last
    /// statement was done is not known.
    Outage,
}

impl Transient {
    /// Finds a transient error of the database in an error and its causes.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<DbErr>() {
                return of_database(error);
            }
            next = error.source();
        }
        None
    }
}

fn of_database(error: &DbErr) -> Option<Transient> {
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(RuntimeErr::Internal(_)) => Some(Transient::Outage),
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => of_driver(error),
        _ => None,
    }
}

fn of_driver(error: &sqlx::Error) -> Option<Transient> {
    use sqlx::Error::{BeginFailed, Database, Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
    match error {
        Database(error) => {
            let code = error.code()?;
            let is_sqlite = error.try_downcast_ref::<SqlxSqliteError>().is_some();
            if is_sqlite { of_sqlite(&code) } else { of_sql_state(&code) }
        }
        Io(_) | Tls(_) | Protocol(_) | PoolTimedOut | PoolClosed | WorkerCrashed | BeginFailed => {
            Some(Transient::Outage)
        }
        _ => None,
    }
}

/// Whether a constraint of SQLite was violated, which undoes only that statement.
pub(crate) fn is_violation(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 19)
}

/// Classifies a result code of SQLite (<https://www.sqlite.org/rescode.html>), whose low byte
/// is the primary code: ABORT, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN
/// and PROTOCOL are transient.
fn of_sqlite(code: &str) -> Option<Transient> {
    let primary = code.parse::<u32>().ok()? & 0xff;
    matches!(primary, 4..=10 | 13..=15).then_some(Transient::Outage)
}

/// Classifies a SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
/// Transient are the classes 08 connection, 53 resources and 58 system; codes of 25 and 57
/// that pass by themselves or with a failover; and timeouts of locks and statements.
fn of_sql_state(code: &str) -> Option<Transient> {
    match code {
        "40001" | "40P01" => Some(Transient::Conflict),
        "25006" | "25P03" | "55P03" | "57014" | "57P01" | "57P02" | "57P03" | "57P05" => {
            Some(Transient::Outage)
        }
        _ => ["08", "53", "58"].iter().any(|class| code.starts_with(class)).then_some(Transient::Outage),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::QueueError;

    #[test]
    fn transient_codes_are_told_from_permanent_ones() {
        // BUSY_SNAPSHOT, IOERR_WRITE, FULL, READONLY_DBMOVED, CANTOPEN.
        for code in ["5", "517", "778", "13", "1032", "14"] {
            assert_eq!(of_sqlite(code), Some(Transient::Outage), "{code}");
        }
        // ERROR, CORRUPT, UNIQUE, NOTADB.
        for code in ["1", "11", "2067", "26"] {
            assert_eq!(of_sqlite(code), None, "{code}");
        }
        for code in ["08006", "25006", "53100", "53300", "57P01", "57014", "58030"] {
            assert_eq!(of_sql_state(code), Some(Transient::Outage), "{code}");
        }
        for code in ["40001", "40P01"] {
            assert_eq!(of_sql_state(code), Some(Transient::Conflict), "{code}");
        }
        for code in ["23505", "42601", "25P02", "22001"] {
            assert_eq!(of_sql_state(code), None, "{code}");
        }
    }

    #[test]
    fn a_transient_error_is_found_among_the_causes() {
        let late = DbErr::Conn(RuntimeErr::Internal("late".to_owned()));
        let effect = |source: DbErr| QueueError::Effect {
            kind: "a.b".to_owned(),
            source: Box::new(QueueError::Database(source)),
        };

        assert_eq!(Transient::of(&late), Some(Transient::Outage));
        assert_eq!(Transient::of(&effect(late)), Some(Transient::Outage));
        assert_eq!(Transient::of(&effect(DbErr::Custom("no".to_owned()))), None);
        assert_eq!(Transient::of(&QueueError::NotFound), None);
        let io = sqlx::Error::Io(std::io::Error::other("gone"));
        assert_eq!(Transient::of(&DbErr::Query(RuntimeErr::SqlxError(io.into()))), Some(Transient::Outage));
    }
}
