//! Counts of what started runs by itself.

use atelier_entities::TickOutcome;
use atelier_ops::terminal;
use serde::Serialize;

use crate::chaos::triggers::TriggerRows;

/// Counts of schedules and their fire times.
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
}

impl TriggersReport {
    /// What the rows say.
    pub(in crate::chaos) fn of(rows: &TriggerRows) -> Self {
        let count = |outcomes: &[TickOutcome]| {
            rows.ticks.iter().filter(|tick| outcomes.contains(&tick.outcome)).count()
        };
        Self {
            schedules: rows.schedules.len(),
            started: count(&[TickOutcome::Started]),
            buffered: count(&[TickOutcome::Buffered]),
            skipped: count(&[TickOutcome::SkippedOverlap]),
            missed: count(&[TickOutcome::MissedWindow, TickOutcome::MissedLimit]),
        }
    }

    /// The counts as a table of text.
    pub(in crate::chaos) fn table(&self) -> String {
        let Self { schedules, started, buffered, skipped, missed } = self;
        let rows = [
            ("schedules", schedules.to_string()),
            ("  fire times that started a run", started.to_string()),
            ("  skipped, still waiting", format!("{skipped}, {buffered}")),
            ("  ranges that were missed", missed.to_string()),
        ];
        let rows = rows.map(|(name, value)| [name.to_owned(), value]);
        terminal::table(["triggers", ""], rows.to_vec(), &[])
    }
}
