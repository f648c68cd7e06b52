//! The kinds of jobs of a run, and what each of them tests.

use std::time::Duration;

use atelier_entities::{JobId, Timestamp};
use atelier_queue::{Backoff, Job, Lane, NewJob, Policy, QueueLimits, QueueName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Attempts of a job that fails only where its workers keep dying.
const MANY: u16 = 30;

/// Attempts of a job that fails by design.
pub(super) const FEW: u16 = 4;

/// Limit of a handler that may hang.
const SHORT: Duration = Duration::from_secs(2);

const LONG: Duration = Duration::from_secs(60);

/// The queue with limits: three workers could run more than four times as many at once,
/// and each owner's jobs side by side.
pub(super) const LIMITED: (QueueName, QueueLimits) = (
    QueueName::Maintenance,
    QueueLimits { max_running: Some(5), max_running_per_owner: Some(2), rate: None },
);

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident $kind:literal in $queue:ident, $attempts:expr, $timeout:expr, {
        $($field:ident: $type:ty),* $(,)?
    })+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Clone, Debug, Serialize, Deserialize)]
            pub(super) struct $name { $(pub(super) $field: $type),* }

            impl Job for $name {
                const KIND: &'static str = $kind;
                const QUEUE: QueueName = QueueName::$queue;

                fn policy() -> Policy {
                    Policy { max_attempts: $attempts, timeout: $timeout, backoff: BACKOFF, lane: Lane::Normal }
                }
            }
        )+

        /// A job of that kind; none where the args do not fit it.
        pub(super) fn new_job(kind: &str, args: Value) -> Option<NewJob> {
            match kind {
                $($kind => serde_json::from_value::<$name>(args).ok().map(|args| NewJob::of(&args)),)+
                _ => None,
            }
        }
    };
}

const BACKOFF: Backoff =
    Backoff::Exponential { base: Duration::from_millis(200), max: Duration::from_secs(2) };

kinds! {
    /// Does nothing, in a queue of its own: measures how soon jobs start.
    Probe "chaos.probe" in Workflow, MANY, LONG, {}
    /// Keeps its slot for a while.
    Hold "chaos.hold" in Workflow, MANY, LONG, { millis: u64 }
    /// Does nothing.
    Noop "chaos.noop" in Maintenance, MANY, LONG, {}
    /// Sleeps.
    Sleep "chaos.sleep" in Generation, MANY, LONG, { millis: u64 }
    /// Fails, panics, hangs or fails for good, by a hash of its id and its attempt.
    Flaky "chaos.flaky" in Deployment, FEW, SHORT, {}
    /// Snoozes several times, which must cost no attempt.
    Snooze "chaos.snooze" in Email, MANY, LONG, { times: i64, millis: u64 }
    /// Changes the database when it ends, and enqueues a [`Child`] with it.
    Effectful "chaos.effectful" in Deployment, MANY, LONG, { millis: u64 }
    /// Has one of a few owners, in a queue with limits.
    Owned "chaos.owned" in Maintenance, MANY, LONG, { millis: u64 }
    /// Is enqueued by an effect.
    Child "chaos.child" in Maintenance, MANY, LONG, {}
    /// Aborts its process, each time.
    Poison "chaos.poison" in Stats, 3, LONG, {}
    /// Has a unique key: one job of a key waits or runs at a time.
    Unique "chaos.unique" in Email, MANY, LONG, { key: u32, millis: u64 }
    /// Is due later.
    Delayed "chaos.delayed" in Maintenance, MANY, LONG, { due: Timestamp }
    /// Takes seconds and reports its progress.
    Long "chaos.long" in Generation, MANY, LONG, { millis: u64 }
    /// Is known to some workers only, as during a rolling upgrade.
    Novel "chaos.novel" in Email, MANY, LONG, {}
    /// Expires where it has not started in time.
    Expiring "chaos.expiring" in Generation, MANY, LONG, { deadline: Timestamp }
    /// Recurs by a schedule.
    Tick "chaos.tick" in Stats, MANY, LONG, { moment: Timestamp }
}

/// What a [`Flaky`] job does in an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlakyBehavior {
    /// Succeeds.
    Succeeds,
    /// Fails, and may be tried again.
    Fails,
    /// Panics.
    Panics,
    /// Hangs until its limit.
    Hangs,
    /// Fails for good.
    FailsForGood,
}

/// What a job does in an attempt: a pure function of both.
pub(super) fn flaky_behavior(id: JobId, attempt: i64) -> FlakyBehavior {
    let (high, low) = id.0.as_u64_pair();
    let mut hash = high ^ low.rotate_left(17) ^ attempt.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    match (hash ^ (hash >> 31)) % 100 {
        0..30 => FlakyBehavior::Fails,
        30..36 => FlakyBehavior::Panics,
        36..38 => FlakyBehavior::Hangs,
        38..42 => FlakyBehavior::FailsForGood,
        _ => FlakyBehavior::Succeeds,
    }
}

/// The unique key of a [`Unique`] job.
pub(super) fn unique_key(key: u32) -> String {
    format!("chaos:{key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaviors_are_mixed_and_deterministic() {
        let ids: Vec<JobId> = (0..2_000).map(|_| JobId::new()).collect();
        let count = |wanted: FlakyBehavior| ids.iter().filter(|id| flaky_behavior(**id, 1) == wanted).count();

        for (wanted, least, most) in [
            (FlakyBehavior::Succeeds, 1_050, 1_270),
            (FlakyBehavior::Fails, 500, 700),
            (FlakyBehavior::Panics, 70, 180),
            (FlakyBehavior::Hangs, 10, 80),
            (FlakyBehavior::FailsForGood, 40, 130),
        ] {
            assert!((least..most).contains(&count(wanted)), "{wanted:?}: {}", count(wanted));
        }
        assert!(ids.iter().all(|id| flaky_behavior(*id, 3) == flaky_behavior(*id, 3)));
    }
}
