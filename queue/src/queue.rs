//! The queue as services, workers and schedulers hold it, its transactions, and the
//! effects of ended jobs.

use std::{fmt, sync::Arc, time::Duration};

use atelier_entities::Timestamp;
use futures::future::BoxFuture;
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};
use tokio_util::task::TaskTracker;

use crate::{
    bus::Bus, clock::Clock, error::QueueError, group::Group, guarded::Guarded, pushed::PushedIds,
    run_times::RunTimes, transport::Transport, write_probe::WriteProbes,
};

mod access;
mod begin;
mod commit;
mod dispatch;
mod effects;
mod notes;
mod probes;
mod transaction;

use begin::Begin;
pub use commit::count_commits;
pub(crate) use commit::note_commit;
pub(crate) use effects::Affecting;
pub use effects::{Effect, Effects, EndedJob};
pub use transaction::Transaction;

/// Settings of the queue: the same in every process of an installation.
#[derive(Clone, Debug)]
pub struct QueueOptions {
    /// Time between two heartbeats of a worker. A lease lasts twice as long.
    pub heartbeat: Duration,
    /// Most ids of due jobs that the transport keeps for each queue.
    pub window: usize,
    /// Most bytes of a job's args.
    pub max_args_bytes: usize,
    /// Most bytes of a job's result.
    pub max_result_bytes: usize,
    /// Most log lines kept of one job.
    pub max_log_lines: u32,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(5),
            window: 1_000,
            max_args_bytes: 64 * 1024,
            max_result_bytes: 256 * 1024,
            max_log_lines: 1_000,
        }
    }
}

/// The right to write to SQLite; dropping it lets the next writer in.
pub(crate) struct WriteTurn(#[expect(dead_code, reason = "held, never read")] Option<OwnedSemaphorePermit>);

impl WriteTurn {
    /// The turn of a savepoint: the transaction around it holds the real one.
    const fn of_savepoint() -> Self {
        Self(None)
    }
}

/// Longest wait for a turn. After that SQLite's own lock decides.
const WRITE_TURN_BOUND: Duration = Duration::from_secs(5);

/// Sets the gauges of a domain from the database.
pub type Observe = for<'a> fn(&'a Queue) -> BoxFuture<'a, Result<(), QueueError>>;

/// Work of a domain that every scheduler does again and again, with other schedulers at the same time.
#[derive(Clone, Copy)]
pub struct Periodic {
    /// Its name in log lines.
    pub name: &'static str,
    /// The time between two passes that find nothing more to do.
    pub interval: Duration,
    /// Does a batch of the work, and answers whether there may be more.
    pub run: for<'a> fn(&'a Queue) -> BoxFuture<'a, Result<bool, QueueError>>,
}

impl fmt::Debug for Periodic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Periodic").field(&self.name).finish()
    }
}

/// The queue. Clones are cheap and share everything.
#[derive(Clone)]
pub struct Queue {
    inner: Arc<Inner>,
}

struct Inner {
    db: DatabaseConnection,
    transport: Arc<dyn Transport>,
    bus: Arc<dyn Bus>,
    clock: Clock,
    effects: Effects,
    options: QueueOptions,
    write_turns: Option<Arc<Semaphore>>,
    group: Group,
    run_times: RunTimes,
    announcements: TaskTracker,
    pushed: PushedIds,
    probes: WriteProbes,
}

impl Queue {
    /// A queue on this database that dispatches over this transport.
    #[must_use]
    pub fn new(
        db: DatabaseConnection,
        transport: Arc<dyn Transport>,
        bus: Arc<dyn Bus>,
        effects: Effects,
        options: QueueOptions,
    ) -> Self {
        let clock = Clock::default();
        let one_writer = db.get_database_backend() == DatabaseBackend::Sqlite;
        let write_turns = one_writer.then(|| Arc::new(Semaphore::new(1)));
        let (group, run_times) = (Group::default(), RunTimes::default());
        let announcements = TaskTracker::new();
        // A closed tracker can be waited for; it still takes tasks.
        announcements.close();
        let inner = Inner {
            db,
            transport,
            bus,
            clock,
            effects,
            options,
            write_turns,
            group,
            run_times,
            announcements,
            pushed: PushedIds::default(),
            probes: WriteProbes::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &DatabaseConnection {
        &self.inner.db
    }

    /// The clock of the queue.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The present time of that clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// The settings.
    #[must_use]
    pub fn options(&self) -> &QueueOptions {
        &self.inner.options
    }

    /// The transport, which carries ids to workers.
    #[must_use]
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.inner.transport
    }

    /// The bus, which carries messages between processes.
    #[must_use]
    pub fn bus(&self) -> &Arc<dyn Bus> {
        &self.inner.bus
    }

    /// Whether transactions may fail by a [`Transient::Conflict`](crate::Transient::Conflict).
    /// SQLite has one writer at a time, and so no conflicts.
    #[must_use]
    pub fn may_conflict(&self) -> bool {
        self.inner.db.get_database_backend() == DatabaseBackend::Postgres
    }

    /// The effects of ended jobs.
    #[must_use]
    pub fn effects(&self) -> &Effects {
        &self.inner.effects
    }

    /// [`Queue::begin`] on a connection of its own.
    async fn begin_now(&self) -> Result<Transaction, QueueError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let turn = self.write_turn().await;
        let db = &self.inner.db;
        let inner = if db.get_database_backend() == DatabaseBackend::Postgres {
            let db = db.clone();
            Begin::new(Box::pin(async move { db.begin_with_options(options).await })).await?
        } else {
            db.begin_with_options(options).await?
        };
        Ok(Transaction::new(self.clone(), Guarded::new(inner), turn))
    }

    /// [`Queue::begin`] with a bound on idle time, for transactions that lock rows which
    /// other processes take over when a lease expires. Should this process stall or its
    /// host vanish, PostgreSQL rolls back after a heartbeat and frees the locks.
    pub(crate) async fn begin_brief(&self) -> Result<Transaction, QueueError> {
        let tx = self.begin().await?;
        if self.inner.db.get_database_backend() == DatabaseBackend::Postgres {
            let bound = self.inner.options.heartbeat.as_millis();
            let sql = format!("SET LOCAL idle_in_transaction_session_timeout = {bound}");
            tx.execute_unprepared(&sql).await?;
        }
        Ok(tx)
    }

    /// Waits for the turn to write. SQLite has one writer at a time and makes the others
    /// poll; here they queue up in order. On PostgreSQL this does nothing.
    pub(crate) async fn write_turn(&self) -> WriteTurn {
        let Some(turns) = &self.inner.write_turns else { return WriteTurn(None) };
        let turn = time::timeout(WRITE_TURN_BOUND, turns.clone().acquire_owned()).await;
        WriteTurn(turn.ok().and_then(Result::ok))
    }

    pub(crate) fn run_times(&self) -> &RunTimes {
        &self.inner.run_times
    }

    pub(crate) fn pushed(&self) -> &PushedIds {
        &self.inner.pushed
    }

    fn probes(&self) -> &WriteProbes {
        &self.inner.probes
    }

    pub(crate) fn group(&self) -> &Group {
        &self.inner.group
    }

    /// Whether it is the same queue.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("transport", &self.inner.transport.name()).finish_non_exhaustive()
    }
}
