//! What starts runs of workflows by itself: the schedules of people, what became of their fire
//! times, and calls of webhooks.

mod hooks;
mod owned;
pub(super) mod rows;
mod signing;

pub(super) use hooks::call;
pub(super) use owned::Owned;
pub(super) use rows::TriggerRows;
