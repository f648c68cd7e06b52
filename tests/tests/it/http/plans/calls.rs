//! Requests of people and administrators to all operations.

use atelier_tests::{PASSWORD, Person, TestApp, job_id};
use serde_json::{Value, json};

use crate::http::document::{Operation, operations};

/// The tested values of a query parameter. Each value is sent separately.
fn values(operation: &Operation, name: &str) -> &'static [&'static str] {
    match (operation.path.as_str(), name) {
        (_, "page") => &["1", "3"],
        (_, "page_size" | "limit") => &["10"],
        ("/api/admin/mails", "status") => &["sent", "failed", "queued"],
        (_, "status") => &["failed", "succeeded", "available", "running", "scheduled"],
        (_, "cause") => &["manual", "rerun"],
        (_, "changed_since") => &["0"],
        (_, "run") => &["last", "018bcfe5-6800-7d2a-9d0a-1f2e3d4c5b6a"],
        (_, "scope") => &["each[3]"],
        (_, "action") => &["auth.login", "auth.*", "never.was"],
        (_, "actor_id" | "owner" | "parent" | "project" | "user" | "workflow") => {
            &["018bcfe5-6800-7d2a-9d0a-1f2e3d4c5b6a"]
        }
        (_, "before" | "created_before" | "created_from" | "from" | "since" | "until")
            if !operation.path.ends_with("growth") =>
        {
            &["2020-01-01T00:00:00Z", "2120-01-01T00:00:00Z"]
        }
        (_, "error_code") => &["GONE", "NEVER_WAS"],
        (_, "ip" | "request_id" | "target" | "kind") => &["generation.run", "never was"],
        (path, "after") if path.ends_with("/test-call/") => &["2020-01-01T00:00:00Z"],
        (_, "enabled" | "is_active" | "is_verified" | "paused") => &["true", "false"],
        (_, "level") => &["info", "warning", "critical"],
        (_, "older_than_days") => &["300"],
        (path, "outcome") if path.ends_with("/ticks/") => &["started", "missed_window"],
        (_, "event") => &["run.failed"],
        (path, "state") if path.ends_with("/deliveries/") => &["pending", "succeeded"],
        (_, "order") => &["asc", "desc"],
        (_, "period") => &["day", "month"],
        (_, "plan") => &["free", "pro", "none"],
        (_, "provider") => &["email", "google", "apple"],
        (_, "queue") => &["email", "generation"],
        (_, "recipient") => &["person7@example.org", "nobody@example.org"],
        (_, "role") => &["admin", "user"],
        (_, "search") => &["person7", "person7@example.org"],
        (_, "sort") => &["created_at", "email", "full_name", "last_active_at", "credits"],
        (_, "template") => &["welcome", "never_was"],
        (_, "version") => &["1"],
        // They only change the format of the response.
        (
            _,
            "format" | "locale" | "target_wait_secs" | "time_zone" | "to" | "from" | "last_event_id"
            | "wait_secs",
        ) => &[],
        // Parameters of redirects from a provider.
        (path, _) if path.ends_with("/callback") => &[],
        (path, name) => panic!("say in plans/calls.rs what {name} of {path} may be"),
    }
}

async fn call(person: &Person, method: &str, path: &str, body: Option<Value>) -> Value {
    let call = person.client.call(method, path);
    let call = match &body {
        Some(body) => call.json(body),
        None => call,
    };
    let reply = call.send().await;
    assert!(reply.status < 500, "{method} {path}: {}", reply.text());
    serde_json::from_slice(&reply.bytes).unwrap_or_default()
}

/// Creates, changes and reads data.
pub(super) async fn write(app: &TestApp, person: &Person) {
    let project = person.create_project("Reading list").await;
    let path = |rest: &str| format!("/api/projects/{project}{rest}");
    let job = make_and_publish(person, &path).await;
    let status = person.get(&path("/deployment/status")).await;
    let site = app.path_of(status["url"].as_str().expect("a URL")).to_owned();
    let deliver = person.get("/api/admin/jobs?kind=email.deliver").await;
    let token = json!({"name": "plans", "scopes": ["read"]});
    let token = call(person, "POST", "/api/auth/tokens", Some(token)).await;
    for (method, path, body) in [
        ("GET", site.as_str(), None),
        ("PUT", &path(""), Some(json!({"title": "Books"}))),
        ("POST", &path("/export/zip"), None),
        ("POST", &path("/versions/1/restore"), None),
        ("GET", &path("/code"), None),
        ("GET", &path("/versions"), None),
        ("GET", &path("/versions/1"), None),
        ("GET", &path("/versions/1/diff/1"), None),
        ("GET", &path("/versions/1/files/index.html"), None),
        ("GET", &path("/messages"), None),
        ("GET", &path("/usage"), None),
        ("GET", &format!("/api/jobs/{job}"), None),
        ("GET", &format!("/api/jobs/{job}/why"), None),
        ("GET", &format!("/api/jobs/{job}/attempts"), None),
        ("GET", &format!("/api/jobs/{job}/events"), None),
        ("POST", &format!("/api/jobs/{job}/cancel"), None),
        ("POST", &format!("/api/jobs/{}/retry", deliver[0]["id"].as_str().expect("an id")), None),
        ("DELETE", &format!("/api/auth/tokens/{}", token["api_token"]["id"].as_str().expect("an id")), None),
        ("PUT", "/api/users/me", Some(json!({"full_name": "Root"}))),
        ("PUT", "/api/users/me/notifications", Some(json!({"activity": false}))),
        ("POST", "/api/auth/login", Some(json!({"email": "ada@example.org", "password": "wrong horse"}))),
        ("POST", "/api/auth/refresh", Some(json!({"refresh_token": person.refresh_token}))),
        ("POST", "/api/auth/refresh", Some(json!({"refresh_token": "never was"}))),
        ("POST", "/api/auth/forgot-password", Some(json!({"email": "ada@example.org"}))),
        ("POST", "/api/auth/resend-verification", Some(json!({"email": "ada@example.org"}))),
        ("POST", "/api/auth/verify-email", Some(json!({"token": "never was"}))),
        (
            "POST",
            "/api/auth/reset-password",
            Some(json!({"token": "never was", "new_password": "another horse battery"})),
        ),
        ("POST", "/api/admin/mails/templates/welcome/test", Some(json!({}))),
        (
            "PUT",
            "/api/admin/queues/stats/limits",
            Some(json!({"max_running": 5, "max_running_per_owner": 2})),
        ),
        ("POST", "/api/admin/queues/email/pause", None),
        ("POST", "/api/admin/queues/email/resume", None),
        ("POST", "/api/admin/jobs/replay", Some(json!({"kind": "email.deliver", "dry_run": true}))),
        ("POST", "/api/admin/jobs/discard", Some(json!({"status": "failed", "dry_run": true}))),
        ("POST", "/api/admin/jobs/cancel", Some(json!({"queue": "workflow"}))),
        ("DELETE", "/api/admin/logs/cleanup?older_than_days=300", None),
        ("DELETE", "/api/admin/mails/suppressions/nobody@example.org", None),
    ] {
        call(person, method, path, body).await;
    }
}

/// Generates and publishes the project. The job of its generation.
async fn make_and_publish(person: &Person, path: &impl Fn(&str) -> String) -> String {
    let generate = person.client.post(&path("/generate")).header("idempotency-key", "plans");
    let job = job_id(&generate.send().await.expect(202));
    person.job_once(&job, "succeeded").await;
    let deployed = person.client.post(&path("/deploy")).json(&json!({"platform": "preview"}));
    person.job_once(&job_id(&deployed.send().await.expect(202)), "succeeded").await;
    job
}

/// Calls all read operations with each value of each parameter.
pub(super) async fn read(person: &Person) {
    let id = person.id.as_str();
    for operation in operations().iter().filter(|operation| operation.method == "GET") {
        let path = operation.path_with(id);
        call(person, "GET", &path, None).await;
        for name in operation.queries() {
            for value in values(operation, &name) {
                call(person, "GET", &format!("{path}?{name}={value}"), None).await;
            }
        }
    }
}

/// Deletes a project, another account, and the person's own account.
pub(super) async fn end(app: &TestApp, operator: &Person, person: &Person) {
    let ada = app.client().person(&app.client().login("ada@example.org", PASSWORD).await.expect(200));
    let project = operator.create_project("Soon gone").await;
    let account = |person: &Person, rest: &str| format!("/api/admin/users/{}{rest}", person.id);
    for (who, method, path, body) in [
        (operator, "DELETE", format!("/api/projects/{project}"), None),
        (operator, "PUT", account(person, ""), Some(json!({"credits": 50, "reason": "A prize"}))),
        (operator, "PATCH", account(&ada, "/deactivate"), None),
        (operator, "PATCH", account(&ada, "/activate"), None),
        (operator, "DELETE", account(&ada, ""), None),
        (person, "DELETE", "/api/auth/sessions".to_owned(), None),
        (
            person,
            "PUT",
            "/api/users/me/password".to_owned(),
            Some(json!({"current_password": PASSWORD, "new_password": "another horse battery"})),
        ),
        (operator, "POST", "/api/auth/logout".to_owned(), None),
    ] {
        call(who, method, &path, body).await;
    }
    let again = app.client().login("bob@example.org", "another horse battery").await;
    let person = app.client().person(&again.expect(200));
    let own = json!({"password": "another horse battery"});
    call(&person, "DELETE", "/api/users/me", Some(own)).await;
}
