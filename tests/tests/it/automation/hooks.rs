//! Webhooks of a whole installation: schemes, replays, restarts, answers.

use atelier_tests::{AppSetup, Call, Person, Reply, TestApp};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use sha2::Sha256;

const WORKFLOWS: &str = "/api/v1/automation/workflows";
const SECRET: &str = "a secret of the sender";
const BODY: &str = "{ \"order\": 7,\n \"type\": \"paid\" }\n";

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
    each_scheme_takes_what_it_proves_and_nothing_else,
    an_address_follows_its_workflow_over_switches_rotations_and_a_restart,
    a_signed_body_that_comes_again_starts_one_run,
    a_node_answers_the_caller_in_time_or_the_run_is_named,
    a_test_call_is_shown_to_the_owner_and_runs_the_draft,
    the_webhooks_of_another_person_and_of_a_closed_account_are_404,
    more_calls_than_a_webhook_takes_are_told_to_wait,
}

/// A webhook that is told this, and a step.
fn graph(config: Value) -> Value {
    json!({
        "nodes": [
            {"key": "hook", "type": "webhook", "config": config},
            {"key": "order", "type": "transform", "config": {"fields": {"order": "{{ input.body.order }}"}}},
        ],
        "edges": [{"from": "hook", "to": "order"}],
    })
}

/// An enabled workflow with this graph.
async fn enabled(person: &Person, graph: &Value) -> String {
    let workflow = person.publish_workflow("Hooked", graph).await;
    let _enabled = person.client.post(&format!("{WORKFLOWS}/{workflow}/enable/")).send().await.expect(200);
    workflow
}

/// The path of a new address of a webhook.
async fn rotate(person: &Person, workflow: &str, node: &str) -> String {
    let rotated = person.client.post(&format!("{WORKFLOWS}/{workflow}/hooks/{node}/rotate/"));
    let rotated = rotated.send().await.expect(201).json();
    rotated["path"].as_str().expect("a path").to_owned()
}

async fn set_secret(person: &Person, workflow: &str, node: &str, secret: &str) {
    let path = format!("{WORKFLOWS}/{workflow}/hooks/{node}/secret/");
    let set = person.client.call("PUT", &path).json(&json!({"secret": secret})).send().await.expect(200);
    assert!(!set.text().contains(secret));
}

fn hmac(secret: &str, text: &str) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.chain_update(text).finalize().into_bytes().to_vec()
}

/// The headers by which a scheme proves `BODY` at a time.
fn proof(scheme: &str, secret: &str, time: i64) -> Vec<(&'static str, String)> {
    let hex = |text: &str| hmac(secret, text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let base64 = |text: &str| STANDARD.encode(hmac(secret, text));
    match scheme {
        "standard" => vec![
            ("webhook-id", format!("msg_{time}")),
            ("webhook-timestamp", time.to_string()),
            ("webhook-signature", format!("v1,{}", base64(&format!("msg_{time}.{time}.{BODY}")))),
        ],
        "github" => vec![("x-hub-signature-256", format!("sha256={}", hex(BODY)))],
        "stripe" => vec![("stripe-signature", format!("t={time},v1={}", hex(&format!("{time}.{BODY}"))))],
        "slack" => vec![
            ("x-slack-request-timestamp", time.to_string()),
            ("x-slack-signature", format!("v0={}", hex(&format!("v0:{time}:{BODY}")))),
        ],
        "shopify" => vec![("x-shopify-hmac-sha256", base64(BODY))],
        "gitlab" => vec![("x-gitlab-token", secret.to_owned())],
        "telegram" => vec![("x-telegram-bot-api-secret-token", secret.to_owned())],
        "generic" => {
            vec![("x-proof", format!("v1={}", hex(&format!("{time}.{BODY}")))), ("x-time", time.to_string())]
        }
        other => panic!("{other} proves nothing"),
    }
}

async fn send(app: &TestApp, path: &str, headers: &[(&str, String)], body: &str) -> Reply {
    let call: Call = app.client().post(path).body("application/json", body.to_owned());
    headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send().await
}

fn run_of(reply: &Reply) -> String {
    reply.json()["run_id"].as_str().expect("a run").to_owned()
}

async fn each_scheme_takes_what_it_proves_and_nothing_else(setup: AppSetup) {
    const SCHEMES: [&str; 8] =
        ["standard", "github", "stripe", "slack", "shopify", "gitlab", "telegram", "generic"];
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let nodes: Vec<Value> = SCHEMES
        .iter()
        .map(|scheme| {
            let mut verify = json!({"scheme": scheme});
            if *scheme == "generic" {
                verify = json!({"scheme": scheme, "header": "X-Proof", "prefix": "v1=", "timestamp_header": "X-Time"});
            }
            json!({"key": scheme, "type": "webhook", "config": {"verify": verify}})
        })
        .collect();
    let workflow = enabled(&ada, &json!({"nodes": nodes, "edges": []})).await;
    for scheme in SCHEMES {
        let path = rotate(&ada, &workflow, scheme).await;
        set_secret(&ada, &workflow, scheme, SECRET).await;
        let now = app.queue().now().timestamp();
        let is_timed = ["standard", "stripe", "slack", "generic"].contains(&scheme);

        let first = send(&app, &path, &proof(scheme, SECRET, now), BODY).await.expect(202);
        let run = ada.run_once(&run_of(&first), "succeeded").await;
        assert_eq!((&run["cause"], &run["trigger"]), (&json!("webhook"), &json!(scheme)));
        assert!(first.header("location").ends_with(&format!("/{}/", run_of(&first))));

        let refused = send(&app, &path, &proof(scheme, "another secret", now), BODY).await;
        let refused = refused.refused(401, "CALL_REFUSED");
        assert_eq!(refused.json()["details"], json!({}));
        let _none = send(&app, &path, &[], BODY).await.refused(401, "CALL_REFUSED");
        if is_timed {
            let old = proof(scheme, SECRET, now - 400);
            let _old = send(&app, &path, &old, BODY).await.refused(401, "CALL_REFUSED");
        }
        if !["gitlab", "telegram"].contains(&scheme) {
            let compact = "{\"order\":7,\"type\":\"paid\"}";
            let again = proof(scheme, SECRET, now + 1);
            let _other = send(&app, &path, &again, compact).await.refused(401, "CALL_REFUSED");
        }
        set_secret(&ada, &workflow, scheme, "the next secret").await;
        for (secret, time) in [(SECRET, now + 2), ("the next secret", now + 3)] {
            let _either = send(&app, &path, &proof(scheme, secret, time), BODY).await.expect(202);
        }
    }
    let list = ada.get(&format!("{WORKFLOWS}/{workflow}/hooks/")).await;
    assert_eq!(list["count"], SCHEMES.len());
    assert!(!list.to_string().contains("secret of"), "{list}");
    app.finish().await;
}

async fn an_address_follows_its_workflow_over_switches_rotations_and_a_restart(setup: AppSetup) {
    let mut app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let workflow = enabled(&ada, &graph(json!({}))).await;
    let at = format!("{WORKFLOWS}/{workflow}");
    let path = rotate(&ada, &workflow, "hook").await;
    let secrets = [
        ("Authorization", "Basic c2VjcmV0LW9mLUFkYQ==".to_owned()),
        ("Cookie", "sid=secret-of-Ada".to_owned()),
        ("X-Api-Key", "secret-of-Ada".to_owned()),
    ];

    let first = send(&app, &path, &secrets, BODY).await.expect(202);
    let run = ada.run_once(&run_of(&first), "succeeded").await;
    assert!(!run.to_string().contains("c2VjcmV0") && !run.to_string().contains("secret-of-Ada"), "{run}");
    let slashed = format!("{path}/");
    let _same = send(&app, &slashed, &[], BODY).await.expect(202);
    let get = app.client().get(&path).send().await.refused(405, "METHOD_NOT_ALLOWED");
    assert_eq!(get.header("allow"), "POST");

    let _off = ada.client.post(&format!("{at}/disable/")).send().await.expect(200);
    let off = send(&app, &path, &[], BODY).await.refused(404, "NOT_FOUND");
    let unknown = send(&app, &format!("{path}x"), &[], BODY).await.refused(404, "NOT_FOUND");
    assert_eq!(off.json()["error"], unknown.json()["error"], "nobody learns which of them there is");
    let _on = ada.client.post(&format!("{at}/enable/")).send().await.expect(200);
    let _again = send(&app, &path, &[], BODY).await.expect(202);

    app.restart().await;
    let _restarted = send(&app, &path, &[], BODY).await.expect(202);
    let ada = Person { client: app.client().signed_in(&ada.access_token), ..ada };
    let other = rotate(&ada, &workflow, "hook").await;
    let _gone = send(&app, &path, &[], BODY).await.refused(404, "NOT_FOUND");
    let _new = send(&app, &other, &[], BODY).await.expect(202);

    let manual = json!({"nodes": [{"key": "start", "type": "manual"}], "edges": []});
    let put = ada.client.call("PUT", &format!("{at}/graph/")).header("if-match", "*").json(&manual);
    let _stored = put.send().await.expect(200);
    let _drafted = send(&app, &other, &[], BODY).await.expect(202);
    let _published = ada.client.post(&format!("{at}/publish/")).send().await.expect(201);
    let _without = send(&app, &other, &[], BODY).await.refused(404, "NOT_FOUND");
    let _deleted = ada.client.call("DELETE", &format!("{at}/")).send().await.expect(204);
    let _gone = send(&app, &other, &[], BODY).await.refused(404, "NOT_FOUND");
    app.finish().await;
}

async fn a_signed_body_that_comes_again_starts_one_run(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    for (scheme, once_per_body) in
        [("stripe", false), ("slack", false), ("standard", false), ("github", true)]
    {
        let config = json!({"verify": {"scheme": scheme}, "once_per_body": once_per_body});
        let workflow = enabled(&ada, &graph(config)).await;
        let path = rotate(&ada, &workflow, "hook").await;
        set_secret(&ada, &workflow, "hook", SECRET).await;
        let now = app.queue().now().timestamp();
        let delivery = |id: &str| {
            let mut headers = proof(scheme, SECRET, now);
            headers.push(("x-github-delivery", id.to_owned()));
            headers
        };

        let both = [delivery("1"), delivery("2")];
        let (one, other) = tokio::join!(send(&app, &path, &both[0], BODY), send(&app, &path, &both[1], BODY));

        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 202], "{scheme}: {} {}", one.text(), other.text());
        assert_eq!(run_of(&one), run_of(&other), "{scheme}");
        let again = send(&app, &path, &delivery("3"), BODY).await.expect(200);
        assert_eq!((run_of(&again), &again.json()["duplicate"]), (run_of(&one), &json!(true)));
        let runs = ada.get(&format!("{WORKFLOWS}/{workflow}/executions/")).await;
        assert_eq!(runs["count"], 1, "{scheme}");
    }
    app.finish().await;
}

async fn a_node_answers_the_caller_in_time_or_the_run_is_named(setup: AppSetup) {
    let app = setup.with(|settings| settings.server.request_timeout_secs = 6).start().await;
    let ada = app.client().register("ada@example.org").await;
    let reply = json!({
        "status": 409, "headers": {"X-Order": "{{ input.body.order }}"},
        "body": "<p>{{ input.body.type }}</p>", "content_type": "text/plain",
    });
    let answers = json!({
        "nodes": [
            {"key": "hook", "type": "webhook", "config": {"response": "answer"}},
            {"key": "reply", "type": "webhook_response", "config": reply},
        ],
        "edges": [{"from": "hook", "to": "reply"}],
    });
    let workflow = enabled(&ada, &answers).await;
    let path = rotate(&ada, &workflow, "hook").await;

    let answered = send(&app, &path, &[], BODY).await.expect(409);
    assert_eq!((answered.text().as_str(), answered.header("x-order")), ("<p>paid</p>", "7"));
    assert!(answered.header("content-security-policy").starts_with("sandbox"));

    let waits = json!({
        "nodes": [
            {"key": "hook", "type": "webhook", "config": {"response": "answer"}},
            {"key": "wait", "type": "wait_signal", "config": {"signal": "never"}},
            {"key": "reply", "type": "webhook_response"},
        ],
        "edges": [{"from": "hook", "to": "wait"}, {"from": "wait", "from_port": "received", "to": "reply"}],
    });
    let workflow = enabled(&ada, &waits).await;
    let path = rotate(&ada, &workflow, "hook").await;
    let late = send(&app, &path, &[], BODY).await.expect(202);
    assert_eq!(late.json()["status"], "waiting");
    let run = run_of(&late);
    let cancel = ada.client.post(&format!("/api/v1/automation/executions/{run}/cancel/"));
    let _cancelled = cancel.send().await;
    ada.run_once(&run, "cancelled").await;
    app.finish().await;
}

async fn a_test_call_is_shown_to_the_owner_and_runs_the_draft(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let workflow = ada.publish_workflow("Hooked", &graph(json!({}))).await;
    let path = rotate(&ada, &workflow, "hook").await;
    let shown = format!("{WORKFLOWS}/{workflow}/hooks/hook/test-call/");
    let _none = ada.client.get(&shown).send().await.refused(404, "TEST_CALL_NOT_FOUND");
    let _live = send(&app, &path, &[], BODY).await.refused(404, "NOT_FOUND");

    let headers = [("X-Kind", "order".to_owned()), ("Authorization", "Bearer secret-of-Ada".to_owned())];
    let tested = send(&app, &format!("{path}/test"), &headers, BODY).await.expect(202);

    let run = ada.run_once(&run_of(&tested), "succeeded").await;
    assert_eq!(run["cause"], "webhook");
    let call = ada.get(&shown).await;
    assert_eq!((&call["call"]["body"]["order"], &call["run_id"]), (&json!(7), &run["id"]));
    assert_eq!(call["call"]["headers"]["x-kind"], "order");
    assert!(!call.to_string().contains("secret-of-Ada"), "{call}");
    app.finish().await;
}

async fn the_webhooks_of_another_person_and_of_a_closed_account_are_404(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let eve = app.client().register("eve@example.org").await;
    let workflow = enabled(&ada, &graph(json!({"verify": {"scheme": "github"}}))).await;
    let path = rotate(&ada, &workflow, "hook").await;
    set_secret(&ada, &workflow, "hook", SECRET).await;
    let headers = proof("github", SECRET, 0);
    let run = run_of(&send(&app, &path, &headers, BODY).await.expect(202));
    ada.run_once(&run, "succeeded").await;

    let at = format!("{WORKFLOWS}/{workflow}/hooks");
    for (method, rest) in
        [("GET", "/"), ("POST", "/hook/rotate/"), ("PUT", "/hook/secret/"), ("GET", "/hook/test-call/")]
    {
        let _hidden = eve.client.call(method, &format!("{at}{rest}")).send().await.refused(404, "NOT_FOUND");
    }
    let export = ada.client.get("/api/users/me/export").send().await.expect(200).text();
    let token = path.rsplit('/').next().expect("a token");
    assert!(export.contains("workflow_hooks") && !export.contains(token) && !export.contains(SECRET));

    let closed =
        ada.client.call("DELETE", "/api/users/me").json(&json!({"password": atelier_tests::PASSWORD}));
    let closed = closed.send().await;
    assert!(closed.status < 300, "{}", closed.text());
    let _gone = send(&app, &path, &headers, BODY).await.refused(404, "NOT_FOUND");
    atelier_tests::until("the webhook is erased", async || {
        let left = atelier_entities::workflow_hooks::Entity::find().all(app.db()).await.expect("a database");
        left.is_empty().then_some(())
    })
    .await;
    app.finish().await;
}

async fn more_calls_than_a_webhook_takes_are_told_to_wait(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let workflow = enabled(&ada, &graph(json!({"rate_per_minute": 2}))).await;
    let path = rotate(&ada, &workflow, "hook").await;

    for _ in 0..2 {
        let _taken = send(&app, &path, &[], BODY).await.expect(202);
    }
    let limited = send(&app, &path, &[], BODY).await.refused(429, "RATE_LIMITED");

    assert!(!limited.header("retry-after").is_empty());
    app.finish().await;
}
