//! Webhooks on a database, with a server on this machine.

use std::{
    collections::VecDeque,
    ops::Deref,
    sync::{Arc, Mutex},
};

use atelier_entities::{
    DeliveryState, JobId, JobState, UserId, WebhookStatus, WebhookSubscriptionId, jobs,
    webhook_deliveries as deliveries, webhook_subscriptions as subscriptions,
};
use atelier_foundation::{
    Actor, Foundation, FoundationOptions, Kind, Module, Page, Ports,
    testing::{self, Assembled, acting, effects_of, registry_of},
};
use atelier_providers::{http::HttpOptions, llm::fake::ScriptedModel, mail::fake::ScriptedMailer};
use atelier_queue::{Job, JobError, NewJob, Outcome};
use axum::{
    Router,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::IntoResponse,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;
use crate::{Automation, Deps, nodes::http_request, testing::Deed};

mod commands;
mod disabling;
mod sending;

#[derive(Clone, Debug)]
struct Services {
    foundation: Foundation,
    automation: Automation,
}

/// A request that the server got.
#[derive(Clone, Debug)]
struct Received {
    headers: HeaderMap,
    body: String,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().expect("a text")).unwrap_or_default()
    }

    /// Whether a secret signed it, by the definition of HMAC.
    fn is_signed_by(&self, secret: &SecretString) -> bool {
        let key = secret.expose_secret().strip_prefix("whsec_").expect("a secret");
        let mut block = STANDARD.decode(key).expect("base64");
        block.resize(64, 0);
        let padded = |byte: u8| block.iter().map(|one| one ^ byte).collect::<Vec<u8>>();
        let signed =
            format!("{}.{}.{}", self.header("webhook-id"), self.header("webhook-timestamp"), self.body);
        let inner = Sha256::digest([padded(0x36), signed.into_bytes()].concat());
        let outer = Sha256::digest([padded(0x5c), inner.to_vec()].concat());
        let expected = format!("v1,{}", STANDARD.encode(outer));
        self.header("webhook-signature").split(' ').any(|signature| signature == expected)
    }
}

/// A status, and headers.
type Scripted = (u16, Vec<(&'static str, String)>);

/// A server that answers by a script, and 200 where it has none.
#[derive(Clone, Default)]
struct Server {
    script: Arc<Mutex<VecDeque<Scripted>>>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    fn router(self) -> Router {
        Router::new().fallback(move |headers: HeaderMap, body: String| async move {
            self.received.lock().expect("not poisoned").push(Received { headers, body });
            let next = self.script.lock().expect("not poisoned").pop_front();
            let (status, headers) = next.unwrap_or((200, Vec::new()));
            let headers: HeaderMap = headers
                .into_iter()
                .map(|(name, value)| {
                    (HeaderName::from_static(name), HeaderValue::from_str(&value).expect("a value"))
                })
                .collect();
            (StatusCode::from_u16(status).expect("a status"), headers, "the answer").into_response()
        })
    }
}

/// Webhooks of a person, and a server.
struct Fixture {
    fixture: testing::Fixture<Services>,
    ada: Actor,
    user: UserId,
    base: String,
    server: Server,
}

impl Deref for Fixture {
    type Target = testing::Fixture<Services>;

    fn deref(&self) -> &Self::Target {
        &self.fixture
    }
}

impl Fixture {
    async fn new() -> Self {
        Self::with(HttpOptions { allow_private_addresses: true, ..HttpOptions::default() }).await
    }

    async fn with(options: HttpOptions) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Server::default();
        let router = server.clone().router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let deed = Kind::of::<Deed>(|_, _, deed| {
            Box::pin(async move {
                match deed.fails {
                    Some(code) => Err(JobError::fail(code, "The deed failed.")),
                    None => Ok(Outcome::Done(deed.gives.unwrap_or_default())),
                }
            })
        });
        let modules = [
            atelier_foundation::module().within(|all: &Services| &all.foundation),
            crate::module(&crate::testing::links()).within(|all: &Services| &all.automation),
            Module::new("scripted").with_kind(deed.announced_as("deployment")),
        ];
        let fixture =
            testing::Fixture::assemble(ScriptedMailer::new([]), effects_of(&modules), |queue, deps| {
                let objects = deps.objects.clone();
                let foundation_options: FoundationOptions = testing::options();
                let foundation = Foundation::new(queue, deps, foundation_options, Ports::of(&modules));
                let http = http_request::client(options).expect("a client");
                let deps = Deps { model: Arc::new(ScriptedModel::new([])), objects, http };
                let automation = Automation::new(&foundation, deps);
                let services = Services { automation, foundation: foundation.clone() };
                let registry = registry_of(&modules, &services);
                Assembled { services, foundation, registry }
            })
            .await;
        let user = fixture.register("ada@example.org").await.id;
        fixture.verify_address(user).await;
        Self { fixture, ada: acting(user), user, base, server }
    }

    fn webhooks(&self) -> &Webhooks {
        &self.services.automation.webhooks
    }

    fn input(&self, events: &[&str]) -> NewSubscription {
        NewSubscription {
            url: format!("{}/hook", self.base),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            ..NewSubscription::default()
        }
    }

    async fn subscribe(&self, events: &[&str]) -> WithSecret {
        self.webhooks().create(&self.ada, self.input(events)).await.expect("created")
    }

    /// What the server answers next.
    fn answer(&self, answers: impl IntoIterator<Item = (u16, Vec<(&'static str, String)>)>) {
        self.server.script.lock().expect("not poisoned").extend(answers);
    }

    fn received(&self) -> Vec<Received> {
        self.server.received.lock().expect("not poisoned").clone()
    }

    /// Lets a job of that person end, which is an event, and runs what is due.
    async fn happen(&self, owner: UserId, fails: Option<&str>) -> JobId {
        let deed = Deed {
            gives: Some(json!({"url": "https://a.example"})),
            fails: fails.map(str::to_owned),
            refused: None,
            after: 0,
        };
        let job = self.queue().enqueue(NewJob::of(&deed).owned_by(owner)).await.expect("enqueued").id;
        self.work().await;
        job
    }

    async fn subscription(&self, id: WebhookSubscriptionId) -> subscriptions::Model {
        self.webhooks().get(&self.ada, id).await.expect("there")
    }

    /// The deliveries of all subscriptions, oldest first.
    async fn deliveries(&self) -> Vec<deliveries::Model> {
        let rows = deliveries::Entity::find().order_by_asc(deliveries::Column::Id);
        rows.all(self.queue().db()).await.expect("listed")
    }

    /// The only delivery, with its attempts, newest first.
    async fn only(&self) -> Delivery {
        let rows = self.deliveries().await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        self.webhooks().get_delivery(&self.ada, rows[0].subscription_id, rows[0].id).await.expect("there")
    }

    /// Moves the clock to the next attempt of the only delivery, and runs it.
    async fn reach_next(&self) -> Delivery {
        let next = self.only().await.row.next_at.expect("an attempt");
        self.queue().clock().advance(next - self.queue().now());
        self.work().await;
        self.only().await
    }

    async fn delivery_jobs(&self) -> Vec<jobs::Model> {
        self.jobs_of_kind(DeliverWebhook::KIND).await
    }
}
