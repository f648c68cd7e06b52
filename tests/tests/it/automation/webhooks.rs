//! Webhooks with workers of an installation, and a server on this machine.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use atelier_config::Role;
use atelier_foundation::testing::list_rows_as_text;
use atelier_tests::{AppSetup, Person, TestApp, until};
use axum::{
    Router,
    http::{HeaderMap, StatusCode},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::Notify;

const WEBHOOKS: &str = "/api/v1/automation/webhooks/";

/// A request that the server got.
#[derive(Clone, Debug)]
struct Received {
    id: String,
    timestamp: String,
    signature: String,
    body: String,
}

impl Received {
    fn is_signed_by(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
        let signed = format!("{}.{}.{}", self.id, self.timestamp, self.body);
        let mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key").chain_update(signed);
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.signature.split(' ').any(|signature| signature == expected)
    }
}

/// A server that answers with these statuses, and then 200. It may hold an answer back.
#[derive(Clone, Default)]
struct Server {
    statuses: Arc<Mutex<VecDeque<u16>>>,
    received: Arc<Mutex<Vec<Received>>>,
    /// Whether answers are held back.
    holds: Arc<Mutex<bool>>,
    released: Arc<Notify>,
}

impl Server {
    async fn start(statuses: impl IntoIterator<Item = u16>) -> (Self, String) {
        let server = Self::default();
        server.statuses.lock().expect("not poisoned").extend(statuses);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let own = server.clone();
        let router =
            Router::new().fallback(move |headers: HeaderMap, body: String| own.answer(headers, body));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (server, url)
    }

    async fn answer(self, headers: HeaderMap, body: String) -> StatusCode {
        let text = |name: &str| {
            headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let request = Received {
            id: text("webhook-id"),
            timestamp: text("webhook-timestamp"),
            signature: text("webhook-signature"),
            body,
        };
        let released = self.released.notified();
        self.received.lock().expect("not poisoned").push(request);
        if *self.holds.lock().expect("not poisoned") {
            released.await;
        }
        let status = self.statuses.lock().expect("not poisoned").pop_front().unwrap_or(200);
        StatusCode::from_u16(status).expect("a status")
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().expect("not poisoned").clone()
    }

    fn hold(&self, holds: bool) {
        *self.holds.lock().expect("not poisoned") = holds;
        if !holds {
            self.released.notify_waiters();
        }
    }

    async fn until_received(&self, count: usize) {
        until("the server got its requests", async || (self.received().len() >= count).then_some(())).await;
    }
}

async fn start(setup: AppSetup) -> (TestApp, Person) {
    let app = setup.with(|settings| settings.http_client.allow_private_addresses = true).start().await;
    let ada = app.client().register("ada@example.org").await;
    (app, ada)
}

/// Makes a webhook. Returns its address and its secret.
async fn subscribe(person: &Person, url: &str, events: &[&str]) -> (String, String) {
    let input = json!({"url": url, "events": events});
    let made = person.client.post(WEBHOOKS).json(&input).send().await.expect(201).json();
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    (format!("{WEBHOOKS}{}/", text("id")), text("secret"))
}

/// The only delivery of a webhook, once it is in this state.
async fn delivery_once(person: &Person, at: &str, state: &str) -> Value {
    until(&format!("the delivery is {state}"), async || {
        let page = person.get(&format!("{at}deliveries/?state={state}")).await;
        (page["count"] == 1).then(|| page["results"][0].clone())
    })
    .await
}

async fn the_end_of_a_run_is_sent_signed_and_can_be_sent_again(setup: AppSetup) {
    let (app, ada) = start(setup).await;
    let (server, url) = Server::start([]).await;
    let (at, secret) = subscribe(&ada, &url, &["run.succeeded"]).await;
    let graph = json!({
        "nodes": [{"key": "start", "type": "manual"}, {"key": "a", "type": "no_op"}],
        "edges": [{"from": "start", "to": "a"}],
    });
    let workflow = ada.publish_workflow("Flow", &graph).await;

    let run = ada.start_run(&workflow, &json!({})).await;
    let delivery = delivery_once(&ada, &at, "succeeded").await;

    let received = server.received();
    assert_eq!(received.len(), 1, "{received:?}");
    assert!(received[0].is_signed_by(&secret), "{received:?}");
    let body: Value = serde_json::from_str(&received[0].body).expect("JSON");
    assert_eq!((&body["type"], &body["data"]["run_id"]), (&json!("run.succeeded"), &json!(run)));
    let one = format!("{at}deliveries/{}/", delivery["id"].as_str().expect("an id"));
    let again = ada.client.post(&format!("{one}redeliver/")).send().await.expect(202).json();
    ada.job_once(again["job"]["id"].as_str().expect("an id"), "succeeded").await;
    let shown = ada.get(&one).await;
    assert_eq!((&shown["state"], &shown["attempts"]), (&json!("succeeded"), &json!(2)));
    assert_eq!((&shown["payload"], &shown["log"][0]["status"]), (&body, &json!(200)));
    let received = server.received();
    assert_eq!((&received[0].id, &received[0].body), (&received[1].id, &received[1].body));
    let plain = secret.strip_prefix("whsec_").expect("a secret");
    let (rows, export) = (
        list_rows_as_text(app.db()).await.join("\n"),
        ada.client.get("/api/users/me/export").send().await.expect(200),
    );
    assert!(rows.contains(&received[0].id), "the dump has all tables");
    assert!(!rows.contains(plain) && !export.text().contains(plain));
    assert!(export.text().contains(&received[0].id));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded() {
    the_end_of_a_run_is_sent_signed_and_can_be_sent_again(AppSetup::embedded()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scaled() {
    the_end_of_a_run_is_sent_signed_and_can_be_sent_again(AppSetup::scaled().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_fails_is_asked_again_later() {
    let (app, ada) = start(AppSetup::embedded()).await;
    let (server, url) = Server::start([500, 503]).await;
    let (at, secret) = subscribe(&ada, &url, &["*"]).await;

    let _ping = ada.client.post(&format!("{at}ping/")).send().await.expect(202);
    for (attempts, pause) in [(1, TimeDelta::seconds(7)), (2, TimeDelta::minutes(7))] {
        until("the attempt is recorded", async || {
            let page = ada.get(&format!("{at}deliveries/")).await;
            (page["results"][0]["attempts"] == attempts).then_some(())
        })
        .await;
        app.advance(pause).await;
    }
    delivery_once(&ada, &at, "succeeded").await;

    let received = server.received();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|one| one.id == received[0].id && one.is_signed_by(&secret)));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_reach_a_webhook_although_workers_are_killed() {
    let setup = AppSetup::scaled().await.without(Role::Worker);
    let (mut app, ada) = start(setup).await;
    let (server, url) = Server::start([]).await;
    let (at, _) = subscribe(&ada, &url, &["*"]).await;
    server.hold(true);
    let worker = app.start_killable_worker();
    let _ping = ada.client.post(&format!("{at}ping/")).send().await.expect(202);
    server.until_received(1).await;

    worker.kill();
    server.hold(false);
    app.start(Role::Worker).await;

    let delivery = delivery_once(&ada, &at, "succeeded").await;
    let received = server.received();
    assert_eq!((received.len(), &received[0].id), (2, &received[1].id), "{received:?}");
    assert_eq!((&delivery["attempts"], &delivery["event_id"]), (&json!(1), &json!(received[0].id)));
    app.finish().await;
}
