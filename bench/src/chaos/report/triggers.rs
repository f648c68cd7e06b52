//! Counts of what started runs by itself.

use atelier_entities::TickOutcome;
use atelier_ops::terminal;
use serde::Serialize;

use crate::{
    chaos::{triggers::TriggerRows, workflows::Record},
    receiver::Counts,
};

/// Counts of schedules with their fire times, of calls and of deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(in crate::chaos) struct TriggersReport {
    pub(in crate::chaos) schedules: usize,
    /// Fire times that started a run.
    pub(in crate::chaos) started: usize,
    /// Fire times that still wait, since their schedule was paused.
    pub(in crate::chaos) buffered: usize,
    /// Fire times that started nothing, since a run was under way.
    pub(in crate::chaos) skipped: usize,
    /// Ranges of fire times that were missed.
    pub(in crate::chaos) missed: usize,
    /// Calls of webhooks that were accepted, and those of them that were sent again.
    pub(in crate::chaos) calls: usize,
    pub(in crate::chaos) called_again: usize,
    /// Deliveries, those that wait for a further attempt, and the attempts that came.
    pub(in crate::chaos) deliveries: usize,
    pub(in crate::chaos) pending: usize,
    pub(in crate::chaos) attempts: usize,
}

impl TriggersReport {
    /// What the rows and the record of the people say.
    pub(in crate::chaos) fn of(rows: &TriggerRows, record: &Record, received: Counts) -> Self {
        let count = |outcomes: &[TickOutcome]| {
            rows.ticks.iter().filter(|tick| outcomes.contains(&tick.outcome)).count()
        };
        Self {
            schedules: rows.schedules.len(),
            started: count(&[TickOutcome::Started]),
            buffered: count(&[TickOutcome::Buffered]),
            skipped: count(&[TickOutcome::SkippedOverlap]),
            missed: count(&[TickOutcome::MissedWindow, TickOutcome::MissedLimit]),
            calls: record.list_calls().len(),
            called_again: record.steering().called_again,
            deliveries: rows.deliveries.len(),
            pending: rows.deliveries.iter().filter(|delivery| delivery.state == "pending").count(),
            attempts: received.attempts,
        }
    }

    /// The counts as a table of text.
    pub(in crate::chaos) fn table(&self) -> String {
        let Self { schedules, started, buffered, skipped, missed, .. } = self;
        let Self { calls, called_again, deliveries, pending, attempts, .. } = self;
        let rows = [
            ("schedules", schedules.to_string()),
            ("  fire times that started a run", started.to_string()),
            ("  skipped, still waiting", format!("{skipped}, {buffered}")),
            ("  ranges that were missed", missed.to_string()),
            ("accepted calls of webhooks", format!("{calls}, of which {called_again} were sent again")),
            ("deliveries", format!("{deliveries}, of which {pending} wait, in {attempts} attempts")),
        ];
        let rows = rows.map(|(name, value)| [name.to_owned(), value]);
        terminal::table(["triggers", ""], rows.to_vec(), &[])
    }
}
