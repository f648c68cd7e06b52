//! The worker of Atelier: one short handler for each kind of job, which calls the
//! service and answers an outcome. How jobs are claimed, timed, retried and
//! finished is `atelier-queue`'s.

mod handlers;
mod register;
mod run;

pub use register::registry;
pub use run::run;
