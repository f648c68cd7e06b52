//! The health of the platform. All parts are probed concurrently, each with a time limit,
//! so that one that hangs delays nobody.

mod database;

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use atelier_entities::{schedulers, workers};
use atelier_queue::{
    Fault, QueueName,
    inspect::QueueOverview,
    transport::{Eviction, ServerFacts},
};

use super::Admin;

pub use database::DatabaseFacts;

/// Time limit of a probe.
pub const PROBE_LIMIT: Duration = Duration::from_secs(2);
/// A probe that takes longer is slow.
const SLOW: Duration = Duration::from_millis(500);
/// A queue whose oldest due job is older lags behind.
const LAGGING_SECS: f64 = 300.0;

/// The status of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Healthy.
    Ok,
    /// It works, but needs attention.
    Degraded,
    /// It does not work.
    Down,
}

impl Status {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}

/// The result of a probe.
#[derive(Clone, Debug)]
pub struct Probe<T> {
    /// The status.
    pub status: Status,
    /// The code of the fault.
    pub code: Option<&'static str>,
    /// The fault in a sentence.
    pub fault: Option<String>,
    /// Duration of the probe.
    pub latency: Duration,
    /// The facts that it reported; none if it did not respond.
    pub facts: Option<T>,
}

/// The health of the platform.
#[derive(Clone, Debug)]
pub struct HealthReport {
    /// The SQL database.
    pub database: Probe<DatabaseFacts>,
    /// The transport of job ids: Redis, or the memory of this process.
    pub transport: Probe<ServerFacts>,
    /// The transport's name: `redis` or `in-process`.
    pub transport_name: &'static str,
    /// The queues.
    pub queues: Probe<Vec<QueueOverview>>,
    /// The live worker processes.
    pub workers: Probe<Vec<workers::Model>>,
    /// The live schedulers.
    pub schedulers: Probe<Vec<schedulers::Model>>,
}

impl HealthReport {
    /// The worst status of all parts.
    #[must_use]
    pub fn status(&self) -> Status {
        let all = [
            self.database.status,
            self.transport.status,
            self.queues.status,
            self.workers.status,
            self.schedulers.status,
        ];
        all.into_iter().max().unwrap_or(Status::Ok)
    }
}

/// The assessment of a part that responded: its status and, for a fault, the code and a
/// sentence.
type Assessment = (Status, Option<(&'static str, String)>);

const HEALTHY: Assessment = (Status::Ok, None);

fn degraded(code: &'static str, fault: impl Into<String>) -> Assessment {
    (Status::Degraded, Some((code, fault.into())))
}

fn down(code: &'static str, fault: impl Into<String>) -> Assessment {
    (Status::Down, Some((code, fault.into())))
}

/// A fault that blocks the queue takes precedence over the facts.
fn fault_or(fault: Option<Fault>, assessment: impl FnOnce() -> Assessment) -> Assessment {
    fault.map_or_else(assessment, |fault| down(fault.code(), sentence(fault.cause())))
}

fn sentence(cause: &str) -> String {
    let mut letters = cause.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

impl Admin {
    /// The health of the platform.
    pub async fn health(&self) -> HealthReport {
        let queue = &self.queue;
        let transport = queue.transport();
        // Read first: the probes below use connections themselves.
        let pool = database::pool(queue.db()).await;
        let database = async {
            let (fault, facts) = tokio::join!(queue.database_fault(), database::ask(queue.db(), pool));
            Ok::<_, Infallible>((fault, facts.ok()))
        };
        let carrier = async {
            let (fault, facts) = tokio::join!(queue.transport_fault(), transport.facts());
            Ok::<_, Infallible>((fault, facts.ok().flatten()))
        };
        let (database, carrier, queues, workers, schedulers) = tokio::join!(
            probe("database", database, |(fault, facts)| {
                fault_or(*fault, || facts.as_ref().map_or_else(no_facts, DatabaseFacts::assess))
            }),
            probe("transport", carrier, |(fault, facts)| fault_or(*fault, || assess_transport(
                facts.as_ref()
            ))),
            probe("queues", queue.queue_overview(), |queues| assess_queues(queues)),
            probe("workers", queue.list_workers(), |workers| assess_workers(workers)),
            probe("schedulers", queue.list_schedulers(), |schedulers| assess_schedulers(schedulers)),
        );
        HealthReport {
            database: database.and_then(|(_, facts)| facts),
            transport: carrier.and_then(|(_, facts)| facts),
            transport_name: transport.name(),
            queues,
            workers,
            schedulers,
        }
    }
}

/// It accepts writes, but the query for facts failed.
fn no_facts() -> Assessment {
    degraded("UNTOLD", "It tells nothing of itself.")
}

impl<T> Probe<T> {
    /// The same probe with a part of its facts.
    fn and_then<U>(self, part: impl FnOnce(T) -> Option<U>) -> Probe<U> {
        let Self { status, code, fault, latency, facts } = self;
        Probe { status, code, fault, latency, facts: facts.and_then(part) }
    }
}

async fn probe<T, E: std::fmt::Display>(
    name: &'static str,
    ask: impl Future<Output = Result<T, E>>,
    assess: impl FnOnce(&T) -> Assessment,
) -> Probe<T> {
    let started = Instant::now();
    let answer = tokio::time::timeout(PROBE_LIMIT, ask).await;
    let latency = started.elapsed();
    let ((status, fault), facts) = match answer {
        Ok(Ok(facts)) => match assess(&facts) {
            (Status::Ok, _) if latency > SLOW => (degraded("SLOW", "It answers slowly."), Some(facts)),
            assessment => (assessment, Some(facts)),
        },
        Ok(Err(error)) => {
            tracing::warn!(part = name, %error, "a health probe failed");
            (down("REFUSED", "It answered with an error: the log has more."), None)
        }
        Err(_late) => (down("NO_ANSWER", "It did not answer in time."), None),
    };
    let (code, fault) = fault.unzip();
    Probe { status, code, fault, latency, facts }
}

fn assess_transport(facts: Option<&ServerFacts>) -> Assessment {
    let risk = facts.and_then(|facts| facts.eviction.as_ref()).filter(|eviction| eviction.is_risky());
    risk.map_or(HEALTHY, |eviction: &Eviction| {
        degraded("MAY_EVICT", format!("It may drop keys of the queue when its memory is full: {eviction}."))
    })
}

fn assess_queues(queues: &[QueueOverview]) -> Assessment {
    let lagging = |queue: &&QueueOverview| {
        !queue.is_paused() && queue.oldest_age_secs.is_some_and(|age| age > LAGGING_SECS)
    };
    let names = |wanted: Vec<&QueueOverview>| {
        wanted.iter().map(|queue| queue.queue.as_str()).collect::<Vec<_>>().join(", ")
    };
    let lagging = names(queues.iter().filter(lagging).collect());
    if !lagging.is_empty() {
        return degraded("LAGGING", format!("Jobs wait for more than {LAGGING_SECS} s in: {lagging}."));
    }
    let paused = names(queues.iter().filter(|queue| queue.is_paused()).collect());
    if paused.is_empty() { HEALTHY } else { degraded("PAUSED", format!("Paused: {paused}.")) }
}

fn assess_workers(workers: &[workers::Model]) -> Assessment {
    let working: Vec<_> = workers.iter().filter(|worker| !worker.draining).collect();
    if working.is_empty() {
        return down("NO_WORKER", "No worker takes jobs.");
    }
    let serves = |queue: QueueName| {
        working.iter().any(|worker| worker.queues.get(queue.as_str()).is_some_and(|slots| !slots.is_null()))
    };
    let unserved: Vec<_> =
        QueueName::ALL.into_iter().filter(|queue| !serves(*queue)).map(QueueName::as_str).collect();
    if unserved.is_empty() {
        HEALTHY
    } else {
        degraded("UNSERVED", format!("No worker takes jobs of: {}.", unserved.join(", ")))
    }
}

fn assess_schedulers(schedulers: &[schedulers::Model]) -> Assessment {
    if schedulers.is_empty() { down("NO_SCHEDULER", "No scheduler runs.") } else { HEALTHY }
}

#[cfg(test)]
mod tests;
