//! How the parts of the platform are, each asked in bounded time and all at once: one
//! that hangs holds up nobody.

mod database;

use std::time::{Duration, Instant};

use atelier_entities::{schedulers, workers};
use atelier_queue::{
    QueueName,
    inspect::QueueOverview,
    transport::{Eviction, ServerFacts},
};

use super::Admin;

pub use database::DatabaseFacts;

/// Longest a part may take to answer.
pub const PROBE_LIMIT: Duration = Duration::from_secs(2);
/// A part that takes longer is slow.
const SLOW: Duration = Duration::from_millis(500);
/// A queue whose oldest due job waits longer lags behind.
const LAGGING_SECS: f64 = 300.0;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// As it should be.
    Ok,
    /// It works, but somebody should look at it.
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

/// How a part is.
#[derive(Clone, Debug)]
pub struct Probe<T> {
    /// In a word.
    pub status: Status,
    /// What is wrong with it, in a sentence.
    pub fault: Option<String>,
    /// How long the answer took.
    pub latency: Duration,
    /// What it tells of itself; none where it did not answer.
    pub facts: Option<T>,
}

/// How the parts of the platform are.
#[derive(Clone, Debug)]
pub struct HealthReport {
    /// The SQL database.
    pub database: Probe<DatabaseFacts>,
    /// What carries ids of jobs: Redis, or the memory of this process.
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
    /// The worst of all.
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

/// What is said of a part that answered.
type Verdict = (Status, Option<String>);

const FINE: Verdict = (Status::Ok, None);

fn degraded(fault: impl Into<String>) -> Verdict {
    (Status::Degraded, Some(fault.into()))
}

fn down(fault: impl Into<String>) -> Verdict {
    (Status::Down, Some(fault.into()))
}

impl Admin {
    /// How the parts of the platform are.
    pub async fn health(&self) -> HealthReport {
        let queue = &self.queue;
        let transport = queue.transport();
        let facts = async {
            transport.ping().await?;
            transport.facts().await
        };
        let (database, transport_facts, queues, workers, schedulers) = tokio::join!(
            probe("database", database::ask(queue.db()), DatabaseFacts::judge),
            probe("transport", facts, |facts| judge_transport(facts.as_ref())),
            probe("queues", queue.queue_overview(), |queues| judge_queues(queues)),
            probe("workers", queue.list_workers(), |workers| judge_workers(workers)),
            probe("schedulers", queue.list_schedulers(), |schedulers| judge_schedulers(schedulers)),
        );
        let Probe { status, fault, latency, facts } = transport_facts;
        HealthReport {
            database,
            transport: Probe { status, fault, latency, facts: facts.flatten() },
            transport_name: transport.name(),
            queues,
            workers,
            schedulers,
        }
    }
}

async fn probe<T, E: std::fmt::Display>(
    name: &'static str,
    ask: impl Future<Output = Result<T, E>>,
    judge: impl FnOnce(&T) -> Verdict,
) -> Probe<T> {
    let started = Instant::now();
    let answer = tokio::time::timeout(PROBE_LIMIT, ask).await;
    let latency = started.elapsed();
    let failed =
        |fault: &str| Probe { status: Status::Down, fault: Some(fault.to_owned()), latency, facts: None };
    match answer {
        Ok(Ok(facts)) => {
            let (status, fault) = match judge(&facts) {
                (Status::Ok, _) if latency > SLOW => degraded("It answers slowly."),
                verdict => verdict,
            };
            Probe { status, fault, latency, facts: Some(facts) }
        }
        Ok(Err(error)) => {
            tracing::warn!(part = name, %error, "not healthy");
            failed("It answered with an error: the log has more.")
        }
        Err(_late) => failed("It did not answer in time."),
    }
}

fn judge_transport(facts: Option<&ServerFacts>) -> Verdict {
    let risk = facts.and_then(|facts| facts.eviction.as_ref()).filter(|eviction| eviction.is_risky());
    risk.map_or(FINE, |eviction: &Eviction| {
        degraded(format!("It may drop keys of the queue when its memory is full: {eviction}."))
    })
}

fn judge_queues(queues: &[QueueOverview]) -> Verdict {
    let lagging = |queue: &&QueueOverview| {
        !queue.is_paused() && queue.oldest_age_secs.is_some_and(|age| age > LAGGING_SECS)
    };
    let names = |wanted: Vec<&QueueOverview>| {
        wanted.iter().map(|queue| queue.queue.as_str()).collect::<Vec<_>>().join(", ")
    };
    let lagging = names(queues.iter().filter(lagging).collect());
    if !lagging.is_empty() {
        return degraded(format!("Jobs wait for more than {LAGGING_SECS} s in: {lagging}."));
    }
    let paused = names(queues.iter().filter(|queue| queue.is_paused()).collect());
    if paused.is_empty() { FINE } else { degraded(format!("Paused: {paused}.")) }
}

fn judge_workers(workers: &[workers::Model]) -> Verdict {
    let working: Vec<_> = workers.iter().filter(|worker| !worker.draining).collect();
    if working.is_empty() {
        return down("No worker takes jobs.");
    }
    let serves = |queue: QueueName| {
        working.iter().any(|worker| worker.queues.get(queue.as_str()).is_some_and(|slots| !slots.is_null()))
    };
    let unserved: Vec<_> =
        QueueName::ALL.into_iter().filter(|queue| !serves(*queue)).map(QueueName::as_str).collect();
    if unserved.is_empty() {
        FINE
    } else {
        degraded(format!("No worker takes jobs of: {}.", unserved.join(", ")))
    }
}

fn judge_schedulers(schedulers: &[schedulers::Model]) -> Verdict {
    if schedulers.is_empty() { down("No scheduler runs.") } else { FINE }
}

#[cfg(test)]
mod tests;
