//! A change of access takes effect before its response, in the process that handles the request
//! and in every other one, in spite of their caches.

use atelier_config::Role;
use atelier_entities::users;
use atelier_tests::{AppSetup, Client, PASSWORD, Person, TestApp, until};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

/// A kind of job that no worker runs here.
const LEFT: [&str; 4] = ["account.erase", "email.deliver", "generation.run", "maintenance.erase_archived"];

/// Two processes of the API, without a worker.
struct Pair {
    app: TestApp,
    other: Client,
    people: u32,
}

/// A person in the token caches of both processes, with a client for each.
struct CachedPerson {
    here: Person,
    there: Person,
}

impl Pair {
    async fn start() -> Self {
        let setup = AppSetup::scaled().await.without(Role::Worker).without(Role::Scheduler);
        let mut app = setup.start().await;
        let other = app.start(Role::Api).await;
        for client in [app.client(), other.clone()] {
            let _ready = client.get("/readyz").send().await.expect(200);
        }
        Self { app, other, people: 0 }
    }

    async fn person(&mut self) -> CachedPerson {
        self.people += 1;
        let here = self.app.client().register(&format!("person{}@example.org", self.people)).await;
        self.known(here).await
    }

    async fn operator(&mut self) -> CachedPerson {
        self.people += 1;
        let here = self.app.client().register(&format!("person{}@example.org", self.people)).await;
        let right = users::ActiveModel { is_admin: Set(true), ..Default::default() };
        let of_them = users::Entity::update_many().set(right).filter(users::Column::Email.eq(&here.email));
        of_them.exec(self.app.db()).await.expect("a database");
        self.known(here).await
    }

    async fn known(&self, here: Person) -> CachedPerson {
        let there = Person { client: self.other.signed_in(&here.access_token), ..here.clone() };
        for client in [&here.client, &there.client, &here.client, &there.client] {
            let _known = client.get("/api/projects").send().await.expect(200);
        }
        CachedPerson { here, there }
    }

    async fn finish(self) {
        self.app.finish_leaving(&LEFT).await;
    }
}

impl CachedPerson {
    async fn done(&self, method: &str, path: &str, body: &Value) {
        let call = self.here.client.call(method, path);
        let reply = if body.is_null() { call } else { call.json(body) }.send().await;
        assert!(matches!(reply.status, 200 | 204), "{method} {path}: {} {}", reply.status, reply.text());
    }

    /// Checks the other process first, which only receives the message.
    async fn refused(&self, status: u16, code: &str) {
        for client in [&self.there.client, &self.here.client] {
            let _refused = client.get("/api/projects").send().await.refused(status, code);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_ends_at_one_process_has_ended_at_the_other() {
    let mut pair = Pair::start().await;
    let new_password = "another horse battery";
    let change = json!({"current_password": PASSWORD, "new_password": new_password});
    for (method, path, body) in [
        ("POST", "/api/auth/logout", Value::Null),
        ("PUT", "/api/users/me/password", change),
        ("DELETE", "/api/users/me", json!({"password": PASSWORD})),
    ] {
        let ada = pair.person().await;
        ada.done(method, path, &body).await;
        ada.refused(401, "INVALID_TOKEN").await;
    }

    let ada = pair.person().await;
    let session = ada.here.get("/api/auth/sessions").await[0]["id"].as_str().expect("an id").to_owned();
    ada.done("DELETE", &format!("/api/auth/sessions/{session}"), &Value::Null).await;
    ada.refused(401, "INVALID_TOKEN").await;
    pair.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_by_an_administrator_take_effect_at_the_other_process() {
    let mut pair = Pair::start().await;
    let root = pair.operator().await;
    let path = |who: &CachedPerson| format!("/api/admin/users/{}", who.here.id);
    let ada = pair.person().await;
    root.done("PATCH", &format!("{}/deactivate", path(&ada)), &Value::Null).await;
    ada.refused(403, "ACCOUNT_DEACTIVATED").await;

    let bob = pair.person().await;
    root.done("DELETE", &path(&bob), &Value::Null).await;
    bob.refused(401, "INVALID_TOKEN").await;

    let eve = pair.person().await;
    let proven =
        users::ActiveModel { email_verified_at: Set(Some(chrono::Utc::now())), ..Default::default() };
    let of_eve = users::Entity::update_many().set(proven).filter(users::Column::Email.eq(&eve.here.email));
    of_eve.exec(pair.app.db()).await.expect("a database");
    let platform = |client: &Client| client.get("/api/admin/users").send();
    let _refused = platform(&eve.there.client).await.refused(403, "FORBIDDEN");
    root.done("PUT", &path(&eve), &json!({"is_admin": true})).await;
    let _granted = platform(&eve.there.client).await.expect(200);
    root.done("PUT", &path(&eve), &json!({"is_admin": false})).await;
    for client in [&eve.there.client, &eve.here.client] {
        let _taken = platform(client).await.refused(403, "FORBIDDEN");
    }

    let max = pair.operator().await;
    let _operates = platform(&max.there.client).await.expect(200);
    root.done("PUT", &path(&max), &json!({"is_admin": false})).await;
    let _taken = platform(&max.there.client).await.refused(403, "FORBIDDEN");
    pair.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_deleted_at_one_process_is_refused_by_the_other() {
    let mut pair = Pair::start().await;
    let ada = pair.person().await;
    let token = json!({"name": "Nightly build", "scopes": ["read"]});
    let made = ada.here.client.post("/api/auth/tokens").json(&token).send().await.expect(201).json();
    let token = made["token"].as_str().expect("a token").to_owned();
    let clients = [pair.app.client().signed_in(&token), pair.other.signed_in(&token)];
    for client in clients.iter().chain(&clients) {
        let _reads = client.get("/api/projects").send().await.expect(200);
    }

    let id = made["api_token"]["id"].as_str().expect("an id");
    ada.done("DELETE", &format!("/api/auth/tokens/{id}"), &Value::Null).await;

    for client in clients.iter().rev() {
        let _refused = client.get("/api/projects").send().await.refused(401, "INVALID_TOKEN");
    }
    let _goes_on = ada.there.client.get("/api/projects").send().await.expect(200);
    pair.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_where_its_person_signs_out_elsewhere() {
    let mut pair = Pair::start().await;
    let (ada, bob) = (pair.person().await, pair.person().await);
    let mut streams = Vec::new();
    for who in [&ada, &bob] {
        let project = who.here.create_project("Reading list").await;
        let job = who.here.start_generation(&project).await;
        let mut stream = who.there.events(&job, None).await;
        let first = stream.next().await.expect("a stream").expect("an event");
        assert_eq!(first.event, "status");
        streams.push(stream);
    }

    ada.done("POST", "/api/auth/logout", &Value::Null).await;

    while let Some(event) = streams[0].next().await.expect("the server closes it") {
        assert_ne!(event.event, "end", "the job has not ended");
    }
    let path = format!("/api/admin/users/{}/deactivate", bob.here.id);
    pair.operator().await.done("PATCH", &path, &Value::Null).await;
    while streams[1].next().await.expect("the server closes it").is_some() {}
    pair.finish().await;
}

/// Polls a job with the known revision.
async fn poll(client: &Client, job: &str, etag: &str) -> (u16, String) {
    let reply = client.get(&format!("/api/jobs/{job}")).header("if-none-match", etag).send().await;
    assert!(matches!(reply.status, 200 | 304), "{} {}", reply.status, reply.text());
    (reply.status, reply.header("etag").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_polled_is_never_older_than_what_its_owner_did() {
    let mut pair = Pair::start().await;
    let (ada, bob) = (pair.person().await, pair.person().await);
    let project = ada.here.create_project("Reading list").await;
    let job = ada.here.start_generation(&project).await;
    let shown = ada.here.client.get(&format!("/api/jobs/{job}")).send().await.expect(200);
    let etag = shown.header("etag").to_owned();
    for client in [&ada.here.client, &ada.there.client, &ada.here.client, &ada.there.client] {
        assert_eq!(poll(client, &job, &etag).await, (304, etag.clone()));
    }
    let path = format!("/api/jobs/{job}");
    let anothers = bob.here.client.get(&path).header("if-none-match", &etag).send().await;
    let _refused = anothers.refused(404, "NOT_FOUND");

    let _cancelled = ada.here.cancel(&job).await.expect(200);

    let (status, cancelled) = poll(&ada.here.client, &job, &etag).await;
    assert_eq!(status, 200, "who did it sees it at once");
    assert_ne!(cancelled, etag);
    until("the other process has heard of it", async || {
        (poll(&ada.there.client, &job, &etag).await == (200, cancelled.clone())).then_some(())
    })
    .await;
    for client in [&ada.here.client, &ada.there.client, &ada.here.client, &ada.there.client] {
        assert_eq!(
            poll(client, &job, &cancelled).await,
            (304, cancelled.clone()),
            "the end is reported once"
        );
    }
    pair.finish().await;
}
