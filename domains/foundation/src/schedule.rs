//! When schedules fire: cron expressions and intervals in a time zone. Pure functions over values.
//!
//! A cron expression is evaluated in civil time, and its civil times are mapped to instants by a stated rule
//! for the hours that a change of the clock leaves out or repeats. So the preview of a schedule and its fire
//! times come from one function.

mod catch_up;
mod cron;
mod days;
mod field;
mod jitter;
mod spec;
#[cfg(test)]
mod tests;
mod zone;

pub use catch_up::{CatchUp, Due, Missed, MissedReason, find_due};
pub use cron::{Expression, LAST_YEAR, MAX_EXPRESSION, Warning};
pub use spec::{Spec, When};
pub use zone::{Firing, Fold, Gap, NoProgress};
