//! The scheduler of Atelier. Any number of them may run: each duty looks at SQL,
//! takes what nobody else has taken, and leaves the rest.

mod cron;
mod duty;
mod eviction;
mod gauges;
mod pace;
mod presence;
mod reclaimer;
mod relay;
mod rescuer;
mod run;
mod scaling;

pub use cron::Cron;
pub use duty::{Duty, Next, perform};
pub use eviction::EvictionWatch;
pub use gauges::Gauges;
pub use presence::Presence;
pub use reclaimer::Reclaimer;
pub use relay::Relay;
pub use rescuer::Rescuer;
pub use run::{SchedulerOptions, run};
pub use scaling::Scaling;
