//! Runs of workflows under faults: people who start and steer them over the product's API, and
//! what they did.

mod flows;
mod people;
mod record;
pub(super) mod rows;
mod steering;
mod tables;
mod watch;

pub(super) use flows::{Flow, HOOK};
pub(super) use people::{PEOPLE, People};
pub(super) use record::{Record, RunEntry};
pub(super) use rows::Rows;
pub(super) use tables::create as create_tables;
pub(super) use watch::{Watch, watch};
