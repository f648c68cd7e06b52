//! The work of a run: jobs of every kind, enqueued through the library by several
//! callers at once.

use std::{sync::Arc, time::Duration};

use atelier_entities::{JobId, UserId};
use atelier_queue::{Job, Lane, NewJob, Queue};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    kinds::{
        Delayed, Effectful, Expiring, Flaky, Long, Noop, Novel, Owned, Sleep, Snooze, Unique, unique_key,
    },
    ledger::Ledger,
};

/// Callers that enqueue side by side.
pub(super) const CALLERS: u64 = 4;

/// People whose jobs take turns.
const OWNERS: u128 = 4;

/// Most jobs of one transaction.
const MOST_AT_ONCE: u64 = 8;

/// How long a caller waits for each half of an enqueue.
const PATIENCE: Duration = Duration::from_secs(10);

/// A job and the name of its kind.
pub(super) type Named = (&'static str, NewJob);

pub(super) fn named<J: Job>(args: &J) -> Named {
    (J::KIND, NewJob::of(args))
}

/// Enqueues jobs in one transaction and notes in the ledger what became of that.
/// Answers their ids where the commit was acknowledged.
pub(super) async fn submit(queue: &Queue, ledger: &Ledger, jobs: Vec<Named>) -> Option<Vec<JobId>> {
    let count = jobs.len();
    let (kinds, jobs): (Vec<&'static str>, Vec<NewJob>) = jobs.into_iter().unzip();
    let prepared = time::timeout(PATIENCE, async {
        let tx = queue.begin().await?;
        let enqueued = tx.enqueue_all(jobs).await?;
        Ok::<_, atelier_queue::QueueError>((tx, enqueued))
    });
    let Ok(Ok((tx, enqueued))) = prepared.await else {
        ledger.refuse(count);
        return None;
    };
    let jobs: Vec<(JobId, &'static str)> = enqueued.iter().map(|one| one.id).zip(kinds).collect();
    if !matches!(time::timeout(PATIENCE, tx.commit()).await, Ok(Ok(()))) {
        // A duplicate's id is another's job: what is in doubt here is not its being.
        let own = jobs.iter().zip(&enqueued).filter(|(_, one)| !one.duplicate).map(|(job, _)| *job);
        ledger.doubt(&own.collect::<Vec<_>>());
        return None;
    }
    enqueued.iter().filter(|one| one.duplicate).for_each(|_| ledger.count_duplicate());
    ledger.acknowledge(&jobs);
    Some(jobs.into_iter().map(|(id, _)| id).collect())
}

/// One caller: enqueues until it is told to stop, `rate` jobs a second.
pub(super) async fn call(queue: Queue, ledger: Arc<Ledger>, seed: u64, rate: f64, stop: CancellationToken) {
    let mut random = StdRng::seed_from_u64(seed);
    while !stop.is_cancelled() {
        let count = random.random_range(1..=MOST_AT_ONCE);
        let jobs = (0..count).map(|_| draw(&queue, &mut random)).collect();
        #[expect(clippy::cast_precision_loss, reason = "at most eight")]
        let pause = Duration::try_from_secs_f64(count as f64 / rate.max(0.001)).unwrap_or_default();
        let jitter = 0.5 + random.random::<f64>();
        submit(&queue, &ledger, jobs).await;
        tokio::select! {
            () = time::sleep(pause.mul_f64(jitter)) => {}
            () = stop.cancelled() => {}
        }
    }
}

fn draw(queue: &Queue, random: &mut StdRng) -> Named {
    let soon = |millis: u64| queue.now() + Duration::from_millis(millis);
    match random.random_range(0..100) {
        0..15 => named(&Noop {}),
        15..20 => {
            let job = named(&Owned { millis: random.random_range(50..400) });
            let owner = UserId(Uuid::from_u128(random.random_range(1..=OWNERS)));
            (job.0, job.1.owned_by(owner))
        }
        20..40 => named(&Sleep { millis: random.random_range(20..1_000) }),
        40..52 => named(&Flaky {}),
        52..58 => {
            let millis = random.random_range(100..1_500);
            named(&Snooze { times: random.random_range(1..5), millis })
        }
        58..70 => named(&Effectful { millis: random.random_range(0..500) }),
        70..80 => {
            let key = random.random_range(0..12);
            let job = named(&Unique { key, millis: random.random_range(100..800) });
            (job.0, job.1.unique(unique_key(key)))
        }
        80..88 => {
            let due = soon(random.random_range(500..15_000));
            let job = named(&Delayed { due });
            (job.0, job.1.at(due))
        }
        88..91 => named(&Long { millis: random.random_range(3_000..12_000) }),
        91..95 => named(&Novel {}),
        _ => {
            let deadline = soon(random.random_range(200..4_000));
            let job = named(&Expiring { deadline });
            (job.0, job.1.expiring(deadline).in_lane(Lane::Bulk))
        }
    }
}
