//! Requests to the product's API that are repeated until they are answered.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::Context;
use atelier_client::{ApiClient, ApiClientError, ApiResponse};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::{self, Instant};
use uuid::Uuid;

/// How long one request is tried again: longer than the API takes to answer over
/// connections that fell silent.
const TIMEOUT: Duration = Duration::from_secs(120);

const RETRY_AFTER: Duration = Duration::from_millis(300);

/// Sends requests for people, and counts them.
#[derive(Debug, Default)]
pub(super) struct Requests {
    answered: AtomicU64,
    repeated: AtomicU64,
}

impl Requests {
    /// Requests that were answered, and requests that were repeated.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.answered.load(Ordering::Relaxed), self.repeated.load(Ordering::Relaxed))
    }

    /// Signs a new person up.
    pub(super) async fn register(&self, anonymous: &ApiClient) -> anyhow::Result<ApiClient> {
        let answer = self.until_answered(anonymous, &Request::Register).await.context("registration")?;
        let token = answer.body.get("access_token").and_then(Value::as_str).context("no access token")?;
        Ok(anonymous.clone().signed_in(SecretString::from(token)))
    }

    /// GETs until there is an answer.
    ///
    /// # Errors
    /// The answer, if it is a refusal, or why there was none in time.
    pub(super) async fn get(&self, client: &ApiClient, path: &str) -> Result<ApiResponse, ApiClientError> {
        self.until_answered(client, &Request::Get(path)).await
    }

    /// POSTs under one idempotency key until there is an answer.
    ///
    /// # Errors
    /// The answer, if it is a refusal, or why there was none in time.
    pub(super) async fn post(
        &self,
        client: &ApiClient,
        path: &str,
        body: &Value,
    ) -> Result<ApiResponse, ApiClientError> {
        let key = Uuid::now_v7().to_string();
        self.until_answered(client, &Request::Post { path, body, key: &key }).await
    }

    /// PUTs until there is an answer.
    ///
    /// # Errors
    /// The answer, if it is a refusal, or why there was none in time.
    pub(super) async fn put(
        &self,
        client: &ApiClient,
        path: &str,
        body: &Value,
    ) -> Result<ApiResponse, ApiClientError> {
        self.until_answered(client, &Request::Put { path, body }).await
    }

    async fn until_answered(
        &self,
        client: &ApiClient,
        request: &Request<'_>,
    ) -> Result<ApiResponse, ApiClientError> {
        let begun = Instant::now();
        loop {
            match request.send(client).await {
                Err(error) if is_transient(&error) && begun.elapsed() < TIMEOUT => {
                    self.repeated.fetch_add(1, Ordering::Relaxed);
                    time::sleep(RETRY_AFTER).await;
                }
                answer => {
                    self.answered.fetch_add(u64::from(answer.is_ok()), Ordering::Relaxed);
                    return answer;
                }
            }
        }
    }
}

/// The requests of people.
enum Request<'a> {
    /// A new person on each try: registration takes no idempotency key.
    Register,
    Get(&'a str),
    Post {
        path: &'a str,
        body: &'a Value,
        key: &'a str,
    },
    Put {
        path: &'a str,
        body: &'a Value,
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
            Self::Put { path, body } => client.put(path, body).await,
        }
    }
}

/// Whether a repeat may succeed, also where an earlier try is still being answered.
fn is_transient(error: &ApiClientError) -> bool {
    let answering = matches!(error, ApiClientError::Refused { code, .. } if code == "REQUEST_IN_PROGRESS");
    answering || error.is_transient()
}
