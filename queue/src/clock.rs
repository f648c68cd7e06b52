//! The time everything in the queue goes by: the database's, so that processes
//! with wrong clocks agree on when a job is due and when a lease has run out.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use atelier_entities::{Timestamp, to_micros};
use chrono::{TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr, Statement};

/// A clock that follows the database's. Copies share the same correction.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_micros: Arc<AtomicI64>,
}

impl Clock {
    /// The present, in whole microseconds.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        to_micros(Utc::now() + TimeDelta::microseconds(self.offset_micros.load(Ordering::Relaxed)))
    }

    /// Moves this clock by so much; tests travel in time with it.
    pub fn advance(&self, by: TimeDelta) {
        self.offset_micros.fetch_add(by.num_microseconds().unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// Asks the database for its time and follows it from now on. SQLite lives in
    /// this process and has no other clock.
    pub async fn follow(&self, db: &DatabaseConnection) -> Result<(), DbErr> {
        if db.get_database_backend() != DatabaseBackend::Postgres {
            return Ok(());
        }
        let asked = Utc::now();
        let statement = Statement::from_string(DatabaseBackend::Postgres, "SELECT clock_timestamp() AS now");
        let Some(row) = db.query_one_raw(statement).await? else { return Ok(()) };
        let answered = Utc::now();
        let theirs: Timestamp = row.try_get("", "now")?;
        let ours = asked + (answered - asked) / 2;
        let offset = (theirs - ours).num_microseconds().unwrap_or(0);
        self.offset_micros.store(offset, Ordering::Relaxed);
        Ok(())
    }
}
