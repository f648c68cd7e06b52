//! Checks of what starts runs by itself, and of deliveries.

mod deliveries;
mod hooks;
mod schedules;
#[cfg(test)]
mod tests;

use super::evidence::Check;
use crate::chaos::{
    triggers::TriggerRows,
    workflows::{Record, Rows},
};
use deliveries::AllReceived;

/// Every check of triggers and deliveries.
pub(in crate::chaos) fn check(
    triggers: &TriggerRows,
    rows: &Rows,
    record: &Record,
    received: &AllReceived,
) -> Vec<Check> {
    let mut checks = schedules::check(triggers, rows, record);
    checks.extend(hooks::check(rows, record));
    checks.extend(deliveries::check(triggers, rows, record, received));
    checks
}
