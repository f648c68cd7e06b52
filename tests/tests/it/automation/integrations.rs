//! Integrations with workers of an installation, and a service on this machine.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use atelier_tests::{AppSetup, Person, TestApp};
use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

const INTEGRATIONS: &str = "/api/v1/automation/integrations/";
const CLIENT_SECRET: &str = "client-secret-0123456789-4F2a";
const TOKEN: &str = "issued-access-token-9876543210";

/// A service that gives tokens and takes them. Returns its address and the number of tokens given.
async fn service() -> (String, Arc<AtomicUsize>) {
    let issued = Arc::new(AtomicUsize::new(0));
    let count = issued.clone();
    let token = move || async move {
        count.fetch_add(1, Ordering::SeqCst);
        Json(json!({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}))
    };
    let orders = |headers: HeaderMap| async move {
        let sent =
            headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let is_right = sent == format!("Bearer {TOKEN}");
        let status = if is_right { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        (status, Json(json!({"echo": sent, "orders": 3})))
    };
    let router = Router::new().route("/token", post(token)).route("/orders", get(orders));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (base, issued)
}

async fn create(person: &Person, base: &str) -> String {
    let input = json!({
        "type": "oauth2_client_credentials", "name": "Orders", "allowed_hosts": [base],
        "settings": {"token_url": format!("{base}/token"), "client_id": "atelier"},
        "secrets": {"client_secret": CLIENT_SECRET},
    });
    let made = person.client.post(INTEGRATIONS).json(&input).send().await.expect(201);
    assert!(!made.text().contains(CLIENT_SECRET));
    made.json()["id"].as_str().expect("an id").to_owned()
}

/// All rows of all tables as text.
pub(super) async fn dump(app: &TestApp) -> String {
    let db = app.db();
    let backend = db.get_database_backend();
    let tables = match backend {
        sea_orm::DbBackend::Postgres => {
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'"
        }
        _ => "SELECT name FROM sqlite_master WHERE type = 'table'",
    };
    let mut text = String::new();
    let tables = db.query_all_raw(Statement::from_string(backend, tables)).await.expect("listed");
    for table in tables {
        let table: String = table.try_get_by_index(0).expect("a name");
        let rows = match backend {
            sea_orm::DbBackend::Postgres => format!("SELECT row_to_json(t)::text FROM \"{table}\" t"),
            _ => {
                let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                let columns =
                    db.query_all_raw(Statement::from_string(backend, columns)).await.expect("listed");
                let columns: Vec<String> = columns
                    .iter()
                    .map(|column| column.try_get_by_index::<String>(0).expect("a name"))
                    .map(|column| {
                        format!("CASE typeof(\"{column}\") WHEN 'blob' THEN hex(\"{column}\") ELSE coalesce(\"{column}\", '') END")
                    })
                    .collect();
                format!("SELECT {} FROM \"{table}\"", columns.join(" || '|' || "))
            }
        };
        let rows = db.query_all_raw(Statement::from_string(backend, rows)).await.expect("read");
        text.extend(rows.iter().map(|row| row.try_get_by_index::<String>(0).expect("a text")));
    }
    text
}

async fn run_once(person: &Person, workflow: &str) -> Value {
    let run = person.start_run(workflow, &json!({})).await;
    let _run = person.run_once(&run, "succeeded").await;
    person.get(&format!("/api/v1/automation/executions/{run}/nodes/fetch/output/")).await
}

async fn a_workflow_calls_a_service_with_a_token_that_nothing_shows(setup: AppSetup) {
    let (base, issued) = service().await;
    let app = setup.with(|settings| settings.http_client.allow_private_addresses = true).start().await;
    let ada = app.client().register("ada@example.org").await;
    let integration = create(&ada, &base).await;
    let graph = json!({
        "nodes": [
            {"key": "start", "type": "manual"},
            {"key": "fetch", "type": "http_request", "config": {"url": format!("{base}/orders"), "integration": integration}},
        ],
        "edges": [{"from": "start", "to": "fetch"}],
    });
    let workflow = ada.publish_workflow("Orders", &graph).await;

    for _ in 0..2 {
        let output = run_once(&ada, &workflow).await.to_string();
        assert!(output.contains("Bearer [secret]") && output.contains("\"orders\":3"), "{output}");
    }
    let at = format!("{INTEGRATIONS}{integration}/");
    let test = ada.client.post(&format!("{at}test/")).send().await.expect(202).json();
    ada.job_once(test["job"]["id"].as_str().expect("an id"), "succeeded").await;

    let view = ada.get(&at).await;
    assert_eq!(
        (&view["last_test"]["ok"], &view["secrets"]["client_secret"]["hint"]),
        (&json!(true), &json!("…4F2a"))
    );
    assert!(view["last_used_at"].is_string(), "{view}");
    assert_eq!(issued.load(Ordering::SeqCst), 1, "one token for all of them");
    let dump = dump(&app).await;
    assert!(dump.contains("v1.tests.") && dump.contains("integration.create"), "the dump has all tables");
    for secret in [CLIENT_SECRET, TOKEN] {
        assert!(!dump.contains(secret), "{secret} is in a row");
    }
    let export = ada.client.get("/api/users/me/export").send().await.expect(200);
    assert!(export.text().contains(&integration) && !export.text().contains("0123456789-4F2a"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded() {
    a_workflow_calls_a_service_with_a_token_that_nothing_shows(AppSetup::embedded()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scaled() {
    a_workflow_calls_a_service_with_a_token_that_nothing_shows(AppSetup::scaled().await).await;
}
