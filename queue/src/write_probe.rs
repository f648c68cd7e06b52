//! Whether the database and the transport do what the work needs, which is to take
//! writes: an answer to a read or a ping says nothing of that.
//!
//! Whoever asks is told what a small write came to a moment ago; where that was too long
//! ago, one of those who ask makes another one. What the work itself meets counts as well.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use atelier_entities::write_probes;
use sea_orm::{ActiveValue::Set, DatabaseBackend, DbErr, EntityTrait, sea_query::OnConflict};
use tokio::{
    sync::Mutex as Turn,
    time::{self, Instant},
};

use crate::{Fault, Queue, error::QueueError};

/// How long it is believed that writes are taken, and that they are not.
const WELL_FOR: Duration = Duration::from_secs(5);
const ILL_FOR: Duration = Duration::from_secs(1);

/// How long what the work itself met is believed, whatever a small write comes to.
const MET_FOR: Duration = Duration::from_secs(5);

/// Longest that a probe may take.
const BOUND: Duration = Duration::from_millis(1_500);

/// Wait before a second attempt where a connection was lost: it may be there again.
const SECOND_ATTEMPT: Duration = Duration::from_millis(100);

/// Longest wait for the turn to write to SQLite.
const TURN_BOUND: Duration = Duration::from_millis(500);

/// For so long other writers of SQLite may keep a probe from writing, which says that
/// writes are taken.
const BUSY_FOR: Duration = Duration::from_secs(30);

/// Rows that probes rewrite: few, and yet two processes seldom wait for each other.
const SLOTS: i32 = 64;

/// Bytes of a row that is to take new room of the disk.
const LARGE: usize = 64 * 1024;

/// What is known of the two.
pub(crate) struct Pulses {
    database: Pulse,
    transport: Pulse,
    /// The row that this process rewrites.
    slot: i32,
}

impl Default for Pulses {
    fn default() -> Self {
        let (database, transport) = (Pulse::new("database"), Pulse::new("transport"));
        Self { database, transport, slot: rand::random_range(0..SLOTS) }
    }
}

/// What is known of one.
struct Pulse {
    part: &'static str,
    known: Mutex<Known>,
    turn: Turn<()>,
}

struct Known {
    /// What the last probe came to, and until when that is believed.
    last: Option<(Instant, Result<(), Fault>)>,
    well_at: Instant,
}

/// A write that did not come about.
struct Failure {
    /// None where others were writing.
    fault: Option<Fault>,
    message: String,
}

impl Failure {
    fn busy() -> Self {
        Self { fault: None, message: "others are writing".to_owned() }
    }

    fn silent() -> Self {
        Self { fault: Some(Fault::NoAnswer), message: format!("no answer within {BOUND:?}") }
    }

    fn may_pass(&self) -> bool {
        self.fault.is_some_and(Fault::may_pass)
    }
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        Self { fault: Fault::of_database(&error), message: error.to_string() }
    }
}

impl Pulse {
    fn new(part: &'static str) -> Self {
        let known = Known { last: None, well_at: Instant::now() };
        Self { part, known: Mutex::new(known), turn: Turn::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is believed now.
    fn believed(&self) -> Option<Result<(), Fault>> {
        self.known().last.filter(|(until, _)| Instant::now() < *until).map(|(_, found)| found)
    }

    /// What the last probe came to.
    fn last(&self) -> Option<Result<(), Fault>> {
        self.known().last.map(|(_, found)| found)
    }

    /// What is believed, or else what a probe comes to. Of those who ask at once, one
    /// probes, and the others are told what was known before.
    async fn ask<F>(&self, probe: impl Fn() -> F) -> Result<(), Fault>
    where
        F: Future<Output = Result<(), Failure>>,
    {
        if let Some(believed) = self.believed() {
            return believed;
        }
        let _turn = match (self.turn.try_lock(), self.last()) {
            (Ok(turn), _) => turn,
            (Err(_), Some(last)) => return last,
            (Err(_), None) => self.turn.lock().await,
        };
        if let Some(believed) = self.believed() {
            return believed;
        }
        let probed = time::timeout(BOUND, async {
            match probe().await {
                Err(failure) if failure.may_pass() => {
                    time::sleep(SECOND_ATTEMPT).await;
                    probe().await
                }
                done => done,
            }
        });
        self.note(probed.await.unwrap_or_else(|_late| Err(Failure::silent())))
    }

    fn note(&self, probed: Result<(), Failure>) -> Result<(), Fault> {
        let (now, well_at) = (Instant::now(), self.known().well_at);
        let has_written = probed.is_ok();
        let (found, message) = match probed {
            Ok(()) => (Ok(()), String::new()),
            Err(Failure { fault: None, .. }) if now - well_at < BUSY_FOR => (Ok(()), String::new()),
            Err(Failure { fault, message }) => (Err(fault.unwrap_or(Fault::NoAnswer)), message),
        };
        if self.believed().is_none() {
            self.tell_change(found, &message);
        }
        let mut known = self.known();
        if has_written {
            known.well_at = now;
        }
        // What the work met meanwhile is not overruled.
        if let Some((_, met)) = known.last.filter(|(until, _)| now < *until) {
            return met;
        }
        let believed_for = if found.is_ok() { WELL_FOR } else { ILL_FOR };
        known.last = Some((now + believed_for, found));
        found
    }

    /// The work met this, which a small write may not meet.
    fn meet(&self, fault: Fault, message: &str) {
        self.tell_change(Err(fault), message);
        self.known().last = Some((Instant::now() + MET_FOR, Err(fault)));
    }

    fn tell_change(&self, found: Result<(), Fault>, message: &str) {
        let was_well = self.last().is_none_or(|last| last.is_ok());
        let part = self.part;
        match found {
            Err(fault) if was_well => {
                tracing::warn!(part, code = fault.code(), error = message, "takes no writes");
            }
            Ok(()) if !was_well => tracing::info!(part, "takes writes again"),
            _ => {}
        }
    }
}

impl Queue {
    /// What keeps the database from taking writes; none where it takes them. It is found
    /// out by a write that is made at most every five seconds, and by what enqueues meet.
    pub async fn database_fault(&self) -> Option<Fault> {
        let pulse = &self.pulses().database;
        // Where room was wanting, a write that needs none says nothing.
        let large = pulse.last() == Some(Err(Fault::Full));
        pulse.ask(|| self.write_probe(large)).await.err()
    }

    /// What keeps the transport from carrying ids; none where it does. It is found out in
    /// the same way.
    pub async fn transport_fault(&self) -> Option<Fault> {
        let probe = async || {
            let probed = self.transport().probe().await;
            probed.map_err(|error| Failure { fault: Some(error.fault()), message: error.to_string() })
        };
        self.pulses().transport.ask(probe).await.err()
    }

    /// Takes notice of an error that the work met.
    pub(crate) fn heed(&self, error: &QueueError) {
        match error {
            QueueError::Database(error) if Fault::of_database(error) == Some(Fault::Full) => {
                self.pulses().database.meet(Fault::Full, &error.to_string());
            }
            // A connection that was just lost is there again at the next attempt.
            QueueError::Transport(error) if !error.fault().may_pass() => {
                self.pulses().transport.meet(error.fault(), &error.to_string());
            }
            _ => {}
        }
    }

    async fn write_probe(&self, large: bool) -> Result<(), Failure> {
        let turn = time::timeout(TURN_BOUND, self.write_turn()).await;
        let Ok(_turn) = turn else { return Err(Failure::busy()) };
        if large {
            let filler: Vec<u8> = std::iter::repeat_with(rand::random).take(LARGE).collect();
            self.rewrite(Some(filler)).await?;
        }
        let rewritten = self.rewrite(None);
        if self.db().get_database_backend() == DatabaseBackend::Postgres {
            return Ok(rewritten.await?);
        }
        // SQLite waits by itself while another process writes.
        let rewritten = time::timeout(BOUND - TURN_BOUND - SECOND_ATTEMPT, rewritten).await;
        Ok(rewritten.map_err(|_late| Failure::busy())??)
    }

    async fn rewrite(&self, filler: Option<Vec<u8>>) -> Result<(), DbErr> {
        let row = write_probes::ActiveModel {
            slot: Set(self.pulses().slot),
            written_at: Set(self.now()),
            filler: Set(filler),
        };
        let update = OnConflict::column(write_probes::Column::Slot)
            .update_columns([write_probes::Column::WrittenAt, write_probes::Column::Filler])
            .to_owned();
        write_probes::Entity::insert(row).on_conflict(update).exec_without_returning(self.db()).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
