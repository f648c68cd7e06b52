//! The assembly of Atelier: the list of its domains, and the services that span all of
//! them.

mod assembly;
mod job_control;
mod modules;
mod options;
mod schedule_control;
mod services;

pub mod admin;
pub mod maintenance;
pub mod stats;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use job_control::JobControlError;
pub use modules::{effects, kinds, mail_templates, modules, observers, periodic, recurring, registry};
pub use options::{ModuleOptions, ServiceOptions};
pub use schedule_control::ScheduleControlError;
pub use services::{Deps, Services};
