//! What starts runs of workflows by itself: the schedules of people, and what became of their
//! fire times.

mod owned;
pub(super) mod rows;

pub(super) use owned::Owned;
pub(super) use rows::TriggerRows;
