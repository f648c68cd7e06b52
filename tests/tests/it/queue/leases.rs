//! Leases: one per claim, which lasts until the last job of the claim has ended.

use std::time::Duration;

use atelier_entities::{JobId, JobState, WorkerId, jobs, running_jobs};
use atelier_migration::Migrator;
use atelier_queue::{Backoff, Ending, Job, JobError, Outcome, QueueName, testing};
use sea_orm::{ConnectionTrait, Database, DatabaseBackend, EntityTrait, Statement};
use sea_orm_migration::MigratorTrait;
use tempfile::TempDir;

use super::{
    fixture::{Fixture, HEARTBEAT},
    pitfalls::workers::gate,
    scripted::{Scripted, scripted},
};

/// The running jobs with their fences.
async fn running(fixture: &Fixture) -> Vec<(JobId, i64)> {
    let running = running_jobs::Entity::find().all(fixture.queue.db()).await.expect("a database");
    running.into_iter().map(|job| (job.id, job.fence)).collect()
}

/// The number of jobs that each lease names, running or not.
async fn leases(fixture: &Fixture) -> Vec<i64> {
    let backend = fixture.queue.db().get_database_backend();
    let named = match backend {
        DatabaseBackend::Postgres => "cardinality(jobs)::bigint",
        _ => "(SELECT COUNT(*) FROM json_each(jobs))",
    };
    let sql = format!("SELECT {named} AS named FROM job_leases ORDER BY named");
    let rows = fixture.queue.db().query_all_raw(Statement::from_string(backend, sql)).await.expect("asked");
    rows.iter().map(|row| row.try_get("", "named").expect("a number")).collect()
}

async fn claim(fixture: &Fixture, worker: WorkerId, count: usize) -> Vec<jobs::Model> {
    testing::claim(&fixture.queue, worker, QueueName::Stats, &[Scripted::KIND], count).await.expect("claimed")
}

async fn end(fixture: &Fixture, job: jobs::Model, ending: Ending) -> bool {
    let backoff = Backoff::Fixed(Duration::ZERO);
    testing::finish(&fixture.queue, vec![(job, ending)], backoff).await.expect("an answer")[0]
}

async fn enqueue(fixture: &Fixture) -> JobId {
    fixture.queue.enqueue(scripted("leased")).await.expect("enqueued").id
}

pub(super) async fn exactly_the_running_jobs_are_leased(fixture: Fixture) {
    let worker = WorkerId::new();
    let ends = [
        Ending::Returned(Ok(Outcome::done())),
        Ending::Returned(Ok(Outcome::Done(7.into()))),
        Ending::Returned(Ok(Outcome::Snooze(Duration::from_secs(3_600)))),
        Ending::Returned(Err(JobError::fail("BROKEN", "broken"))),
        Ending::Drained,
    ];
    for ending in ends {
        let id = enqueue(&fixture).await;
        assert!(running(&fixture).await.is_empty(), "before the claim");
        let claimed = claim(&fixture, worker, 1).await.pop().expect("the job");

        let job =
            running_jobs::Entity::find().one(fixture.queue.db()).await.expect("asked").expect("it runs");
        assert_eq!((job.id, job.fence, job.worker_id), (id, claimed.fence, worker));
        assert_eq!((&job.queue, job.owner_id), (&claimed.queue, claimed.owner_id));

        let of_before = jobs::Model { fence: claimed.fence - 1, ..claimed.clone() };
        assert!(!end(&fixture, of_before, ending.clone()).await);
        assert_eq!(running(&fixture).await, [(id, claimed.fence)], "a stale end changes nothing");

        assert!(end(&fixture, claimed, ending.clone()).await);
        assert!(running(&fixture).await.is_empty(), "after {ending:?}");
        if fixture.job(id).await.state == JobState::Available {
            fixture.queue.discard(id).await.expect("discarded");
        }
    }
}

pub(super) async fn a_heartbeat_removes_ended_jobs_from_a_lease(fixture: Fixture) {
    let worker = WorkerId::new();
    for _ in 0..3 {
        enqueue(&fixture).await;
    }
    let mut claimed = claim(&fixture, worker, 10).await;
    assert_eq!(leases(&fixture).await, [3]);
    let ended = claimed.pop().expect("one");
    end(&fixture, ended, Ending::Returned(Ok(Outcome::done()))).await;
    assert_eq!(leases(&fixture).await, [3]);

    let ids: Vec<JobId> = claimed.iter().map(|job| job.id).collect();
    let mut held = testing::extend(&fixture.queue, worker, &ids).await.expect("extended");

    held.sort_by_key(|job| job.id);
    let expected: Vec<_> = claimed.iter().map(|job| (job.id, job.fence)).collect();
    assert_eq!(held.iter().map(|job| (job.id, job.fence)).collect::<Vec<_>>(), expected);
    assert_eq!(leases(&fixture).await, [2]);
}

pub(super) async fn a_claim_without_jobs_writes_no_lease(fixture: Fixture) {
    assert!(claim(&fixture, WorkerId::new(), 10).await.is_empty());

    assert!(leases(&fixture).await.is_empty());
}

pub(super) async fn leases_are_deleted_after_their_jobs_ended(fixture: Fixture) {
    let _worker = fixture.worker(4);
    for _ in 0..20 {
        enqueue(&fixture).await;
    }

    fixture.until("all has run", async || (fixture.handlers.order().len() == 20).then_some(())).await;
    fixture.until("no lease is left", async || leases(&fixture).await.is_empty().then_some(())).await;
}

pub(super) async fn an_expired_lease_without_running_jobs_is_deleted(fixture: Fixture) {
    enqueue(&fixture).await;
    let claimed = claim(&fixture, WorkerId::new(), 1).await.pop().expect("the job");
    end(&fixture, claimed, Ending::Returned(Ok(Outcome::done()))).await;
    assert_eq!(leases(&fixture).await, [1]);

    fixture.until("no lease is left", async || leases(&fixture).await.is_empty().then_some(())).await;
}

pub(super) async fn a_lease_of_deleted_jobs_is_deleted(fixture: Fixture) {
    let worker = WorkerId::new();
    let id = enqueue(&fixture).await;
    claim(&fixture, worker, 1).await;

    jobs::Entity::delete_by_id(id).exec(fixture.queue.db()).await.expect("deleted");

    assert!(running(&fixture).await.is_empty());
    assert_eq!(testing::extend(&fixture.queue, worker, &[id]).await.expect("an answer"), []);
    fixture.until("no lease is left", async || leases(&fixture).await.is_empty().then_some(())).await;
}

pub(super) async fn a_dead_worker_loses_only_its_own_jobs(fixture: Fixture) {
    let (alive, dead) = (WorkerId::new(), WorkerId::new());
    let kept = enqueue(&fixture).await;
    claim(&fixture, alive, 1).await;
    let lost = enqueue(&fixture).await;
    claim(&fixture, dead, 1).await;

    fixture
        .until("the dead worker's job is rescued", async || {
            testing::extend(&fixture.queue, alive, &[kept]).await.expect("extended");
            (fixture.job(lost).await.state == JobState::Available).then_some(())
        })
        .await;

    assert_eq!(running(&fixture).await, [(kept, 1)]);
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
async fn a_rescue_leaves_a_job_that_another_worker_has_claimed() {
    let fixture = Fixture::postgres_in_process().await;
    let (first, second) = (WorkerId::new(), WorkerId::new());
    let id = enqueue(&fixture).await;
    let claimed = claim(&fixture, first, 1).await.pop().expect("the job");
    end(&fixture, claimed, Ending::Drained).await;
    let again = claim(&fixture, second, 1).await.pop().expect("the job again");
    assert_eq!((again.id, again.fence), (id, 2));

    // The lease of the first claim expires; the second one stays valid.
    for _ in 0..4 {
        tokio::time::sleep(HEARTBEAT).await;
        testing::extend(&fixture.queue, second, &[id]).await.expect("extended");
    }

    assert_eq!(running(&fixture).await, [(id, 2)]);
    assert_eq!(leases(&fixture).await, [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_end_was_not_written_is_rescued_while_others_of_its_claim_run() {
    let fixture = Fixture::postgres_in_process().await;
    let gate = gate(&fixture.handlers, "gated");
    let gated = fixture.queue.enqueue(scripted("gated")).await.expect("enqueued").id;
    let forgotten = enqueue(&fixture).await;
    let _worker = fixture.worker(2);
    let ended = fixture.reaches(forgotten, JobState::Succeeded).await;
    assert_eq!(
        fixture.reaches(gated, JobState::Running).await.lease_id,
        ended.lease_id,
        "one claim took both"
    );

    // Simulates an end that was never written.
    let sql = format!(
        "UPDATE job_leases SET jobs = array_append(jobs, '{forgotten}'); UPDATE jobs SET state = 'running', phase = 1, finished_at = NULL WHERE id = '{forgotten}'"
    );
    fixture.queue.db().execute_unprepared(&sql).await.expect("undone");

    fixture.until("it runs again", async || (fixture.handlers.starts(forgotten) == 2).then_some(())).await;
    assert_eq!(fixture.reaches(forgotten, JobState::Succeeded).await.attempt, 2);
    assert_eq!(fixture.job(gated).await.state, JobState::Running);
    gate.add_permits(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_index_of_jobs_contains_a_column_that_a_claim_changes() {
    let fixture = Fixture::postgres_in_process().await;
    let sql = "SELECT DISTINCT a.attname::text AS name FROM pg_index i \
        JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid \
        JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
        WHERE i.indrelid = 'jobs'::regclass AND d.refobjid = i.indrelid";
    let statement = Statement::from_string(fixture.queue.db().get_database_backend(), sql);
    let rows = fixture.queue.db().query_all_raw(statement).await.expect("asked");
    let indexed: Vec<String> = rows.iter().map(|row| row.try_get("", "name").expect("a name")).collect();

    assert!(indexed.iter().any(|name| name == "phase"), "{indexed:?}");
    for changed in ["state", "attempt", "fence", "revision", "worker_id", "started_at", "updated_at"] {
        assert!(!indexed.iter().any(|name| name == changed), "{changed}: {indexed:?}");
    }
}
