//! The plans of all statements on large tables: no statement scans such a table.
//!
//! PostgreSQL explains each statement with its actual values (`auto_explain`) and sends the plan
//! to the client as a notice, so that this test contains no statements.

mod calls;
mod explain;
mod seed;

use atelier_config::Role;
use atelier_entities::users;
use atelier_queue::NewJob;
use atelier_services::{
    maintenance::{PurgeExpired, PurgeJobs},
    stats::AggregateStats,
};
use atelier_tests::{AppSetup, PASSWORD, Person, TestApp, until};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use self::explain::{PlanCollector, Scan};

/// The rows that a statement may scan: a list is counted up to 10,000 entries, and a filter that
/// matches nearly all of a table may skip some.
const READ_IN_ORDER: f64 = 15_000.0;

/// Statements that may scan a table, by a part of their text, with the reason.
const ALLOWED: &[(&str, &str)] = &[
    ("AS total_users", "counted every five minutes and kept in a row"),
    ("AS active_accounts", "counted with these"),
    ("to_char(created_at", "figures of the audit log over at most 366 days"),
    ("\"jobs\".\"kind\" = $1", "a filter of operators: an index of it would cost every enqueue"),
    ("\"jobs\".\"queue\" = $1", "the same"),
    ("\"jobs\".\"created_at\" < $1", "the same"),
    ("\"jobs\".\"created_at\" >= $1", "the same"),
    ("error ->> 'code'", "the same"),
    ("AS \"secrets\"", "counted for administrators who replace a key"),
    ("\"email\" LIKE", "a search for a part of a text, which reads the newest 100,000 accounts"),
    ("\"action\" LIKE", "the beginning of an action, which PostgreSQL's indexes find in one collation only"),
    ("\"credits\" DESC", "an order of accounts that no index has, since credits change with each generation"),
    ("\"credits\" ASC", "the same"),
    ("\"last_active_at\" DESC NULLS LAST", "an order of accounts that SQLite's indexes do not have"),
];

/// Makes the server explain every statement of new connections.
async fn explain_everything(app: &TestApp) {
    let settings = [
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("auto_explain.log_level", "notice"),
        ("auto_explain.log_format", "json"),
        ("auto_explain.log_analyze", "on"),
        ("auto_explain.log_timing", "off"),
        ("auto_explain.log_nested_statements", "on"),
        ("max_parallel_workers_per_gather", "0"),
        ("jit", "off"),
    ];
    let set = settings.map(|(name, value)| {
        format!("EXECUTE format('ALTER DATABASE %I SET {name} = {value}', current_database());")
    });
    let all = format!("LOAD 'auto_explain'; DO $$ BEGIN {} END $$", set.concat());
    app.db().execute_unprepared(&all).await.expect("a superuser of the server");
}

async fn sign_in(app: &TestApp, email: &str) -> Person {
    app.client().person(&app.client().login(email, PASSWORD).await.expect(200))
}

/// Runs the recurring jobs.
async fn run_recurring(app: &TestApp) {
    let jobs = [NewJob::of(&AggregateStats {}), NewJob::of(&PurgeExpired {}), NewJob::of(&PurgeJobs {})];
    for job in jobs {
        let id = app.queue().enqueue(job).await.expect("enqueued").id;
        until("upkeep is done", async || {
            let job = app.queue().find_job(id, None).await.expect("a database").expect("a job");
            job.state.is_terminal().then_some(())
        })
        .await;
    }
}

/// The forbidden scans, one line each.
fn faults(scans: &[Scan]) -> Vec<String> {
    let is_allowed = |text: &str| ALLOWED.iter().any(|(part, _)| text.contains(part));
    let mut faults: Vec<String> = scans
        .iter()
        .filter(|reading| !seed::SMALL.contains(&reading.table.as_str()))
        .filter(|reading| reading.rows > READ_IN_ORDER && !is_allowed(&reading.statement))
        .map(|reading| format!("{} rows of {}: {}", reading.rows, reading.table, reading.statement))
        .collect();
    faults.sort();
    faults.dedup();
    faults
}

// One thread, because notices arrive in the thread of the statement.
#[tokio::test]
async fn no_statement_scans_a_growing_table() {
    let mut app = AppSetup::scaled().await.without(Role::Scheduler).start().await;
    for email in ["root@example.org", "ada@example.org", "bob@example.org"] {
        let _person = app.client().register(email).await;
    }
    let right = users::ActiveModel { is_admin: Set(true), credits: Set(1_000), ..Default::default() };
    let of_root = users::Entity::update_many().set(right).filter(users::Column::Email.eq("root@example.org"));
    of_root.exec(app.db()).await.expect("a database");
    seed::fill(app.db()).await;
    explain_everything(&app).await;
    let explained = PlanCollector::listen();
    app.restart().await;
    app.start(Role::Scheduler).await;

    let root = sign_in(&app, "root@example.org").await;
    calls::write(&app, &root).await;
    calls::read(&root).await;
    run_recurring(&app).await;
    calls::end(&app, &root, &sign_in(&app, "bob@example.org").await).await;
    let blind = "SELECT 1 FROM users WHERE settings = '[7]'";
    app.db().execute_unprepared(blind).await.expect("a database");
    let scans = explained.scans();
    app.finish().await;

    let mut faults = faults(&scans);
    let known = faults.iter().position(|fault| fault.ends_with(blind));
    faults.remove(known.expect("the deliberate scan is reported"));
    assert!(explained.statements() > 150, "only {} statements", explained.statements());
    assert!(faults.is_empty(), "these read a table from end to end:\n{}", faults.join("\n"));
}
