//! The router on a platform in a temporary folder. Queued jobs run where a test says so.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use atelier_builder::testing as builder;
use atelier_entities::{SignInProvider, users};
use atelier_foundation::{
    Actor, database,
    identity::{OAuthSetup, Registration},
};
use atelier_ops::{check::Check, connections::ConnectionLimits, server::Operations, shutdown::Shutdown};
use atelier_providers::{
    http::{GuardedClient, HttpOptions},
    limiter::memory::MemoryLimiter,
    llm::fake::ScriptedModel,
    mail::fake::ScriptedMailer,
    oauth::{ExternalPerson, IdentityProvider, fake::ScriptedProvider},
    object_store::{ObjectStoreOptions, Objects},
};
use atelier_queue::{Queue, QueueOptions, bus::LocalBus, transport::InProcess};
use atelier_services::{Deps, ServiceOptions, Services, effects};
use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Request, StatusCode, header},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

use crate::{
    ApiOptions, ApiState, LimitOptions, StrictTransport,
    openapi::answers::{self, Asked},
    router,
};

/// A running API.
pub(crate) struct TestApi {
    pub(crate) router: Router,
    pub(crate) shutdown: Shutdown,
    pub(crate) services: Services,
    pub(crate) state: ApiState,
    _folder: TempDir,
}

/// An answer of the API.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

pub(crate) const LIMITS: LimitOptions = LimitOptions {
    requests_per_minute: 1000,
    auth_per_minute: 1000,
    generation_per_minute: 1000,
    preview_per_minute: 1000,
};

impl TestApi {
    pub(crate) async fn start(limits: LimitOptions) -> Self {
        Self::start_with(limits, options()).await
    }

    /// An API that requires verified mail addresses.
    pub(crate) async fn start_strict() -> Self {
        let mut options = options();
        options.foundation.auth.require_verified_email = true;
        Self::start_with(LIMITS, options).await
    }

    /// An API that does not reveal which addresses are registered.
    pub(crate) async fn start_hiding() -> Self {
        let mut options = options();
        options.foundation.auth.hide_registered_emails = true;
        Self::start_with(LIMITS, options).await
    }

    async fn start_with(limits: LimitOptions, options: ServiceOptions) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let services = services(&folder, options).await;
        let shutdown = Shutdown::new(Duration::from_secs(1));
        let metrics = atelier_ops::metrics::install("api").expect("a recorder");
        let check = Check::new("database", || async { Ok(()) });
        let operations = Operations::new(metrics, vec![check], shutdown.clone());
        let options = ApiOptions {
            max_body_bytes: 10_000,
            request_timeout: Duration::from_secs(10),
            connections: ConnectionLimits {
                headers: Duration::from_secs(10),
                idle: Duration::from_secs(75),
                write: Duration::from_secs(30),
                connections: 100,
            },
            cors_allowed_origins: vec!["https://console.example".to_owned()],
            data_dir: folder.path().to_owned(),
            trusted_proxies: vec!["127.0.0.1".parse().expect("a network")],
            limits,
            strict_transport: StrictTransport::Host,
        };
        let limiter = Arc::new(MemoryLimiter::new());
        let state = ApiState::new(services.clone(), limiter, options, operations, shutdown.clone());
        Self { router: router(state.clone()), shutdown, services, state, _folder: folder }
    }

    /// Sends a request and reads the whole answer, which has to be as the document says.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4711))));
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        let (status, headers) = (parts.status, parts.headers);
        let asked =
            Asked { method: &method, path: &path, status: status.as_u16(), headers: &headers, body: &body };
        let faults = answers::faults(&asked);
        assert!(faults.is_empty(), "{method} {path} is not as documented: {faults:#?}");
        Answer { status, headers, body }
    }

    /// A request with this token, with a JSON body unless it is null.
    pub(crate) async fn call(&self, method: &str, path: &str, token: &str, body: Value) -> Answer {
        self.send(request(method, path, token, body)).await
    }

    /// Runs every due job.
    pub(crate) async fn work(&self) {
        let registry = atelier_services::registry(&self.services).expect("one handler a kind");
        atelier_foundation::testing::work(&self.services.queue, &registry).await;
    }

    /// Registers an account; its access token.
    pub(crate) async fn register(&self, email: &str) -> String {
        let body =
            serde_json::json!({"email": email, "password": "correct horse", "full_name": "Ada Lovelace"});
        let answer = self.call("POST", "/api/auth/register", "", body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["access_token"].as_str().expect("a token").to_owned()
    }

    /// Registers an account that may operate the platform; its access token.
    pub(crate) async fn register_admin(&self, email: &str) -> String {
        let token = self.register(email).await;
        self.prove(email).await;
        let input = Registration {
            email: email.to_owned(),
            password: "correct horse".to_owned(),
            full_name: "Ada Lovelace".to_owned(),
            locale: None,
            time_zone: None,
            country: None,
        };
        self.services.foundation.identity.ensure_admin(&Actor::platform(), input).await.expect("an admin");
        token
    }

    /// Marks the mail address of an account as verified, as its mailed link does.
    pub(crate) async fn prove(&self, email: &str) {
        let queue = &self.services.queue;
        let proven = users::Entity::update_many()
            .col_expr(users::Column::EmailVerifiedAt, Expr::value(queue.now()))
            .filter(users::Column::Email.eq(email));
        proven.exec(queue.db()).await.expect("proven");
    }

    /// Creates a project; its id.
    pub(crate) async fn create_project(&self, token: &str) -> String {
        let body = serde_json::json!({"title": "Reading list", "description": "Books", "type": "web_app"});
        let answer = self.call("POST", "/api/projects", token, body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["project"]["id"].as_str().expect("an id").to_owned()
    }
}

pub(crate) fn request(method: &str, path: &str, token: &str, body: Value) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if body.is_null() {
        return request.body(Body::empty()).expect("a request");
    }
    let request = request.header(header::CONTENT_TYPE, "application/json");
    request.body(Body::from(body.to_string())).expect("a request")
}

async fn services(folder: &TempDir, options: ServiceOptions) -> Services {
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display());
    let wait = Duration::from_secs(5);
    let db = database::connect(&url, 4, wait, wait).await.expect("connected");
    database::migrate(&db).await.expect("migrated");
    let effects = effects(&(&options).into()).expect("effects");
    let (transport, bus) = (Arc::new(InProcess::default()), Arc::new(LocalBus::default()));
    let queue = Queue::new(db, transport, bus, effects, QueueOptions::default());
    let objects = ObjectStoreOptions::Folder(folder.path().join("objects"));
    let deps = Deps {
        model: Arc::new(ScriptedModel::new([])),
        mailer: Arc::new(ScriptedMailer::new([])),
        objects: Objects::open(&objects).expect("a store"),
        oauth: oauth(),
        http: GuardedClient::new(HttpOptions::default()).expect("a client"),
    };
    Services::new(queue, deps, options)
}

/// Google and Apple, whose people Ada and Grace come back, each once.
fn oauth() -> OAuthSetup {
    let person = |name: &str| {
        Ok(ExternalPerson {
            subject: name.to_owned(),
            email: Some(format!("{name}@example.net")),
            email_verified: true,
            ..ExternalPerson::default()
        })
    };
    let google: Arc<dyn IdentityProvider> = Arc::new(ScriptedProvider::new([person("ada")]));
    let apple: Arc<dyn IdentityProvider> = Arc::new(ScriptedProvider::new([person("grace")]).by_post());
    OAuthSetup {
        providers: [(SignInProvider::Google, google), (SignInProvider::Apple, apple)].into(),
        public_url: "https://atelier.example".to_owned(),
        frontend_url: "https://app.example".to_owned(),
    }
}

fn options() -> ServiceOptions {
    let builder::Options { mut foundation, builder } = builder::options();
    foundation.credits.signup_grant = 3;
    ServiceOptions { foundation, builder }
}
