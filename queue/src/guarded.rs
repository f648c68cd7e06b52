//! A transaction that ends with its first failed statement.
//!
//! Both databases may roll back a transaction while its owner still writes. PostgreSQL
//! answers COMMIT after an error as a success, and rolls back. SQLite rolls back by itself
//! when its disk is full or fails, and each later statement commits on its own. So nothing
//! is sent after the first error, not even COMMIT.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseTransaction, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement, TransactionTrait,
};

use crate::transient::is_violation;

/// A transaction, or a savepoint in one. After a statement has failed or was dropped half-way,
/// every further statement and the commit answer that error.
pub struct Guarded {
    inner: DatabaseTransaction,
    /// What ended this transaction or savepoint.
    ended: Ended,
    /// What ended the whole transaction; the same one unless this is a savepoint.
    whole: Ended,
}

/// The first error, once there is one.
#[derive(Clone, Default)]
struct Ended(Arc<Mutex<Option<DbErr>>>);

impl Ended {
    fn note(&self, error: DbErr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    fn check(&self) -> Result<(), DbErr> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }
}

/// Ends the transaction where a step is dropped before it has answered.
struct Step<'a> {
    ends: &'a [&'a Ended],
    answered: bool,
}

impl<'a> Step<'a> {
    fn of(ends: &'a [&'a Ended]) -> Self {
        Self { ends, answered: false }
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        if !self.answered {
            let dropped = RuntimeErr::Internal("a step of the transaction was dropped half-way".to_owned());
            self.ends.iter().for_each(|end| end.note(DbErr::Conn(dropped.clone())));
        }
    }
}

impl Guarded {
    pub(crate) fn new(inner: DatabaseTransaction) -> Self {
        let whole = Ended::default();
        Self { inner, ended: whole.clone(), whole }
    }

    /// The error that ended it, if any.
    pub(crate) fn check(&self) -> Result<(), DbErr> {
        self.whole.check().and_then(|()| self.ended.check())
    }

    /// Begins a savepoint. A failure ends the whole transaction, since the driver then rolls
    /// back the transaction around it.
    pub(crate) async fn begin(&self) -> Result<Self, DbErr> {
        self.check()?;
        let ends = [&self.whole];
        let mut step = Step::of(&ends);
        let begun = self.inner.begin().await;
        step.answered = true;
        match begun {
            Ok(inner) => Ok(Self { inner, ended: Ended::default(), whole: self.whole.clone() }),
            Err(error) => {
                self.whole.note(error.clone());
                Err(error)
            }
        }
    }

    /// Commits, or releases a savepoint.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        self.check()?;
        let Self { inner, ended: _, whole } = self;
        finish(inner.commit(), &whole).await
    }

    /// Rolls back, to its savepoint where it is one.
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        let Self { inner, ended: _, whole } = self;
        finish(inner.rollback(), &whole).await
    }

    async fn run<T>(&self, statement: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        self.check()?;
        // A dropped statement of SQLite may have rolled back everything.
        let ends = match self.inner.get_database_backend() {
            DatabaseBackend::Sqlite => [&self.ended, &self.whole],
            _ => [&self.ended, &self.ended],
        };
        let mut step = Step::of(&ends);
        let answer = statement.await;
        step.answered = true;
        if let Err(error) = &answer {
            self.ended.note(error.clone());
            if undoes_all(self.inner.get_database_backend(), error) {
                self.whole.note(error.clone());
            }
        }
        answer
    }
}

/// Ends a transaction or savepoint. A failure ends the transaction around a savepoint too.
async fn finish(end: impl Future<Output = Result<(), DbErr>>, whole: &Ended) -> Result<(), DbErr> {
    let ends = [whole];
    let mut step = Step::of(&ends);
    let answer = end.await;
    step.answered = true;
    if let Err(error) = &answer {
        whole.note(error.clone());
    }
    answer
}

/// Whether an error within a savepoint may have rolled back the whole transaction: on SQLite
/// any but a violated constraint (<https://www.sqlite.org/lang_transaction.html>, section 3).
fn undoes_all(backend: DatabaseBackend, error: &DbErr) -> bool {
    backend == DatabaseBackend::Sqlite && !is_violation(error)
}

#[async_trait]
impl ConnectionTrait for Guarded {
    fn get_database_backend(&self) -> DatabaseBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.run(self.inner.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.run(self.inner.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.run(self.inner.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.run(self.inner.query_all_raw(statement)).await
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("is_open", &self.check().is_ok()).finish_non_exhaustive()
    }
}
