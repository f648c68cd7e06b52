//! The queue's front: what services, workers and schedulers hold.

use std::{collections::HashMap, sync::Arc, time::Duration};

use atelier_entities::{JobId, Timestamp};
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
    bus::{Bus, Message},
    clock::Clock,
    effects::Effects,
    enqueue::{Transaction, group::Group},
    error::QueueError,
    guarded::Guarded,
    inspect::RunTimes,
    name::QueueName,
    pulse::Pulses,
    relay::Offered,
    transport::Transport,
};

/// Settings of the machine; the same in every process of an installation.
#[derive(Clone, Debug)]
pub struct QueueOptions {
    /// Between two heartbeats of a worker; a lease lasts two.
    pub heartbeat: Duration,
    /// Ids of due jobs kept in the transport for each queue.
    pub window: usize,
    /// Bounds in bytes.
    pub max_args_bytes: usize,
    /// Bound in bytes.
    pub max_result_bytes: usize,
    /// Log lines kept of one job.
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

/// A turn to write; it ends when this is dropped.
pub(crate) struct WriteTurn(#[expect(dead_code, reason = "held, never read")] Option<OwnedSemaphorePermit>);

impl WriteTurn {
    /// The turn of a transaction within another one, which has it.
    pub(crate) const fn of_another() -> Self {
        Self(None)
    }
}

/// Longest wait for a turn; then SQLite itself decides.
const WRITE_TURN_BOUND: Duration = Duration::from_secs(5);

/// The job machine. Cheap to clone; every clone is the same one.
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
    announcing: TaskTracker,
    offered: Offered,
    pulses: Pulses,
}

impl Queue {
    /// A queue on this database, dispatching over this transport.
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
        let announcing = TaskTracker::new();
        // So that waiting for it ends whenever nothing is under way.
        announcing.close();
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
            announcing,
            offered: Offered::default(),
            pulses: Pulses::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &DatabaseConnection {
        &self.inner.db
    }

    /// The clock the queue goes by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The present by that clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Its settings.
    #[must_use]
    pub fn options(&self) -> &QueueOptions {
        &self.inner.options
    }

    /// What carries ids to workers.
    #[must_use]
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.inner.transport
    }

    /// What carries changes to those who watch.
    #[must_use]
    pub fn bus(&self) -> &Arc<dyn Bus> {
        &self.inner.bus
    }

    /// What jobs' ends change in the product.
    #[must_use]
    pub fn effects(&self) -> &Effects {
        &self.inner.effects
    }

    /// [`Queue::begin`] on a connection of its own.
    pub(crate) async fn begin_now(&self) -> Result<Transaction, QueueError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let turn = self.write_turn().await;
        let inner = self.inner.db.begin_with_options(options).await?;
        Ok(Transaction::new(self.clone(), Guarded::new(inner), turn))
    }

    /// [`Queue::begin`] for what holds rows that others take over once their lease has
    /// run out. Should this process stand still in the midst of it, or its host vanish,
    /// PostgreSQL undoes it after a heartbeat instead of keeping its locks.
    pub(crate) async fn begin_brief(&self) -> Result<Transaction, QueueError> {
        let tx = self.begin().await?;
        if self.inner.db.get_database_backend() == DatabaseBackend::Postgres {
            let bound = self.inner.options.heartbeat.as_millis();
            let sql = format!("SET LOCAL idle_in_transaction_session_timeout = {bound}");
            tx.execute_unprepared(&sql).await?;
        }
        Ok(tx)
    }

    /// SQLite has one writer at a time, and lets the others sleep and look again.
    /// Here they queue up instead, so that none sleeps past its turn. PostgreSQL
    /// needs none of it.
    pub(crate) async fn write_turn(&self) -> WriteTurn {
        let Some(turns) = &self.inner.write_turns else { return WriteTurn(None) };
        let turn = time::timeout(WRITE_TURN_BOUND, turns.clone().acquire_owned()).await;
        WriteTurn(turn.ok().and_then(Result::ok))
    }

    pub(crate) fn run_times(&self) -> &RunTimes {
        &self.inner.run_times
    }

    pub(crate) fn offered(&self) -> &Offered {
        &self.inner.offered
    }

    pub(crate) fn pulses(&self) -> &Pulses {
        &self.inner.pulses
    }

    pub(crate) fn group(&self) -> &Group {
        &self.inner.group
    }

    /// Hands what was committed to the transport and tells its watchers. Over a
    /// network this goes on beside the caller: an acknowledged commit does not wait
    /// for Redis.
    pub(crate) async fn announce(&self, jobs: Vec<(QueueName, JobId)>, changed: Vec<JobId>) {
        if jobs.is_empty() && changed.is_empty() {
            return;
        }
        // At once: whoever is told of the commit and asks sees it.
        self.inner.bus.local().heads().forget(&changed);
        let queue = self.clone();
        let announcing = async move {
            let mut by_queue: HashMap<QueueName, Vec<JobId>> = HashMap::new();
            for (name, id) in jobs {
                by_queue.entry(name).or_default().push(id);
            }
            for (name, ids) in by_queue {
                queue.dispatch(name, &ids).await;
            }
            queue.tell_watchers(changed).await;
        };
        self.beside(announcing).await;
    }

    /// Tells the workers that run these jobs to stop them, in the same way.
    pub(crate) async fn announce_stops(&self, jobs: Vec<JobId>) {
        if jobs.is_empty() {
            return;
        }
        let queue = self.clone();
        let announcing = async move {
            for id in jobs {
                queue.bus().publish(Message::Cancel(id)).await;
            }
        };
        self.beside(announcing).await;
    }

    /// Waits until everything that this process has committed is told to the others, and
    /// answers whether that came about in time. A process that ends without it leaves
    /// ids to the relay, and cancellations to the next heartbeat of whoever runs the job.
    pub async fn flush(&self, bound: Duration) -> bool {
        time::timeout(bound, self.inner.announcing.wait()).await.is_ok()
    }

    /// Whether it is the same queue.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(crate) async fn beside(&self, announcing: impl Future<Output = ()> + Send + 'static) {
        if self.inner.transport.is_remote() {
            self.inner.announcing.spawn(announcing);
        } else {
            announcing.await;
        }
    }

    /// Hands committed jobs to the transport. Failing is harmless, so it only tells
    /// the log: the relay finds them.
    async fn dispatch(&self, queue: QueueName, ids: &[JobId]) {
        if ids.is_empty() {
            return;
        }
        if let Err(error) = self.inner.transport.push(queue, ids, self.inner.options.window).await {
            tracing::warn!(%queue, jobs = ids.len(), %error, "not dispatched now; the relay will");
            crate::metrics::dispatch_failed(queue);
            self.heed(&error.into());
        }
    }

    /// Tells whoever watches these jobs that they changed.
    pub(crate) async fn tell_watchers(&self, ids: Vec<JobId>) {
        if !ids.is_empty() {
            self.inner.bus.local().heads().forget(&ids);
            self.inner.bus.publish(Message::Changed(ids)).await;
        }
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("transport", &self.inner.transport.name()).finish_non_exhaustive()
    }
}
