//! How the parts of the platform are.

use atelier_entities::schedulers;
use atelier_ops::host::{HostFacts, Space};
use atelier_queue::transport::ServerFacts;
use atelier_services::admin::{DatabaseFacts, HealthReport, Probe, Status};
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{QueueView, WorkerView};
use crate::schema::{ToSchema, sets};

/// A disk or a memory with less of it left, as a part of all, should be looked at.
const SCARCE: f64 = 0.10;
/// With less than this it is as good as full.
const FULL: f64 = 0.01;

/// How the parts of the platform are.
#[derive(Serialize, ToSchema)]
pub(crate) struct SystemHealthView {
    /// The worst of all.
    #[schema(value_type = sets::PartHealth)]
    status: &'static str,
    /// Version of the process that answers.
    version: &'static str,
    /// Seconds since it started.
    uptime_secs: u64,
    /// When the parts were asked.
    checked_at: DateTime<Utc>,
    /// The SQL database.
    database: DatabasePart,
    /// What carries ids of jobs: Redis, or the memory of an embedded instance.
    redis: TransportPart,
    /// The queues.
    queues: QueuesPart,
    /// The live worker processes.
    workers: WorkersPart,
    /// The live schedulers.
    schedulers: SchedulersPart,
    /// The disk of the data folder of the process that answers.
    disk: DiskPart,
    /// The memory of its machine.
    memory: MemoryPart,
}

/// How a part is.
#[derive(Serialize, ToSchema)]
pub(crate) struct PartStateView {
    /// In a word.
    #[schema(value_type = sets::PartHealth)]
    status: &'static str,
    /// What is wrong with it, for programs.
    #[schema(value_type = Option<sets::PartFaultCode>)]
    code: Option<&'static str>,
    /// What is wrong with it, in a sentence.
    fault: Option<String>,
    /// Milliseconds that the answer took.
    latency_ms: Option<f64>,
}

/// A part of the platform before it is shown.
struct Part<T> {
    state: PartStateView,
    facts: Option<T>,
}

/// How each part is, with what it tells: a schema of its own for each kind of facts.
macro_rules! part_views {
    ($($(#[$meaning:meta])* $name:ident: $facts:ty;)+) => {$(
        $(#[$meaning])*
        #[derive(Serialize, ToSchema)]
        pub(crate) struct $name {
            #[serde(flatten)]
            state: PartStateView,
            /// What it tells of itself; null where it did not answer.
            facts: Option<$facts>,
        }

        impl From<Part<$facts>> for $name {
            fn from(part: Part<$facts>) -> Self {
                Self { state: part.state, facts: part.facts }
            }
        }
    )+};
}

part_views! {
    /// How the database is.
    DatabasePart: DatabaseView;
    /// How the transport is.
    TransportPart: RedisView;
    /// How the queues are.
    QueuesPart: Vec<QueueView>;
    /// How the workers are.
    WorkersPart: Vec<WorkerView>;
    /// How the schedulers are.
    SchedulersPart: Vec<SchedulerView>;
    /// How the disk is.
    DiskPart: SpaceView;
    /// How the memory is.
    MemoryPart: MemoryView;
}

/// What the database tells of itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct DatabaseView {
    /// Which one.
    #[schema(value_type = sets::DatabaseEngine)]
    engine: &'static str,
    /// Its version.
    version: String,
    /// Bytes it takes.
    size_bytes: i64,
    /// Connections that the answering process has open.
    connections: u32,
    /// Those of them that nobody uses.
    idle_connections: u32,
    /// Most connections of the process.
    max_connections: u32,
}

/// What the transport tells of itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct RedisView {
    /// Which one; in-process where there is no Redis.
    #[schema(value_type = sets::Transport)]
    transport: &'static str,
    /// Its version.
    version: Option<String>,
    /// Seconds since it started.
    uptime_secs: Option<u64>,
    /// Connections of clients.
    clients: Option<u64>,
    /// Bytes its data takes.
    used_memory_bytes: Option<u64>,
    /// Most bytes its data may take; 0 is unbounded.
    max_memory_bytes: Option<u64>,
    /// What it does when its memory is full.
    #[schema(example = "noeviction")]
    eviction_policy: Option<String>,
}

/// A scheduler process.
#[derive(Serialize, ToSchema)]
pub(crate) struct SchedulerView {
    /// One run of the process; a restart gets another.
    id: Uuid,
    /// Its machine.
    host: String,
    /// Its process id there.
    pid: i32,
    /// Its version.
    version: String,
    /// When it started.
    started_at: DateTime<Utc>,
    /// When it was last heard of.
    heartbeat_at: DateTime<Utc>,
}

impl From<schedulers::Model> for SchedulerView {
    fn from(row: schedulers::Model) -> Self {
        let schedulers::Model { id, host, pid, version, started_at, heartbeat_at } = row;
        Self { id: id.0, host, pid, version, started_at, heartbeat_at }
    }
}

/// How much there is and how much is left.
#[derive(Serialize, ToSchema)]
pub(crate) struct SpaceView {
    /// All of it.
    total_bytes: u64,
    /// What can still be used.
    available_bytes: u64,
}

/// Memory.
#[derive(Serialize, ToSchema)]
pub(crate) struct MemoryView {
    /// All of the machine's.
    total_bytes: u64,
    /// What can still be used of it.
    available_bytes: u64,
    /// What the answering process takes.
    process_resident_bytes: Option<u64>,
    /// CPU time of the process in seconds.
    process_cpu_seconds: Option<f64>,
}

impl SystemHealthView {
    /// The view of what the parts and the machine told, the machine where it did.
    pub(crate) fn new(report: HealthReport, host: Option<&HostFacts>, checked_at: DateTime<Utc>) -> Self {
        let overall = report.status();
        let transport = report.transport_name;
        let disk = host_part(host, |host| host.disk);
        let memory = host_part(host, |host| host.memory);
        let overall = overall.max(disk.status).max(memory.status);
        let memory_view = |space: Space| MemoryView {
            total_bytes: space.total,
            available_bytes: space.available,
            process_resident_bytes: host.and_then(|host| host.process_resident_bytes),
            process_cpu_seconds: host.and_then(|host| host.process_cpu_seconds),
        };
        let mut redis = Part::new(report.transport, |facts| RedisView::new(transport, facts));
        if redis.facts.is_none() && redis.state.status == Status::Ok.as_str() {
            redis.facts = Some(RedisView::new(transport, ServerFacts::default()));
        }
        Self {
            status: overall.as_str(),
            version: env!("CARGO_PKG_VERSION"),
            uptime_secs: host.map_or(0, |host| host.uptime.as_secs()),
            checked_at,
            database: Part::new(report.database, DatabaseView::from).into(),
            redis: redis.into(),
            queues: Part::of_rows(report.queues).into(),
            workers: Part::of_rows(report.workers).into(),
            schedulers: Part::of_rows(report.schedulers).into(),
            disk: disk.view(SpaceView::from).into(),
            memory: memory.view(memory_view).into(),
        }
    }
}

impl<T> Part<T> {
    fn new<F>(probe: Probe<F>, view: impl FnOnce(F) -> T) -> Self {
        let state = PartStateView {
            status: probe.status.as_str(),
            code: probe.code,
            fault: probe.fault,
            latency_ms: Some(probe.latency.as_secs_f64() * 1000.0),
        };
        Self { state, facts: probe.facts.map(view) }
    }
}

impl<T> Part<Vec<T>> {
    fn of_rows<F: Into<T>>(probe: Probe<Vec<F>>) -> Self {
        Self::new(probe, |rows| rows.into_iter().map(F::into).collect())
    }
}

impl From<Space> for SpaceView {
    fn from(space: Space) -> Self {
        Self { total_bytes: space.total, available_bytes: space.available }
    }
}

impl From<DatabaseFacts> for DatabaseView {
    fn from(facts: DatabaseFacts) -> Self {
        let DatabaseFacts { engine, version, size_bytes, connections, idle_connections, max_connections } =
            facts;
        Self { engine, version, size_bytes, connections, idle_connections, max_connections }
    }
}

impl RedisView {
    fn new(transport: &'static str, facts: ServerFacts) -> Self {
        Self {
            transport,
            version: facts.version,
            uptime_secs: facts.uptime_secs,
            clients: facts.clients,
            used_memory_bytes: facts.used_memory,
            max_memory_bytes: facts.eviction.as_ref().map(|eviction| eviction.max_memory),
            eviction_policy: facts.eviction.map(|eviction| eviction.policy),
        }
    }
}

/// A part of the machine.
struct HostPart {
    status: Status,
    code: Option<&'static str>,
    fault: Option<String>,
    space: Option<Space>,
}

impl HostPart {
    fn view<T>(self, view: impl FnOnce(Space) -> T) -> Part<T> {
        let state = PartStateView {
            status: self.status.as_str(),
            code: self.code,
            fault: self.fault,
            latency_ms: None,
        };
        Part { state, facts: self.space.map(view) }
    }
}

/// What the system does not tell is no fault; a machine that does not answer is.
fn host_part(host: Option<&HostFacts>, find: impl FnOnce(&HostFacts) -> Option<Space>) -> HostPart {
    let Some(host) = host else {
        let fault = Some("The machine did not tell in time.".to_owned());
        return HostPart { status: Status::Down, code: Some("NO_ANSWER"), fault, space: None };
    };
    let space = find(host);
    let (status, told) = space.map_or((Status::Ok, None), assess);
    let (code, fault) = told.unzip();
    HostPart { status, code, fault: fault.map(str::to_owned), space }
}

#[expect(clippy::cast_precision_loss, reason = "a part of a disk, to a few digits")]
fn assess(space: Space) -> (Status, Option<(&'static str, &'static str)>) {
    let left = space.available as f64 / (space.total.max(1)) as f64;
    if left < FULL {
        (Status::Down, Some(("FULL", "It is full.")))
    } else if left < SCARCE {
        (Status::Degraded, Some(("SCARCE", "Less than a tenth of it is left.")))
    } else {
        (Status::Ok, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_scarce_is_told() {
        for (available, status) in [
            (0, Status::Down),
            (9, Status::Down),
            (10, Status::Degraded),
            (99, Status::Degraded),
            (100, Status::Ok),
            (1_000, Status::Ok),
        ] {
            assert_eq!(assess(Space { total: 1_000, available }).0, status, "{available}");
        }
        assert_eq!(assess(Space { total: 0, available: 0 }).0, Status::Down);
    }

    #[test]
    fn a_machine_that_does_not_answer_is_down_and_one_that_does_not_tell_is_not() {
        let silent = host_part(None, |host| host.disk);
        let mute = host_part(Some(&HostFacts::default()), |host| host.disk);

        assert_eq!((silent.status, mute.status), (Status::Down, Status::Ok));
    }
}
