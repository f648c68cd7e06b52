//! Users of the product's HTTP API: they register, create projects, generate and publish
//! them, and repeat requests that get no answer.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use atelier_client::{ApiClient, ApiClientError, ApiResponse};
use atelier_entities::JobId;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Customers at the same time.
pub(super) const CUSTOMERS: usize = 2;

/// Generations that the credits of a new account pay for.
const GENERATIONS: usize = 4;

/// How long one request is tried again: longer than the API takes to answer over
/// connections that fell silent.
const TIMEOUT: Duration = Duration::from_secs(120);

const RETRY_AFTER: Duration = Duration::from_millis(300);

/// How long a customer waits for a job.
const JOB_PATIENCE: Duration = Duration::from_secs(120);

/// What customers sent and received.
#[derive(Debug, Default)]
pub(super) struct Customers {
    jobs: Mutex<Vec<JobId>>,
    projects_asked: AtomicU64,
    requests: AtomicU64,
    retries: AtomicU64,
    gave_up: Mutex<Vec<String>>,
}

impl Customers {
    /// Jobs that the API answered with 202.
    pub(super) fn acknowledged(&self) -> Vec<JobId> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Requests that were answered, and requests that were repeated.
    pub(super) fn requests_and_retries(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.retries.load(Ordering::Relaxed))
    }

    /// Projects that were asked for, each under a key of its own, and each to be
    /// generated and published once.
    pub(super) fn projects_asked(&self) -> u64 {
        self.projects_asked.load(Ordering::Relaxed)
    }

    /// Why customers gave up.
    pub(super) fn gave_up(&self) -> Vec<String> {
        self.gave_up.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs one customer after the other until it is stopped; the last one is dropped.
    pub(super) async fn come(&self, url: &str, stop: CancellationToken) {
        loop {
            let visited = tokio::select! {
                visited = self.visit(url) => visited,
                () = stop.cancelled() => return,
            };
            if let Err(error) = visited {
                self.gave_up.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{error:#}"));
                time::sleep(Duration::from_secs(1)).await;
            }
        }
    }

    async fn visit(&self, url: &str) -> anyhow::Result<()> {
        let client = self.register(&ApiClient::new(url)?).await?;
        for _ in 0..GENERATIONS {
            self.projects_asked.fetch_add(1, Ordering::Relaxed);
            let body = json!({
                "title": "Reading list",
                "description": "A reading list with authors, ratings and a search box",
                "type": "web_app",
            });
            let project = self.post(&client, "/api/projects", &body).await.context("project")?;
            let project =
                project.body.pointer("/project/id").and_then(Value::as_str).context("no id")?.to_owned();
            let path = format!("/api/projects/{project}/generate");
            if self.have_done(&client, &path, &json!({"mode": "quick"})).await.context("generation")? {
                let path = format!("/api/projects/{project}/deploy");
                self.have_done(&client, &path, &json!({"platform": "preview"}))
                    .await
                    .context("publication")?;
            }
            time::sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }

    async fn register(&self, anonymous: &ApiClient) -> anyhow::Result<ApiClient> {
        let answer = self.until_answered(anonymous, &Request::Register).await.context("registration")?;
        let token = answer.body.get("access_token").and_then(Value::as_str).context("no access token")?;
        Ok(anonymous.clone().signed_in(SecretString::from(token)))
    }

    /// Requests a job and waits until it has ended; true where it succeeded.
    async fn have_done(&self, client: &ApiClient, path: &str, body: &Value) -> anyhow::Result<bool> {
        let answer = self.post(client, path, body).await?;
        let location = answer.location.context("the answer names no job")?;
        let id: JobId = location.rsplit('/').next().unwrap_or_default().parse().context("no job's id")?;
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).push(id);
        let begun = Instant::now();
        while begun.elapsed() < JOB_PATIENCE {
            let job = self.until_answered(client, &Request::Get(&location)).await?;
            let job = job.body.get("job").unwrap_or(&job.body);
            let state = job.get("status").or_else(|| job.get("state")).and_then(Value::as_str);
            match state.unwrap_or_default() {
                "succeeded" => return Ok(true),
                "failed" | "cancelled" | "discarded" => return Ok(false),
                _ => time::sleep(Duration::from_millis(250)).await,
            }
        }
        bail!("job {id} has not ended in {} s", JOB_PATIENCE.as_secs())
    }

    /// POSTs under one idempotency key until there is an answer.
    async fn post(&self, client: &ApiClient, path: &str, body: &Value) -> anyhow::Result<ApiResponse> {
        let key = Uuid::now_v7().to_string();
        self.until_answered(client, &Request::Post { path, body, key: &key }).await
    }

    async fn until_answered(&self, client: &ApiClient, request: &Request<'_>) -> anyhow::Result<ApiResponse> {
        let begun = Instant::now();
        loop {
            match request.send(client).await {
                Ok(answer) => {
                    self.requests.fetch_add(1, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(error) if is_transient(&error) && begun.elapsed() < TIMEOUT => {
                    self.retries.fetch_add(1, Ordering::Relaxed);
                    time::sleep(RETRY_AFTER).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The requests of customers.
enum Request<'a> {
    /// A new person on each try: registration takes no idempotency key.
    Register,
    Get(&'a str),
    Post {
        path: &'a str,
        body: &'a Value,
        key: &'a str,
    },
}

impl Request<'_> {
    async fn send(&self, client: &ApiClient) -> Result<ApiResponse, ApiClientError> {
        match self {
            Self::Register => {
                let id = Uuid::new_v4().simple();
                let email = format!("chaos-{id}@example.com");
                let body = json!({"email": email, "password": id.to_string(), "full_name": "Chaos"});
                client.post("/api/auth/register", &body, None).await
            }
            Self::Get(path) => client.get(path).await,
            Self::Post { path, body, key } => client.post(path, body, Some(key)).await,
        }
    }
}

/// Whether a repeat may succeed, also where an earlier try is still being answered.
fn is_transient(error: &ApiClientError) -> bool {
    let answering = matches!(error, ApiClientError::Refused { code, .. } if code == "REQUEST_IN_PROGRESS");
    answering || error.is_transient()
}
