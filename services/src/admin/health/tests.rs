use atelier_entities::{SchedulerId, Timestamp, WorkerId};
use sea_orm::sqlx;
use serde_json::json;

use super::*;
use crate::testing::Fixture;

fn queue(name: QueueName, age: Option<f64>, is_paused: bool) -> QueueOverview {
    QueueOverview {
        queue: name,
        scheduled: 0,
        available: 0,
        running: 0,
        retrying: 0,
        failed: 0,
        oldest_age_secs: age,
        paused_at: is_paused.then_some(Timestamp::UNIX_EPOCH),
    }
}

fn worker(queues: &[&str], draining: bool) -> workers::Model {
    let queues: serde_json::Map<_, _> = queues.iter().map(|queue| ((*queue).to_owned(), json!(1))).collect();
    workers::Model {
        id: WorkerId::new(),
        host: "here".to_owned(),
        pid: 1,
        queues: json!(queues),
        kinds: json!([]),
        version: "1".to_owned(),
        draining,
        running: 0,
        started_at: Timestamp::UNIX_EPOCH,
        heartbeat_at: Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn queues_are_assessed_by_what_waits_in_them() {
    let email = |age, is_paused| vec![queue(QueueName::Email, age, is_paused)];
    for (queues, status) in [
        (email(None, false), Status::Ok),
        (email(Some(299.0), false), Status::Ok),
        (email(Some(301.0), false), Status::Degraded),
        (email(Some(301.0), true), Status::Degraded),
        (Vec::new(), Status::Ok),
    ] {
        assert_eq!(assess_queues(&queues).0, status, "{queues:?}");
    }
    let paused = assess_queues(&email(Some(301.0), true)).1;
    assert_eq!(paused, Some(("PAUSED", "Paused: email.".to_owned())), "a paused queue does not lag");
}

#[test]
fn workers_are_assessed_by_the_queues_they_serve() {
    let all: Vec<&str> = QueueName::ALL.into_iter().map(QueueName::as_str).collect();
    for (workers, status) in [
        (vec![], Status::Down),
        (vec![worker(&all, true)], Status::Down),
        (vec![worker(&all, false)], Status::Ok),
        (vec![worker(&["email"], false)], Status::Degraded),
        (vec![worker(&["email"], false), worker(&all[1..], false), worker(&all, true)], Status::Degraded),
        (vec![worker(&all[..3], false), worker(&all[3..], false)], Status::Ok),
    ] {
        assert_eq!(assess_workers(&workers).0, status, "{workers:?}");
    }
}

#[test]
fn schedulers_and_the_transport_are_assessed() {
    let scheduler = schedulers::Model {
        id: SchedulerId::new(),
        host: "here".to_owned(),
        pid: 1,
        version: "1".to_owned(),
        started_at: Timestamp::UNIX_EPOCH,
        heartbeat_at: Timestamp::UNIX_EPOCH,
    };
    assert_eq!((assess_schedulers(&[]).0, assess_schedulers(&[scheduler]).0), (Status::Down, Status::Ok));
    let evicts = |policy: &str, max_memory| ServerFacts {
        eviction: Some(Eviction { policy: policy.to_owned(), max_memory }),
        ..ServerFacts::default()
    };
    assert_eq!(assess_transport(None).0, Status::Ok);
    assert_eq!(assess_transport(Some(&evicts("noeviction", 1_024))).0, Status::Ok);
    assert_eq!(assess_transport(Some(&evicts("allkeys-lru", 1_024))).0, Status::Degraded);
}

#[test]
fn a_database_without_a_free_connection_is_degraded() {
    let facts = |connections, idle_connections| DatabaseFacts {
        connections,
        idle_connections,
        max_connections: 4,
        ..DatabaseFacts::default()
    };
    for (facts, status) in
        [(facts(4, 0), Status::Degraded), (facts(4, 1), Status::Ok), (facts(3, 0), Status::Ok)]
    {
        assert_eq!(facts.assess().0, status, "{facts:?}");
    }
}

#[test]
fn a_fault_takes_precedence_over_the_facts() {
    let (status, told) = fault_or(Some(Fault::ReadOnly), || HEALTHY);
    let (code, fault) = told.expect("a fault");

    assert_eq!((status, code), (Status::Down, "READ_ONLY"));
    assert_eq!(fault, "It takes no writes: it is a replica, or set to read only.");
    assert_eq!(fault_or(None, || HEALTHY), HEALTHY);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_or_fails_is_down_within_its_time_limit() {
    let hangs = probe("part", std::future::pending::<Result<(), String>>(), |()| HEALTHY).await;
    assert_eq!((hangs.status, hangs.facts), (Status::Down, None));
    let fails = probe("part", async { Err::<(), _>("the password is hunter2") }, |()| HEALTHY).await;
    assert_eq!((fails.status, fails.code), (Status::Down, Some("REFUSED")));
    assert!(!fails.fault.expect("a fault").contains("hunter2"));
}

#[tokio::test]
async fn an_instance_without_workers_is_down_and_says_so() {
    let fixture = Fixture::new().await;

    let report = fixture.services.admin.health().await;

    assert_eq!((report.database.status, report.transport.status), (Status::Ok, Status::Ok));
    assert_eq!((report.transport_name, report.transport.facts.is_none()), ("in-process", true));
    assert_eq!((report.workers.status, report.schedulers.status), (Status::Down, Status::Down));
    assert_eq!(report.status(), Status::Down);
    let database = report.database.facts.expect("facts");
    assert!(database.engine == "sqlite" && database.size_bytes > 0 && database.version.starts_with('3'));
}

#[tokio::test]
async fn a_database_that_takes_no_writes_is_down_and_says_so() {
    let fixture = Fixture::new().await;
    let db = fixture.services.queue.db();
    let pool = db.get_sqlite_connection_pool();
    // Every connection that the pool may have takes no writes from now on.
    let mut connections = Vec::new();
    for _ in 0..pool.options().get_max_connections() {
        let mut connection = pool.acquire().await.expect("a connection");
        sqlx::query("PRAGMA query_only = 1").execute(&mut *connection).await.expect("set");
        connections.push(connection);
    }
    drop(connections);

    let database = fixture.services.admin.health().await.database;

    assert_eq!((database.status, database.code), (Status::Down, Some("READ_ONLY")));
    assert!(database.facts.is_some(), "it answers to reads");
}
