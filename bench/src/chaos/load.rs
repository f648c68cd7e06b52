//! The work of a run: jobs of every kind, enqueued by several callers at once.

use std::{sync::Arc, time::Duration};

use atelier_entities::{JobId, Timestamp, UserId};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    enqueuer::{Enqueuer, JobRequest, SubmitOutcome},
    kinds::{
        Delayed, Effectful, Expiring, Flaky, Long, Noop, Novel, Owned, Sleep, Snooze, Unique, unique_key,
    },
    ledger::Ledger,
};

/// Concurrent callers.
pub(super) const CALLERS: u64 = 4;

/// Owners of jobs.
const OWNERS: u128 = 4;

/// Most jobs of one transaction.
const MOST_AT_ONCE: u64 = 8;

/// Enqueues jobs in one transaction and records the outcome in the ledger. Returns their
/// ids where the commit was acknowledged.
pub(super) async fn submit(
    enqueuer: &Enqueuer,
    ledger: &Ledger,
    requests: Vec<JobRequest>,
) -> Option<Vec<JobId>> {
    let kinds: Vec<&'static str> = requests.iter().map(JobRequest::kind).collect();
    let (enqueued, acknowledged) = match enqueuer.submit(requests).await {
        SubmitOutcome::Acknowledged(enqueued) => (enqueued, true),
        SubmitOutcome::InDoubt(enqueued) => (enqueued, false),
        SubmitOutcome::Refused => {
            ledger.refuse(kinds.len());
            return None;
        }
    };
    let jobs: Vec<(JobId, &'static str)> = enqueued.iter().map(|one| one.id).zip(kinds).collect();
    if !acknowledged {
        // A duplicate is an existing job: this commit decides nothing about it.
        let own = jobs.iter().zip(&enqueued).filter(|(_, one)| !one.duplicate).map(|(job, _)| *job);
        ledger.doubt(&own.collect::<Vec<_>>());
        return None;
    }
    enqueued.iter().filter(|one| one.duplicate).for_each(|_| ledger.count_duplicate());
    ledger.acknowledge(&jobs);
    Some(jobs.into_iter().map(|(id, _)| id).collect())
}

/// One caller: enqueues until it is told to stop, `rate` jobs a second.
pub(super) async fn call(
    enqueuer: Arc<Enqueuer>,
    ledger: Arc<Ledger>,
    seed: u64,
    rate: f64,
    stop: CancellationToken,
) {
    let mut random = StdRng::seed_from_u64(seed);
    while !stop.is_cancelled() {
        let count = random.random_range(1..=MOST_AT_ONCE);
        let jobs = (0..count).map(|_| draw(enqueuer.now(), &mut random)).collect();
        #[expect(clippy::cast_precision_loss, reason = "at most eight")]
        let pause = Duration::try_from_secs_f64(count as f64 / rate.max(0.001)).unwrap_or_default();
        let jitter = 0.5 + random.random::<f64>();
        submit(&enqueuer, &ledger, jobs).await;
        tokio::select! {
            () = time::sleep(pause.mul_f64(jitter)) => {}
            () = stop.cancelled() => {}
        }
    }
}

fn draw(now: Timestamp, random: &mut StdRng) -> JobRequest {
    let soon = |millis: u64| now + Duration::from_millis(millis);
    match random.random_range(0..100) {
        0..15 => JobRequest::of(&Noop {}),
        15..20 => {
            let job = JobRequest::of(&Owned { millis: random.random_range(50..400) });
            job.owned_by(UserId(Uuid::from_u128(random.random_range(1..=OWNERS))))
        }
        20..40 => JobRequest::of(&Sleep { millis: random.random_range(20..1_000) }),
        40..52 => JobRequest::of(&Flaky {}),
        52..58 => {
            let millis = random.random_range(100..1_500);
            JobRequest::of(&Snooze { times: random.random_range(1..5), millis })
        }
        58..70 => JobRequest::of(&Effectful { millis: random.random_range(0..500) }),
        70..80 => {
            let key = random.random_range(0..12);
            JobRequest::of(&Unique { key, millis: random.random_range(100..800) }).unique(unique_key(key))
        }
        80..88 => {
            let due = soon(random.random_range(500..15_000));
            JobRequest::of(&Delayed { due }).at(due)
        }
        88..91 => JobRequest::of(&Long { millis: random.random_range(3_000..12_000) }),
        91..95 => JobRequest::of(&Novel {}),
        _ => {
            let deadline = soon(random.random_range(200..4_000));
            JobRequest::of(&Expiring { deadline }).expiring(deadline)
        }
    }
}
