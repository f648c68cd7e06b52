//! The time everything in the queue goes by: the database's, so that processes
//! with wrong clocks agree on when a job is due and when a lease has run out.

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

/// The offset that an answer leaves standing: the database looked at its clock at
/// some moment between question and answer, so that the true offset lies between the
/// two given. The nearest to the one that was believed is taken: an answer that was
/// held up on its way says little, and changes little.
fn corrected(believed: i64, earliest: i64, latest: i64) -> i64 {
    believed.max(earliest).min(latest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_moves_the_clock_no_further_than_it_must() {
        for (believed, earliest, latest, offset) in [
            (0, -100, 200, 0),
            (5_000_000, -100, 200, 200),
            (-5_000_000, -100, 200, -100),
            // Held up for eight seconds: the offset of before is as good as any.
            (40, -4_000_000, 4_000_000, 40),
            (7_000_000, -4_000_000, 4_000_000, 4_000_000),
        ] {
            assert_eq!(corrected(believed, earliest, latest), offset, "{believed} in {earliest}..{latest}");
        }
    }
}
