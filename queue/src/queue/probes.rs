//! Probing the database and the transport with small writes.

use std::time::Duration;

use atelier_entities::write_probes;
use sea_orm::{ActiveValue::Set, DatabaseBackend, DbErr, EntityTrait, sea_query::OnConflict};
use tokio::time;

use super::Queue;
use crate::{
    error::QueueError,
    fault::Fault,
    write_probe::{BOUND, Failure, SECOND_ATTEMPT},
};

/// Longest wait for the turn to write to SQLite.
const TURN_BOUND: Duration = Duration::from_millis(500);

/// Bytes of a row that needs new disk space.
const FILLER_BYTES: usize = 64 * 1024;

impl Queue {
    /// The fault that keeps the database from taking writes; none where it takes them. It
    /// comes from a write at most every five seconds, and from errors of the work.
    pub async fn database_fault(&self) -> Option<Fault> {
        let probe = &self.probes().database;
        // On a full disk a small write may still succeed.
        let large = probe.last() == Some(Err(Fault::Full));
        probe.check(|| self.probe_database(large)).await.err()
    }

    /// The fault that keeps the transport from carrying ids; none where it carries them. It
    /// comes from the same sources.
    pub async fn transport_fault(&self) -> Option<Fault> {
        let probe = async || {
            let probed = self.transport().probe().await;
            probed.map_err(|error| Failure { fault: Some(error.fault()), message: error.to_string() })
        };
        self.probes().transport.check(probe).await.err()
    }

    /// Reports an error of the work to the probes.
    pub(crate) fn note_error(&self, error: &QueueError) {
        match error {
            QueueError::Database(error) if Fault::of_database(error) == Some(Fault::Full) => {
                self.probes().database.report(Fault::Full, &error.to_string());
            }
            // A connection that was just lost may be back at the next attempt.
            QueueError::Transport(error) if !error.fault().may_pass() => {
                self.probes().transport.report(error.fault(), &error.to_string());
            }
            _ => {}
        }
    }

    async fn probe_database(&self, large: bool) -> Result<(), Failure> {
        let turn = time::timeout(TURN_BOUND, self.write_turn()).await;
        let Ok(_turn) = turn else { return Err(Failure::busy()) };
        if large {
            let filler: Vec<u8> = std::iter::repeat_with(rand::random).take(FILLER_BYTES).collect();
            self.write_probe_row(Some(filler)).await?;
        }
        let written = self.write_probe_row(None);
        if self.db().get_database_backend() == DatabaseBackend::Postgres {
            return Ok(written.await?);
        }
        // SQLite itself waits while another process writes.
        let written = time::timeout(BOUND - TURN_BOUND - SECOND_ATTEMPT, written).await;
        Ok(written.map_err(|_late| Failure::busy())??)
    }

    async fn write_probe_row(&self, filler: Option<Vec<u8>>) -> Result<(), DbErr> {
        let row = write_probes::ActiveModel {
            slot: Set(self.probes().slot),
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
