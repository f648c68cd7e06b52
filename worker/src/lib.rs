//! The worker of Atelier: runs the jobs of every domain by the handlers that its modules
//! offer. How jobs are claimed, timed, retried and finished is `atelier-queue`'s.

mod run;

pub use run::run;
