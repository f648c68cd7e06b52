//! The job queue: jobs, their history, and the processes that run them.

pub(crate) mod enums;
pub(crate) mod ids;
pub mod job_attempts;
pub mod job_events;
pub mod jobs;
pub mod queues;
pub mod running_jobs;
pub mod schedulers;
pub mod schedules;
pub mod throttles;
pub mod workers;
