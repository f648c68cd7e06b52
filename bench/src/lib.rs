//! Programs that measure Atelier under load and test it under faults.

pub mod chaos;
pub mod measure;
pub mod yardstick;

mod receiver;
mod servers;
