//! The job machine of Atelier.
//!
//! SQL is the truth: a job is a row, written in the transaction of whoever asks for
//! it. A transport — Redis through apalis-redis, or this process's memory — carries
//! the ids of due jobs to the workers and may lose them at any time: the relay
//! carries them again. A worker claims rows under a lease and a fence, runs the
//! handler, and writes the end guarded by that fence, so that an attempt has one
//! winner. `docs/jobs.md` tells the way of a job in full.

mod access;
mod clock;
mod commit;
mod context;
mod effects;
mod enqueue;
mod error;
mod fault;
mod guarded;
mod job;
mod limits;
mod name;
mod outcome;
mod pulse;
mod queue;
mod rank;
mod registry;
mod retry;
mod seldom;
mod transient;

pub mod bus;
pub mod inspect;
pub mod metrics;
pub mod presence;
pub mod relay;
pub mod rescue;
pub mod retention;
pub mod schedule;
pub mod state;
pub mod testing;
pub mod transport;
pub mod watch;
pub mod worker;

mod store;

pub use clock::Clock;
pub use commit::count_commits;
pub use context::{JobContext, LogLevel, Progress};
pub use effects::{Effect, Effects, EndedJob};
pub use enqueue::{Enqueued, NewJob, Origin, Transaction};
pub use error::{EffectError, QueueError, TransportError};
pub use fault::Fault;
pub use guarded::Guarded;
pub use job::{Job, KindInfo, Lane, Policy};
pub use limits::{QueueLimits, Rate};
pub use name::QueueName;
pub use outcome::{Disposition, Ending, JobError, Outcome, Settlement, Standing, settle, settle_lost};
pub use queue::{Queue, QueueOptions};
pub use registry::{Handler, Registry};
pub use retry::Backoff;
pub use transient::Transient;
