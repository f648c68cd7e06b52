//! The job queue of Atelier. SQL is the truth; a transport carries the ids of due jobs to
//! workers and may lose them. `docs/jobs.md` describes it in full. A job goes through:
//!
//! 1. **enqueue** (`enqueue`): the row is inserted in the caller's [`Transaction`]. After the
//!    commit `queue::dispatch` pushes its id to the [`transport`].
//! 2. **relay** ([`relay`]): every scheduler makes due jobs available and pushes what the
//!    transport does not have.
//! 3. **claim** (`worker::claim_loop`, `claim`): a worker pops ids and takes as many jobs, in
//!    the order of their `rank`, under one `lease` and each with a new fence.
//! 4. **execute** (`worker::execute`): the handler of the [`Registry`] runs with a
//!    [`JobContext`].
//! 5. **settle** (`settle`): one function turns the end of the attempt into the next state.
//! 6. **finish** (`worker::finisher`, `finish`): ends are written in batches, guarded by the
//!    fence. [`rescue`] ends the attempts of workers that are gone.
//! 7. **effect** (`queue::effects`): the end changes the product in the same transaction.

mod claim;
mod clock;
mod context;
mod enqueue;
mod error;
mod fault;
mod finish;
mod group;
mod guarded;
mod job;
mod lease;
mod limits;
mod log_throttle;
mod name;
mod new_job;
mod outcome;
mod progress;
mod pushed;
mod queue;
mod rank;
mod registry;
mod retry;
mod run_times;
mod settle;
mod store;
mod transient;
mod write_probe;

pub mod bus;
pub mod inspect;
pub mod metrics;
pub mod relay;
pub mod removal;
pub mod rescue;
pub mod retention;
pub mod schedule;
pub mod scheduler_heartbeat;
pub mod state;
pub mod testing;
pub mod transport;
pub mod watch;
pub mod worker;

pub use clock::Clock;
pub use context::{JobContext, LogLevel, Progress};
pub use error::{EffectError, QueueError, TransportError};
pub use fault::Fault;
pub use guarded::Guarded;
pub use job::{Job, KindInfo, Lane, Policy};
pub use limits::{QueueLimits, Rate};
pub use name::QueueName;
pub use new_job::{Enqueued, NewJob, Origin};
pub use outcome::{Disposition, JobError, Outcome};
pub use queue::{
    Effect, Effects, EndedJob, Observe, Periodic, Queue, QueueOptions, Transaction, count_commits,
};
pub use registry::{Handler, Registry};
pub use retry::Backoff;
pub use settle::{AttemptFacts, Ending, Settlement, settle, settle_lost};
pub use store::{
    answered,
    sql::{Sql, without_nul},
};
pub use transient::Transient;
