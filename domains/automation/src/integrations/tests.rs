//! Integrations on a database, with services on this machine.

use std::{
    ops::Deref,
    sync::{Arc, Mutex},
};

use atelier_entities::{JobId, JobState, audit_log, integration_secrets};
use atelier_foundation::{
    Actor, Foundation, Page, Ports,
    key_ring::KEY_BYTES,
    testing::{self, Assembled, acting, effects_of, registry_of},
};
use atelier_providers::{http::HttpOptions, llm::fake::ScriptedModel, mail::fake::ScriptedMailer};
use axum::{
    Form, Json, Router,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;

use super::*;
use crate::{Automation, Deps, nodes::http_request};

mod commands;
mod rotation;
mod tokens;

const SECRET: &str = "sk-live-0123456789-secret-4F2a";

#[derive(Clone, Debug)]
pub(super) struct Services {
    foundation: Foundation,
    automation: Automation,
}

/// Integrations of a person, and a server that takes `SECRET` alone.
pub(super) struct Fixture {
    fixture: testing::Fixture<Services>,
    ada: Actor,
    base: String,
    server: Server,
}

/// What the server was asked for, and how many tokens it gave.
#[derive(Clone, Default)]
pub(super) struct Server {
    tokens: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
}

impl Server {
    fn router(self) -> Router {
        let guarded = |headers: HeaderMap| async move {
            let sent = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
            let status =
                if sent == format!("Bearer {SECRET}") { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            (status, format!("{status} for {sent}"))
        };
        let token = move |Form(form): Form<BTreeMap<String, String>>| async move {
            let mut tokens = self.tokens.lock().expect("not poisoned");
            tokens.push(form);
            Json(json!({"access_token": format!("issued-token-{}", tokens.len()), "expires_in": 3600}))
        };
        let refused = || async { (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"}))) };
        let hook = || async { (StatusCode::BAD_REQUEST, "no_text") };
        let away = || async { axum::response::Redirect::temporary("/guarded") };
        Router::new()
            .route("/guarded", get(guarded))
            .route("/token", post(token))
            .route("/no-token", post(refused))
            .route("/hook/T0/B0", post(hook))
            .route("/away", get(away))
    }

    fn issued(&self) -> usize {
        self.tokens.lock().expect("not poisoned").len()
    }
}

impl Deref for Fixture {
    type Target = testing::Fixture<Services>;

    fn deref(&self) -> &Self::Target {
        &self.fixture
    }
}

impl Fixture {
    async fn new() -> Self {
        Self::with_ring(testing::options().key_ring).await
    }

    async fn with_ring(ring: KeyRing) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Server::default();
        let router = server.clone().router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let modules = [
            atelier_foundation::module().within(|all: &Services| &all.foundation),
            crate::module(&crate::testing::links()).within(|all: &Services| &all.automation),
        ];
        let fixture =
            testing::Fixture::assemble(ScriptedMailer::new([]), effects_of(&modules), |queue, deps| {
                let objects = deps.objects.clone();
                let options = atelier_foundation::FoundationOptions { key_ring: ring, ..testing::options() };
                let foundation = Foundation::new(queue, deps, options, Ports::of(&modules));
                let options = HttpOptions { allow_private_addresses: true, ..HttpOptions::default() };
                let http = http_request::client(options).expect("a client");
                let deps = Deps { model: Arc::new(ScriptedModel::new([])), objects, http };
                let automation = Automation::new(&foundation, deps);
                let services = Services { automation, foundation: foundation.clone() };
                let registry = registry_of(&modules, &services);
                Assembled { services, foundation, registry }
            })
            .await;
        let ada = acting(fixture.register("ada@example.org").await.id);
        Self { fixture, ada, base, server }
    }

    fn integrations(&self) -> &Integrations {
        &self.services.automation.integrations
    }

    fn credentials(&self) -> &Credentials {
        &self.services.automation.credentials
    }

    fn url(&self, path: &str) -> Url {
        Url::parse(&format!("{}{path}", self.base)).expect("an address")
    }

    fn new_bearer(&self) -> NewIntegration {
        NewIntegration {
            kind: "http_bearer".to_owned(),
            name: "Shop".to_owned(),
            settings: BTreeMap::from([("test_url".to_owned(), Some(format!("{}/guarded", self.base)))]),
            secrets: secrets(&[("token", SECRET)]),
            allowed_hosts: Some(vec![self.base.clone()]),
        }
    }

    fn new_client(&self, path: &str) -> NewIntegration {
        let settings = [("token_url", format!("{}{path}", self.base)), ("client_id", "atelier".to_owned())];
        NewIntegration {
            kind: "oauth2_client_credentials".to_owned(),
            name: "API".to_owned(),
            settings: settings.into_iter().map(|(name, value)| (name.to_owned(), Some(value))).collect(),
            secrets: secrets(&[("client_secret", SECRET)]),
            allowed_hosts: Some(vec![self.base.clone()]),
        }
    }

    async fn create(&self, input: NewIntegration) -> Integration {
        self.integrations().create(&self.ada, input).await.expect("created")
    }

    async fn get(&self, id: IntegrationId) -> Integration {
        self.integrations().get(&self.ada, id).await.expect("there")
    }

    async fn find(&self, id: IntegrationId) -> Found {
        let kinds = kinds::ALL.map(|kind| kind.name);
        self.credentials().find(self.ada.person().expect("a person"), id, &kinds).await.expect("found")
    }

    async fn rows(&self, id: IntegrationId) -> Vec<integration_secrets::Model> {
        let of_integration = integration_secrets::Column::IntegrationId.eq(id);
        let rows = integration_secrets::Entity::find().filter(of_integration).all(self.queue().db()).await;
        rows.expect("listed")
    }

    /// Tests an integration by its job.
    async fn test(&self, id: IntegrationId) -> TestReport {
        let job = self.integrations().start_test(&self.ada, id).await.expect("started");
        self.work().await;
        let job = self.job(job.id).await;
        assert_eq!(job.state, JobState::Succeeded, "{job:?}");
        serde_json::from_value(job.result.expect("a result")).expect("a report")
    }

    /// All rows of all tables as text.
    async fn dump(&self) -> String {
        testing::list_rows_as_text(self.queue().db()).await.join("\n")
    }
}

fn secrets(pairs: &[(&str, &str)]) -> BTreeMap<String, Option<SecretString>> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), Some(SecretString::from(*value)))).collect()
}

fn ring(keys: &[(&str, u8)]) -> KeyRing {
    let keys: Vec<_> = keys.iter().map(|(id, byte)| ((*id).to_owned(), [*byte; KEY_BYTES])).collect();
    KeyRing::new(keys.iter().map(|(id, key)| (id.clone(), key)))
}
