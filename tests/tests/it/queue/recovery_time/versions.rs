//! A rolling upgrade: an old and a new version share a queue.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use atelier_entities::{JobId, JobState};
use atelier_queue::{Handler, Job, JobContext, JobError, NewJob, Outcome, Policy, QueueName, Registry};
use serde::{Deserialize, Serialize};

use crate::queue::{
    fixture::Fixture,
    pitfalls::workers::{RunningWorker, start_worker},
    scripted::Scripted,
};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $kind:literal $aliases:expr),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Serialize, Deserialize)]
        struct $name {}

        impl Job for $name {
            const KIND: &'static str = $kind;
            const QUEUE: QueueName = QueueName::Stats;
            const ALIASES: &'static [&'static str] = $aliases;

            fn policy() -> Policy {
                Scripted::policy()
            }
        }
    )+};
}

kinds! {
    /// Known to both versions.
    Common "upgrade.common" &[],
    /// Only the old version has it.
    Gone "upgrade.gone" &[],
    /// Only the new version has it.
    New "upgrade.new" &[],
    /// The name in the old version.
    Before "upgrade.before" &[],
    /// The same kind under the name of the new version.
    After "upgrade.after" &["upgrade.before"],
}

/// Records which version ran which job.
#[derive(Clone)]
struct Version {
    name: &'static str,
    ran: Arc<Mutex<Vec<(&'static str, JobId)>>>,
}

#[async_trait]
impl<J: Job> Handler<J> for Version {
    async fn run(&self, ctx: &JobContext, _: J) -> Result<Outcome, JobError> {
        self.ran.lock().expect("the list").push((self.name, ctx.id()));
        Ok(Outcome::done())
    }
}

struct Upgrade {
    fixture: Fixture,
    ran: Arc<Mutex<Vec<(&'static str, JobId)>>>,
}

impl Upgrade {
    async fn begin() -> Self {
        Self { fixture: Fixture::postgres_redis().await, ran: Arc::default() }
    }

    fn start_worker(&self, registry: Registry) -> RunningWorker {
        start_worker(&self.fixture.queue, registry, &[QueueName::Stats], Duration::from_secs(5))
    }

    fn old_version(&self) -> RunningWorker {
        let build = Version { name: "before", ran: self.ran.clone() };
        let mut registry = Registry::default();
        registry.register::<Common>(build.clone()).expect("one handler");
        registry.register::<Gone>(build.clone()).expect("one handler");
        registry.register::<Before>(build).expect("one handler");
        self.start_worker(registry)
    }

    fn new_version(&self) -> RunningWorker {
        let build = Version { name: "after", ran: self.ran.clone() };
        let mut registry = Registry::default();
        registry.register::<Common>(build.clone()).expect("one handler");
        registry.register::<New>(build.clone()).expect("one handler");
        registry.register::<After>(build).expect("one handler");
        self.start_worker(registry)
    }

    async fn enqueue(&self, job: NewJob) -> JobId {
        self.fixture.queue.enqueue(job).await.expect("enqueued").id
    }

    /// The versions that ran these jobs. Each job must have run once.
    async fn ran(&self, ids: &[JobId]) -> BTreeSet<&'static str> {
        for id in ids {
            let job = self.fixture.reaches(*id, JobState::Succeeded).await;
            assert_eq!(job.attempt, 1, "no attempt was counted by a version that does not know the kind");
        }
        let ran = self.ran.lock().expect("the list").clone();
        let ran: Vec<_> = ran.into_iter().filter(|(_, id)| ids.contains(id)).collect();
        assert_eq!(ran.len(), ids.len(), "each ran once");
        ran.into_iter().map(|(build, _)| build).collect()
    }

    async fn code(&self, id: JobId) -> std::borrow::Cow<'static, str> {
        self.fixture.queue.why(&self.fixture.job(id).await).await.expect("a reason").code
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_versions_share_a_queue_and_run_the_kinds_they_know() {
    let upgrade = Upgrade::begin().await;
    let (_before, _after) = (upgrade.old_version(), upgrade.new_version());
    let (mut common, mut gone, mut new, mut before, mut after) =
        <(Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
    for _ in 0..40 {
        common.push(upgrade.enqueue(NewJob::of(&Common {})).await);
        gone.push(upgrade.enqueue(NewJob::of(&Gone {})).await);
        new.push(upgrade.enqueue(NewJob::of(&New {})).await);
        before.push(upgrade.enqueue(NewJob::of(&Before {})).await);
        after.push(upgrade.enqueue(NewJob::of(&After {})).await);
    }

    assert_eq!(upgrade.ran(&gone).await, BTreeSet::from(["before"]));
    assert_eq!(upgrade.ran(&new).await, BTreeSet::from(["after"]));
    assert_eq!(
        upgrade.ran(&after).await,
        BTreeSet::from(["after"]),
        "the old version does not know this name"
    );
    upgrade.ran(&common).await;
    upgrade.ran(&before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinds_of_the_next_version_wait_for_it_and_block_no_others() {
    let upgrade = Upgrade::begin().await;
    let before_build = upgrade.old_version();
    // More than a worker claims at once, and first in the order of dispatch.
    let mut new = Vec::new();
    for _ in 0..300 {
        new.push(NewJob::of(&New {}));
    }
    let tx = upgrade.fixture.queue.begin().await.expect("a transaction");
    let new: Vec<JobId> =
        tx.enqueue_all(new).await.expect("enqueued").into_iter().map(|enqueued| enqueued.id).collect();
    tx.commit().await.expect("committed");
    let renamed = upgrade.enqueue(NewJob::of(&After {})).await;
    let known =
        [upgrade.enqueue(NewJob::of(&Common {})).await, upgrade.enqueue(NewJob::of(&Before {})).await];
    assert_eq!(upgrade.ran(&known).await, BTreeSet::from(["before"]));
    assert_eq!(
        (upgrade.code(new[0]).await.as_ref(), upgrade.code(renamed).await.as_ref()),
        ("KIND_UNKNOWN", "KIND_UNKNOWN")
    );

    let _after_build = upgrade.new_version();
    assert_eq!(upgrade.ran(&new).await, BTreeSet::from(["after"]));
    assert_eq!(upgrade.ran(&[renamed]).await, BTreeSet::from(["after"]));
    before_build.stop().await;

    let by_its_earlier_name = [upgrade.enqueue(NewJob::of(&Before {})).await];
    assert_eq!(upgrade.ran(&by_its_earlier_name).await, BTreeSet::from(["after"]));
}
