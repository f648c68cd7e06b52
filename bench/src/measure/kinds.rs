//! The jobs of a measurement: for each queue a kind that sleeps for a given time, and one
//! that reports when it was started.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use atelier_queue::{
    Backoff, Effect, EffectError, Effects, EndedJob, Handler, Job, JobContext, JobError, Lane, NewJob,
    Outcome, Policy, QueueError, QueueName, Registry, Transaction,
};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, time};

const POLICY: Policy = Policy {
    max_attempts: 3,
    timeout: Duration::from_secs(60),
    backoff: Backoff::Fixed(Duration::from_secs(1)),
    lane: Lane::Normal,
};

/// Handles every kind that sleeps.
#[derive(Clone, Copy, Debug)]
struct SleepHandler;

macro_rules! kinds {
    ($($name:ident $kind:literal)+) => {
        $(
            #[derive(Debug, Serialize, Deserialize)]
            struct $name { millis: u64 }

            impl Job for $name {
                const KIND: &'static str = $kind;
                const QUEUE: QueueName = QueueName::$name;

                fn policy() -> Policy {
                    POLICY
                }
            }

            #[async_trait]
            impl Handler<$name> for SleepHandler {
                async fn run(&self, _ctx: &JobContext, args: $name) -> Result<Outcome, JobError> {
                    if args.millis > 0 {
                        time::sleep(Duration::from_millis(args.millis)).await;
                    }
                    Ok(Outcome::done())
                }
            }
        )+

        /// A job of that queue that takes so many milliseconds.
        pub(super) fn job(queue: QueueName, millis: u64) -> NewJob {
            match queue {
                $(QueueName::$name => NewJob::of(&$name { millis })),+
            }
        }

        /// The handlers of jobs that sleep.
        pub(super) fn registry() -> Result<Registry, QueueError> {
            let mut registry = Registry::default();
            $(registry.register::<$name>(SleepHandler)?;)+
            registry.register::<Effectful>(SleepHandler)?;
            Ok(registry)
        }
    };
}

kinds! {
    Generation "bench.generation"
    Deployment "bench.deployment"
    Email "bench.email"
    Stats "bench.stats"
    Workflow "bench.workflow"
    Maintenance "bench.maintenance"
}

/// A job that does nothing, whose end writes a row.
#[derive(Debug, Serialize, Deserialize)]
struct Effectful {}

impl Job for Effectful {
    const KIND: &'static str = "bench.effectful";
    const QUEUE: QueueName = QueueName::Generation;

    fn policy() -> Policy {
        POLICY
    }
}

#[async_trait]
impl Handler<Effectful> for SleepHandler {
    async fn run(&self, _ctx: &JobContext, _: Effectful) -> Result<Outcome, JobError> {
        Ok(Outcome::done())
    }
}

/// Writes a row for each end, and the rows of ends that are written together at once.
struct NotesEnds;

#[async_trait]
impl Effect for NotesEnds {
    async fn on_end(&self, tx: &Transaction, job: &EndedJob) -> Result<(), EffectError> {
        self.on_ends(tx, std::slice::from_ref(job)).await
    }

    async fn on_ends(&self, tx: &Transaction, jobs: &[EndedJob]) -> Result<(), EffectError> {
        let rows: Vec<String> = jobs.iter().map(|job| format!("('{}')", job.id)).collect();
        tx.execute_unprepared(&format!("INSERT INTO bench_effects (job) VALUES {}", rows.join(", "))).await?;
        Ok(())
    }
}

/// A job whose end has an effect.
pub(super) fn effectful() -> NewJob {
    NewJob::of(&Effectful {})
}

/// The effects of the kinds that have one.
pub(super) fn effects() -> Result<Effects, QueueError> {
    let mut effects = Effects::default();
    effects.register::<Effectful>(NotesEnds)?;
    Ok(effects)
}

/// So many slots spread evenly over the first queues.
pub(super) fn concurrency(queues: u8, jobs: usize) -> BTreeMap<QueueName, usize> {
    let names = QueueName::ALL.into_iter().take(usize::from(queues));
    names.map(|name| (name, jobs.div_ceil(usize::from(queues).max(1)))).collect()
}

/// A job that reports when its handler was started.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// Which of the jobs it is.
    pub(super) number: usize,
}

impl Job for Stamp {
    const KIND: &'static str = "bench.stamp";
    const QUEUE: QueueName = QueueName::Email;

    fn policy() -> Policy {
        POLICY
    }
}

/// Which job was started, and when.
pub(super) type Started = (usize, Instant);

struct StampHandler(mpsc::UnboundedSender<Started>);

#[async_trait]
impl Handler<Stamp> for StampHandler {
    async fn run(&self, _ctx: &JobContext, args: Stamp) -> Result<Outcome, JobError> {
        let now = Instant::now();
        self.0
            .send((args.number, now))
            .map_err(|_closed| JobError::fail("CLOSED", "the measurement has ended"))?;
        Ok(Outcome::done())
    }
}

/// The handler of [`Stamp`], which reports to `starts`.
pub(super) fn stamp_registry(starts: mpsc::UnboundedSender<Started>) -> Result<Registry, QueueError> {
    let mut registry = Registry::default();
    registry.register::<Stamp>(StampHandler(starts))?;
    Ok(registry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_the_slots_over_the_queues() {
        assert_eq!(concurrency(1, 100), BTreeMap::from([(QueueName::Generation, 100)]));
        let six = concurrency(6, 100);
        assert_eq!(six.len(), 6);
        assert!(six.values().all(|slots| *slots == 17));
    }
}
