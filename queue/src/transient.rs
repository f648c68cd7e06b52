//! What an error of the database says about trying again.

use std::error::Error;

use sea_orm::{DbErr, RuntimeErr, SqlxSqliteError, sqlx};

/// An error that says nothing against what was asked: later it may well be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transient {
    /// Another transaction was in the way, and this one was undone whole: it may be done
    /// again at once (SQLSTATE 40001 and 40P01).
    Conflict,
    /// The database cannot do it now: it is away, full, locked, read-only, or its disk
    /// fails. Whether the last step was done is not known.
    Outage,
}

impl Transient {
    /// Looks for an error of the database in an error and its causes.
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

/// Whether SQLite refused a statement for a violated constraint, and undid that alone.
pub(crate) fn is_violation(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 19)
}

/// By SQLite's result code (<https://www.sqlite.org/rescode.html>), whose low byte is the
/// primary one: ABORT, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN and
/// PROTOCOL.
fn of_sqlite(code: &str) -> Option<Transient> {
    let primary = code.parse::<u32>().ok()? & 0xff;
    matches!(primary, 4..=10 | 13..=15).then_some(Transient::Outage)
}

/// By SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>). Whole
/// classes: 08 connection, 53 resources, 58 system; of 25 and 57 what passes by itself or
/// with a switch to another server; and a lock or a statement that took too long.
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
    fn what_may_pass_is_told_from_what_does_not() {
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
    fn a_fault_is_found_among_the_causes() {
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
