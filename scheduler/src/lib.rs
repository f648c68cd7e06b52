//! The scheduler of Atelier. Any number of schedulers may run at the same time: each duty
//! reads SQL and claims only what no other scheduler has claimed.

mod cron;
mod domains;
mod duty;
mod eviction;
mod gauges;
mod heartbeat;
mod legacy_keys;
mod pace;
mod reclaimer;
mod relay;
mod rescuer;
mod run;
mod scaling;
mod write_check;

pub use cron::Cron;
pub use domains::{DomainGauges, DomainWork};
pub use duty::{Duty, perform};
pub use eviction::EvictionWatch;
pub use gauges::Gauges;
pub use heartbeat::Heartbeat;
pub use legacy_keys::LegacyKeys;
pub use pace::Next;
pub use reclaimer::Reclaimer;
pub use relay::Relay;
pub use rescuer::Rescuer;
pub use run::{SchedulerOptions, Work, run};
pub use scaling::Scaling;
pub use write_check::WriteCheck;
