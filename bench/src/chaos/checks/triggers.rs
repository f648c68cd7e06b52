//! Checks of what starts runs by itself.

mod hooks;
mod schedules;
#[cfg(test)]
mod tests;

use super::evidence::Check;
use crate::chaos::{
    triggers::TriggerRows,
    workflows::{Record, Rows},
};

/// Every check of triggers.
pub(in crate::chaos) fn check(triggers: &TriggerRows, rows: &Rows, record: &Record) -> Vec<Check> {
    let mut checks = schedules::check(triggers, rows, record);
    checks.extend(hooks::check(rows, record));
    checks
}
