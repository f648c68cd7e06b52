//! The worker of Atelier: runs jobs with the handlers of all domains. `atelier-queue` claims,
//! times, retries and finishes them.

mod run;

pub use run::run;
