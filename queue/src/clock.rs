//! The clock of the queue follows the database's, so that processes with wrong clocks agree on
//! when a job is due and when a lease expires.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use atelier_entities::{Timestamp, to_micros};
use chrono::{TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr, Statement};

/// A clock that follows the database's. Clones share the offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_micros: Arc<AtomicI64>,
}

impl Clock {
    /// The present time in whole microseconds.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        to_micros(Utc::now() + TimeDelta::microseconds(self.offset_micros.load(Ordering::Relaxed)))
    }

    /// Moves this clock; for tests.
    pub fn advance(&self, by: TimeDelta) {
        self.offset_micros.fetch_add(by.num_microseconds().unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// Sets the offset by the time of the database. SQLite runs in this process and has the
    /// same clock.
    pub async fn follow(&self, db: &DatabaseConnection) -> Result<(), DbErr> {
        if db.get_database_backend() != DatabaseBackend::Postgres {
            return Ok(());
        }
        let (asked, begun) = (Utc::now(), Instant::now());
        let statement = Statement::from_string(DatabaseBackend::Postgres, "SELECT clock_timestamp() AS now");
        let Some(row) = db.query_one_raw(statement).await? else { return Ok(()) };
        let took = TimeDelta::from_std(begun.elapsed()).unwrap_or(TimeDelta::MAX);
        let theirs: Timestamp = row.try_get("", "now")?;
        let latest = (theirs - asked).num_microseconds().unwrap_or(0);
        let earliest = latest.saturating_sub(took.num_microseconds().unwrap_or(i64::MAX));
        let offset = corrected(self.offset_micros.load(Ordering::Relaxed), earliest, latest);
        self.offset_micros.store(offset, Ordering::Relaxed);
        Ok(())
    }
}

/// The offset after an answer. The database read its clock between question and answer, so
/// the true offset is between `earliest` and `latest`. Of these the nearest to the current
/// offset is used, so that a slow answer changes little.
fn corrected(current: i64, earliest: i64, latest: i64) -> i64 {
    current.max(earliest).min(latest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_moves_the_clock_no_further_than_it_must() {
        for (current, earliest, latest, offset) in [
            (0, -100, 200, 0),
            (5_000_000, -100, 200, 200),
            (-5_000_000, -100, 200, -100),
            // An answer after eight seconds keeps the offset.
            (40, -4_000_000, 4_000_000, 40),
            (7_000_000, -4_000_000, 4_000_000, 4_000_000),
        ] {
            assert_eq!(corrected(current, earliest, latest), offset, "{current} in {earliest}..{latest}");
        }
    }
}
