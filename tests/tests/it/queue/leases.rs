//! Leases: one for what a claim took, there until the last of it has ended.

use std::time::Duration;

use atelier_entities::{JobId, JobState, WorkerId, jobs, running_jobs};
use atelier_migration::Migrator;
use atelier_queue::{Backoff, Ending, Job, JobError, Outcome, QueueName, testing};
use sea_orm::{ConnectionTrait, Database, DatabaseBackend, EntityTrait, Statement};
use sea_orm_migration::MigratorTrait;
use tempfile::TempDir;

use super::{
    bed::{Bed, HEARTBEAT},
    stage::{Scripted, scripted},
    twelve::crew::gate,
};

/// The jobs that run, with their fences.
async fn running(bed: &Bed) -> Vec<(JobId, i64)> {
    let running = running_jobs::Entity::find().all(bed.queue.db()).await.expect("a database");
    running.into_iter().map(|job| (job.id, job.fence)).collect()
}

/// How many jobs each lease names, whether they run or not.
async fn leases(bed: &Bed) -> Vec<i64> {
    let backend = bed.queue.db().get_database_backend();
    let named = match backend {
        DatabaseBackend::Postgres => "cardinality(jobs)::bigint",
        _ => "(SELECT COUNT(*) FROM json_each(jobs))",
    };
    let sql = format!("SELECT {named} AS named FROM job_leases ORDER BY named");
    let rows = bed.queue.db().query_all_raw(Statement::from_string(backend, sql)).await.expect("asked");
    rows.iter().map(|row| row.try_get("", "named").expect("a number")).collect()
}

async fn claim(bed: &Bed, worker: WorkerId, count: usize) -> Vec<jobs::Model> {
    testing::claim(&bed.queue, worker, QueueName::Stats, &[Scripted::KIND], count).await.expect("claimed")
}

async fn end(bed: &Bed, job: jobs::Model, ending: Ending) -> bool {
    let backoff = Backoff::Fixed(Duration::ZERO);
    testing::finish(&bed.queue, vec![(job, ending)], backoff).await.expect("an answer")[0]
}

async fn enqueue(bed: &Bed) -> JobId {
    bed.queue.enqueue(scripted("leased")).await.expect("enqueued").id
}

pub(super) async fn exactly_what_runs_is_leased(bed: Bed) {
    let worker = WorkerId::new();
    let ends = [
        Ending::Returned(Ok(Outcome::done())),
        Ending::Returned(Ok(Outcome::Done(7.into()))),
        Ending::Returned(Ok(Outcome::Snooze(Duration::from_secs(3_600)))),
        Ending::Returned(Err(JobError::fail("BROKEN", "broken"))),
        Ending::Drained,
    ];
    for ending in ends {
        let id = enqueue(&bed).await;
        assert!(running(&bed).await.is_empty(), "before the claim");
        let claimed = claim(&bed, worker, 1).await.pop().expect("the job");

        let job = running_jobs::Entity::find().one(bed.queue.db()).await.expect("asked").expect("it runs");
        assert_eq!((job.id, job.fence, job.worker_id), (id, claimed.fence, worker));
        assert_eq!((&job.queue, job.owner_id), (&claimed.queue, claimed.owner_id));

        let of_before = jobs::Model { fence: claimed.fence - 1, ..claimed.clone() };
        assert!(!end(&bed, of_before, ending.clone()).await);
        assert_eq!(running(&bed).await, [(id, claimed.fence)], "a stale end changes nothing");

        assert!(end(&bed, claimed, ending.clone()).await);
        assert!(running(&bed).await.is_empty(), "after {ending:?}");
        if bed.job(id).await.state == JobState::Available {
            bed.queue.discard(id).await.expect("discarded");
        }
    }
}

pub(super) async fn a_heartbeat_drops_from_a_lease_what_has_ended(bed: Bed) {
    let worker = WorkerId::new();
    for _ in 0..3 {
        enqueue(&bed).await;
    }
    let mut claimed = claim(&bed, worker, 10).await;
    assert_eq!(leases(&bed).await, [3]);
    let ended = claimed.pop().expect("one");
    end(&bed, ended, Ending::Returned(Ok(Outcome::done()))).await;
    assert_eq!(leases(&bed).await, [3]);

    let ids: Vec<JobId> = claimed.iter().map(|job| job.id).collect();
    let mut held = testing::extend(&bed.queue, worker, &ids).await.expect("extended");

    held.sort_by_key(|job| job.id);
    let expected: Vec<_> = claimed.iter().map(|job| (job.id, job.fence)).collect();
    assert_eq!(held.iter().map(|job| (job.id, job.fence)).collect::<Vec<_>>(), expected);
    assert_eq!(leases(&bed).await, [2]);
}

pub(super) async fn a_claim_that_takes_nothing_leaves_no_lease(bed: Bed) {
    assert!(claim(&bed, WorkerId::new(), 10).await.is_empty());

    assert!(leases(&bed).await.is_empty());
}

pub(super) async fn leases_are_gone_soon_after_what_they_held(bed: Bed) {
    let _worker = bed.worker(4);
    for _ in 0..20 {
        enqueue(&bed).await;
    }

    bed.until("all has run", async || (bed.stage.order().len() == 20).then_some(())).await;
    bed.until("no lease is left", async || leases(&bed).await.is_empty().then_some(())).await;
}

pub(super) async fn a_lease_that_nobody_keeps_and_under_which_nothing_runs_is_forgotten(bed: Bed) {
    enqueue(&bed).await;
    let claimed = claim(&bed, WorkerId::new(), 1).await.pop().expect("the job");
    end(&bed, claimed, Ending::Returned(Ok(Outcome::done()))).await;
    assert_eq!(leases(&bed).await, [1]);

    bed.until("no lease is left", async || leases(&bed).await.is_empty().then_some(())).await;
}

pub(super) async fn a_lease_names_jobs_that_are_gone_in_vain(bed: Bed) {
    let worker = WorkerId::new();
    let id = enqueue(&bed).await;
    claim(&bed, worker, 1).await;

    jobs::Entity::delete_by_id(id).exec(bed.queue.db()).await.expect("deleted");

    assert!(running(&bed).await.is_empty());
    assert_eq!(testing::extend(&bed.queue, worker, &[id]).await.expect("an answer"), []);
    bed.until("no lease is left", async || leases(&bed).await.is_empty().then_some(())).await;
}

pub(super) async fn one_dead_worker_of_two_loses_its_jobs_only(bed: Bed) {
    let (alive, dead) = (WorkerId::new(), WorkerId::new());
    let kept = enqueue(&bed).await;
    claim(&bed, alive, 1).await;
    let lost = enqueue(&bed).await;
    claim(&bed, dead, 1).await;

    bed.until("the dead one's is taken back", async || {
        testing::extend(&bed.queue, alive, &[kept]).await.expect("extended");
        (bed.job(lost).await.state == JobState::Available).then_some(())
    })
    .await;

    assert_eq!(running(&bed).await, [(kept, 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_from_before_the_leases_are_migrated() {
    const BEFORE: u32 = 9;
    let folder = TempDir::with_prefix("atelier-test-").expect("a temporary folder can be created");
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("atelier.db").display());
    let db = Database::connect(url).await.expect("a database");
    Migrator::up(&db, Some(BEFORE)).await.expect("the migrations before");
    for (number, state) in JobState::ALL.iter().enumerate() {
        let sql = format!(
            "INSERT INTO jobs (id, queue, kind, lane, state, args, attempt, max_attempts, timeout_secs, fence, revision, run_at, rank, worker_id, lease_expires_at, created_at, updated_at) SELECT X'{number:032x}', 'stats', 'test', 1, '{state}', '{{}}', 1, 3, 60, 7, 1, now, 0, X'{number:032x}', CASE WHEN '{state}' = 'running' THEN now END, now, now FROM (SELECT '2026-01-01T00:00:00.000000+00:00' AS now)"
        );
        db.execute_unprepared(&sql).await.expect("a job");
    }

    Migrator::up(&db, None).await.expect("the migration");

    let jobs = jobs::Entity::find().all(&db).await.expect("jobs");
    assert_eq!(jobs.len(), JobState::ALL.len());
    assert!(jobs.iter().all(|job| job.phase == job.state.phase()), "{jobs:?}");
    let job = jobs.iter().find(|job| job.state == JobState::Running).expect("one runs");
    let running = running_jobs::Entity::find().all(&db).await.expect("leased jobs");
    assert_eq!(running.iter().map(|job| (job.id, job.fence)).collect::<Vec<_>>(), [(job.id, 7)]);
    assert_eq!(running[0].expires_at.to_rfc3339(), "2026-01-01T00:00:00+00:00");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rescue_takes_no_job_that_another_worker_has_by_now() {
    let bed = Bed::postgres_in_process().await;
    let (first, second) = (WorkerId::new(), WorkerId::new());
    let id = enqueue(&bed).await;
    let claimed = claim(&bed, first, 1).await.pop().expect("the job");
    end(&bed, claimed, Ending::Drained).await;
    let again = claim(&bed, second, 1).await.pop().expect("the job again");
    assert_eq!((again.id, again.fence), (id, 2));

    // The lease of the first claim runs out, the second is kept.
    for _ in 0..4 {
        tokio::time::sleep(HEARTBEAT).await;
        testing::extend(&bed.queue, second, &[id]).await.expect("extended");
    }

    assert_eq!(running(&bed).await, [(id, 2)]);
    assert_eq!(leases(&bed).await, [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_its_worker_has_forgotten_is_taken_back_while_others_of_its_claim_run() {
    let bed = Bed::postgres_in_process().await;
    let gate = gate(&bed.stage, "gated");
    let gated = bed.queue.enqueue(scripted("gated")).await.expect("enqueued").id;
    let forgotten = enqueue(&bed).await;
    let _worker = bed.worker(2);
    let ended = bed.reaches(forgotten, JobState::Succeeded).await;
    assert_eq!(bed.reaches(gated, JobState::Running).await.lease_id, ended.lease_id, "one claim took both");

    // As if its end had never been written.
    let sql = format!(
        "UPDATE job_leases SET jobs = array_append(jobs, '{forgotten}'); UPDATE jobs SET state = 'running', phase = 1, finished_at = NULL WHERE id = '{forgotten}'"
    );
    bed.queue.db().execute_unprepared(&sql).await.expect("undone");

    bed.until("it runs again", async || (bed.stage.starts(forgotten) == 2).then_some(())).await;
    assert_eq!(bed.reaches(forgotten, JobState::Succeeded).await.attempt, 2);
    assert_eq!(bed.job(gated).await.state, JobState::Running);
    gate.add_permits(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_index_of_jobs_speaks_of_what_a_claim_changes() {
    let bed = Bed::postgres_in_process().await;
    let sql = "SELECT DISTINCT a.attname::text AS name FROM pg_index i \
        JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid \
        JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
        WHERE i.indrelid = 'jobs'::regclass AND d.refobjid = i.indrelid";
    let statement = Statement::from_string(bed.queue.db().get_database_backend(), sql);
    let rows = bed.queue.db().query_all_raw(statement).await.expect("asked");
    let indexed: Vec<String> = rows.iter().map(|row| row.try_get("", "name").expect("a name")).collect();

    assert!(indexed.iter().any(|name| name == "phase"), "{indexed:?}");
    for changed in ["state", "attempt", "fence", "revision", "worker_id", "started_at", "updated_at"] {
        assert!(!indexed.iter().any(|name| name == changed), "{changed}: {indexed:?}");
    }
}
