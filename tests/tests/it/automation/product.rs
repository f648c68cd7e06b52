//! Runs of a whole installation: restarts, large outputs, tokens and time zones.

use atelier_entities::workflow_waits;
use atelier_foundation::testing::list_rows_as_text;
use atelier_tests::{AppSetup, Person, TestApp};
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, Statement};
use serde_json::{Value, json};

const RUNS: &str = "/api/v1/automation/executions/";

/// Runs each case embedded and scaled out.
macro_rules! both_modes {
    ($($case:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(atelier_tests::AppSetup::embedded()).await;
            })+
        }
        mod scaled {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(atelier_tests::AppSetup::scaled().await).await;
            })+
        }
    };
}

both_modes! {
    a_link_decides_after_a_restart_of_all_processes,
    a_large_output_is_read_by_nodes_and_shortened_for_people,
    the_token_of_a_link_is_in_no_row,
}

fn asks() -> Value {
    json!({
        "nodes": [
            {"key": "start", "type": "manual"},
            {"key": "ask", "type": "approval", "config": {"message": "Publish {{ input.title }}?"}},
            {"key": "yes", "type": "transform", "config": {"fields": {"published": "{{ input.approved }}"}}},
        ],
        "edges": [{"from": "start", "to": "ask"}, {"from": "ask", "from_port": "approved", "to": "yes"}],
    })
}

/// A run that waits for a decision, and the link that decides.
async fn asked(app: &TestApp) -> (Person, String, Value) {
    let ada = app.client().register("ada@example.org").await;
    let workflow = ada.publish_workflow("Ask", &asks()).await;
    let run = ada.start_run(&workflow, &json!({"title": "News"})).await;
    ada.run_once(&run, "waiting").await;
    let link = ada.client.post(&format!("{RUNS}{run}/nodes/ask/approval-link/"));
    let link = link.send().await.expect(201).json();
    (ada, run, link)
}

async fn a_link_decides_after_a_restart_of_all_processes(setup: AppSetup) {
    let mut app = setup.start().await;
    let (ada, run, link) = asked(&app).await;
    let path = link["path"].as_str().expect("a path");

    app.restart().await;

    let anybody = app.client();
    let question = anybody.get(path).send().await.expect(200).json();
    assert_eq!((&question["message"], &question["workflow"]), (&json!("Publish News?"), &json!("Ask")));
    let _decided = anybody.post(path).json(&json!({"approved": true})).send().await.expect(200);
    let ada = Person { client: app.client().signed_in(&ada.access_token), ..ada };
    ada.run_once(&run, "succeeded").await;
    let output = ada.get(&format!("{RUNS}{run}/nodes/yes/output/")).await;
    assert_eq!(output["value"], json!({"published": true}));
    app.finish().await;
}

async fn a_large_output_is_read_by_nodes_and_shortened_for_people(setup: AppSetup) {
    /// More than what rows keep, and less than an input may have.
    const BYTES: usize = 300_000;
    /// Of a page of nodes, each with a preview of its input and of its output.
    const MOST_SHOWN: usize = 64 * 1024;
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let field = |fields: Value| json!({"fields": fields});
    let graph = json!({
        "nodes": [
            {"key": "start", "type": "manual"},
            {"key": "large", "type": "transform", "config": field(json!({"text": "{{ input.text }}"}))},
            {"key": "again", "type": "transform", "config": field(json!({"copy": "{{ nodes.large.output }}"}))},
            {"key": "length", "type": "transform", "config": field(json!({"length": "{{ length(input.copy.text) }}"}))},
        ],
        "edges": [{"from": "start", "to": "large"}, {"from": "large", "to": "again"}, {"from": "again", "to": "length"}],
    });
    let workflow = ada.publish_workflow("Large", &graph).await;

    let run = ada.start_run(&workflow, &json!({"text": "a".repeat(BYTES)})).await;
    ada.run_once(&run, "succeeded").await;

    let output =
        async |node: &str| ada.get(&format!("{RUNS}{run}/nodes/{node}/output/")).await["value"].take();
    assert_eq!(output("length").await, json!({"length": BYTES}));
    assert_eq!(output("again").await["copy"]["text"].as_str().map(str::len), Some(BYTES));
    let shown = ada.run(&run).await;
    let bytes = shown.to_string().len();
    assert!(bytes < MOST_SHOWN, "{bytes} bytes are shown");
    let nodes = shown["nodes"]["results"].as_array().expect("nodes");
    let large = nodes.iter().find(|node| node["node"] == "large").expect("the node");
    assert_eq!(large["output"]["truncated"], true, "{large}");
    let own = json!({
        "nodes": [
            {"key": "start", "type": "manual"},
            {"key": "own", "type": "transform", "config": field(json!({"own": "{{ nodes.own.output }}"}))},
        ],
        "edges": [{"from": "start", "to": "own"}],
    });
    let document =
        json!({"$schema": "https://atelier.dev/schemas/workflow-1.json", "name": "Own", "graph": own});
    let imported = ada.client.post("/api/v1/automation/workflows/import/").json(&document);
    let imported = imported.send().await.expect(201).json();
    assert_eq!(imported["faults"][0]["code"], "EXPR_NOT_UPSTREAM", "no node reads itself: {imported}");
    app.finish().await;
}

/// In how many rows of all tables a text occurs.
async fn count_rows_with(app: &TestApp, text: &str) -> usize {
    list_rows_as_text(app.db()).await.iter().filter(|row| row.contains(text)).count()
}

async fn the_token_of_a_link_is_in_no_row(setup: AppSetup) {
    let app = setup.start().await;
    let (ada, run, link) = asked(&app).await;
    let (token, path) = (link["token"].as_str().expect("a token"), link["path"].as_str().expect("a path"));
    assert!(count_rows_with(&app, "Publish News?").await > 0, "the rows are read");
    assert_eq!(count_rows_with(&app, token).await, 0);

    let decision = json!({"approved": true, "comment": "Go on."});
    let decided = app.client().post(path).header("idempotency-key", "decide").json(&decision);
    let _decided = decided.send().await.expect(200);
    ada.run_once(&run, "succeeded").await;

    assert_eq!(count_rows_with(&app, token).await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_end_on_time_whatever_the_zones() {
    let mut app = AppSetup::scaled().await.start().await;
    let name = Statement::from_string(DbBackend::Postgres, "SELECT current_database() AS name");
    let name = app.db().query_one_raw(name).await.expect("asked").expect("a row");
    let name: String = name.try_get("", "name").expect("a name");
    let zone = format!("ALTER DATABASE \"{name}\" SET timezone TO 'Pacific/Kiritimati'");
    app.db().execute_unprepared(&zone).await.expect("a zone");
    // New sessions begin with it.
    app.restart().await;
    let ada = app.client().register("ada@example.org").await;
    let graph = json!({
        "nodes": [
            {"key": "start", "type": "manual"},
            {"key": "until", "type": "wait_until", "config": {"at": "{{ input.at }}"}},
            {"key": "delay", "type": "delay", "config": {"seconds": 1}},
            {"key": "clock", "type": "transform", "config": {"fields": {"now": "{{ iso(now()) }}"}}},
        ],
        "edges": [{"from": "start", "to": "until"}, {"from": "until", "to": "delay"}, {"from": "delay", "to": "clock"}],
    });
    let workflow = ada.publish_workflow("Waits", &graph).await;
    let newfoundland = FixedOffset::west_opt(3 * 3600 + 1800).expect("a zone");
    let begun = Utc::now();
    let at = begun + TimeDelta::seconds(2);

    let run = ada.start_run(&workflow, &json!({"at": at.with_timezone(&newfoundland).to_rfc3339()})).await;
    ada.run_once(&run, "succeeded").await;

    let mut waits = workflow_waits::Entity::find().all(app.db()).await.expect("waits");
    waits.sort_by_key(|wait| wait.opened_at);
    assert_eq!(waits.iter().map(|wait| wait.node.as_str()).collect::<Vec<_>>(), ["until", "delay"]);
    let due: Vec<DateTime<Utc>> = waits.iter().map(|wait| wait.due_at.expect("a time")).collect();
    assert!((due[0] - at).abs() < TimeDelta::milliseconds(1), "{due:?}");
    assert!(waits[1].opened_at >= due[0], "the first wait ended early: {waits:?}");
    // Which clock is asked differs by the work of an attempt, never by an hour.
    assert!((due[1] - waits[1].opened_at).abs() < TimeDelta::seconds(30), "{waits:?}");
    let clock = ada.get(&format!("{RUNS}{run}/nodes/clock/output/")).await;
    let clock: DateTime<Utc> = clock["value"]["now"].as_str().expect("a time").parse().expect("a moment");
    assert!(clock >= due[1] && clock < Utc::now() + TimeDelta::seconds(5), "{clock}");
    app.finish().await;
}
