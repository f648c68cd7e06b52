//! Users of the product's HTTP API: they register, create projects, generate and publish
//! them, and repeat requests that get no answer.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use atelier_client::ApiClient;
use atelier_entities::JobId;
use serde_json::{Value, json};
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;

use super::requests::Requests;

/// Customers at the same time.
pub(super) const CUSTOMERS: usize = 2;

/// Generations that the credits of a new account pay for.
const GENERATIONS: usize = 4;

/// How long a customer waits for a job.
const JOB_PATIENCE: Duration = Duration::from_secs(120);

/// What customers sent and received.
#[derive(Debug, Default)]
pub(super) struct Customers {
    jobs: Mutex<Vec<JobId>>,
    projects_asked: AtomicU64,
    requests: Arc<Requests>,
    gave_up: Mutex<Vec<String>>,
}

impl Customers {
    /// Customers who send their requests so.
    pub(super) fn new(requests: Arc<Requests>) -> Self {
        Self { requests, ..Self::default() }
    }

    /// Jobs that the API answered with 202.
    pub(super) fn acknowledged(&self) -> Vec<JobId> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        let client = self.requests.register(&ApiClient::new(url)?).await?;
        for _ in 0..GENERATIONS {
            self.projects_asked.fetch_add(1, Ordering::Relaxed);
            let body = json!({
                "title": "Reading list",
                "description": "A reading list with authors, ratings and a search box",
                "type": "web_app",
            });
            let project = self.requests.post(&client, "/api/projects", &body).await.context("project")?;
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

    /// Requests a job and waits until it has ended; true where it succeeded.
    async fn have_done(&self, client: &ApiClient, path: &str, body: &Value) -> anyhow::Result<bool> {
        let answer = self.requests.post(client, path, body).await?;
        let location = answer.location.context("the answer names no job")?;
        let id: JobId = location.rsplit('/').next().unwrap_or_default().parse().context("no job's id")?;
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).push(id);
        let begun = Instant::now();
        while begun.elapsed() < JOB_PATIENCE {
            let job = self.requests.get(client, &location).await?;
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
}
