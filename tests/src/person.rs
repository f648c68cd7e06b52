//! A signed-in person and their usual actions.

use atelier_client::{ApiClient, EventStream};
use serde_json::{Value, json};

use crate::client::{Client, Reply};
use crate::waiting::until;

/// The password of all persons.
pub const PASSWORD: &str = "correct horse battery";

/// A signed-in person.
#[derive(Clone, Debug)]
pub struct Person {
    /// A client with their access token.
    pub client: Client,
    /// The id of their account.
    pub id: String,
    /// Their mail address.
    pub email: String,
    /// The access token of `client`.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
}

impl Client {
    /// Registers Ada Lovelace with this address.
    ///
    /// # Panics
    /// If it is rejected.
    pub async fn register(&self, email: &str) -> Person {
        self.register_with(json!({"email": email, "password": PASSWORD, "full_name": "Ada Lovelace"})).await
    }

    /// Registers an account with these fields.
    ///
    /// # Panics
    /// If it is rejected.
    pub async fn register_with(&self, fields: Value) -> Person {
        self.person(&self.post("/api/auth/register").json(&fields).send().await.expect(201))
    }

    /// Tries to sign in.
    pub async fn login(&self, email: &str, password: &str) -> Reply {
        self.post("/api/auth/login").json(&json!({"email": email, "password": password})).send().await
    }

    /// Tries to exchange a refresh token.
    pub async fn refresh(&self, refresh_token: &str) -> Reply {
        self.post("/api/auth/refresh").json(&json!({"refresh_token": refresh_token})).send().await
    }

    /// The person in the response of a sign-in.
    ///
    /// # Panics
    /// If it is another response.
    #[must_use]
    pub fn person(&self, signed_in: &Reply) -> Person {
        let body = signed_in.json();
        let text = |pointer: &str| {
            let found = body.pointer(pointer).and_then(Value::as_str);
            found.unwrap_or_else(|| panic!("no {pointer} in {body}")).to_owned()
        };
        let access_token = text("/access_token");
        Person {
            client: self.signed_in(&access_token),
            id: text("/user/id"),
            email: text("/user/email"),
            access_token,
            refresh_token: text("/refresh_token"),
        }
    }
}

impl Person {
    /// The body of a GET that must succeed.
    ///
    /// # Panics
    /// If it fails.
    pub async fn get(&self, path: &str) -> Value {
        self.client.get(path).send().await.expect(200).json()
    }

    /// Creates a project of a web application with this title, and returns its id.
    ///
    /// # Panics
    /// If it is rejected.
    pub async fn create_project(&self, title: &str) -> String {
        let body = json!({"title": title, "description": "Books with authors, ratings and a search box"});
        let created = self.client.post("/api/projects").json(&body).send().await.expect(201).json();
        created["project"]["id"].as_str().expect("an id").to_owned()
    }

    /// Tries to start a quick generation.
    pub async fn generate(&self, project: &str) -> Reply {
        self.client.post(&format!("/api/projects/{project}/generate")).send().await
    }

    /// Starts a quick generation and returns the job's id.
    ///
    /// # Panics
    /// If it is rejected.
    pub async fn start_generation(&self, project: &str) -> String {
        job_id(&self.generate(project).await.expect(202))
    }

    /// Reads a project.
    ///
    /// # Panics
    /// If there is no project with this id.
    pub async fn project(&self, id: &str) -> Value {
        self.get(&format!("/api/projects/{id}")).await["project"].take()
    }

    /// Reads a job.
    ///
    /// # Panics
    /// If there is no job with this id.
    pub async fn job(&self, id: &str) -> Value {
        self.get(&format!("/api/jobs/{id}")).await
    }

    /// Waits until the job has this status, and returns it.
    ///
    /// # Panics
    /// If it ends with another status, or takes too long.
    pub async fn job_once(&self, id: &str, status: &str) -> Value {
        until(&format!("job {id} is {status}"), async || {
            let job = self.job(id).await;
            let ended = ["succeeded", "failed", "cancelled", "discarded"];
            let other_end = job["status"] != status && ended.iter().any(|end| job["status"] == *end);
            assert!(!other_end, "the job ended: {job}");
            (job["status"] == status).then_some(job)
        })
        .await
    }

    /// Waits until the job is in this stage, and returns it.
    ///
    /// # Panics
    /// If it takes too long.
    pub async fn job_in_stage(&self, id: &str, stage: &str) -> Value {
        until(&format!("job {id} is {stage}"), async || {
            let job = self.job(id).await;
            (job["progress"]["stage"] == stage).then_some(job)
        })
        .await
    }

    /// Cancels a job.
    pub async fn cancel(&self, job: &str) -> Reply {
        self.client.post(&format!("/api/jobs/{job}/cancel")).send().await
    }

    /// Their credits.
    ///
    /// # Panics
    /// If the request fails.
    pub async fn balance(&self) -> i64 {
        self.get("/api/credits/balance").await["total"].as_i64().expect("a number")
    }

    /// The entries of their credit history as (type, amount), oldest first. Checks that their
    /// sum is the balance.
    ///
    /// # Panics
    /// If it is not.
    pub async fn ledger(&self) -> Vec<(String, i64)> {
        let history = self.get("/api/credits/history?page_size=100").await;
        let mut rows: Vec<(String, i64)> = history
            .as_array()
            .expect("a list")
            .iter()
            .map(|row| {
                (row["type"].as_str().expect("text").to_owned(), row["amount"].as_i64().expect("a number"))
            })
            .collect();
        rows.reverse();
        let sum: i64 = rows.iter().map(|(_, amount)| amount).sum();
        assert_eq!(sum, self.balance().await, "{rows:?}");
        rows
    }

    /// Creates a workflow with this graph, publishes it, and returns its id.
    ///
    /// # Panics
    /// If it is rejected.
    pub async fn publish_workflow(&self, name: &str, graph: &Value) -> String {
        let id = self.create("/api/v1/automation/workflows/", &json!({"name": name})).await;
        let at = format!("/api/v1/automation/workflows/{id}");
        let put = self.client.call("PUT", &format!("{at}/graph/")).header("if-match", "*").json(graph);
        let _stored = put.send().await.expect(200);
        let _published = self.client.post(&format!("{at}/publish/")).send().await.expect(201);
        id
    }

    /// Creates what the body says, and returns its id.
    ///
    /// # Panics
    /// If it is rejected.
    pub async fn create(&self, path: &str, body: &Value) -> String {
        let made = self.client.post(path).json(body).send().await.expect(201).json();
        made["id"].as_str().expect("an id").to_owned()
    }

    /// Starts a run of a published workflow, and returns its id.
    ///
    /// # Panics
    /// If it is rejected.
    pub async fn start_run(&self, workflow: &str, input: &Value) -> String {
        let path = format!("/api/v1/automation/workflows/{workflow}/execute/");
        let started = self.client.post(&path).json(&json!({"input": input})).send().await.expect(202);
        let id = started.json()["run"]["id"].as_str().expect("an id").to_owned();
        assert_eq!(started.header("location"), format!("/api/v1/automation/executions/{id}/"));
        id
    }

    /// Reads a run with its first nodes.
    ///
    /// # Panics
    /// If there is no such run.
    pub async fn run(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/automation/executions/{id}/")).await
    }

    /// Waits until the run has this status, and returns it.
    ///
    /// # Panics
    /// If it ends with another status, or takes too long.
    pub async fn run_once(&self, id: &str, status: &str) -> Value {
        until(&format!("run {id} is {status}"), async || {
            let run = self.run(id).await;
            let other_end = run["status"] != status && !run["finished_at"].is_null();
            assert!(!other_end, "the run ended: {run}");
            (run["status"] == status).then_some(run)
        })
        .await
    }

    /// Opens the event stream of a run, after the event with this id if there is one.
    ///
    /// # Panics
    /// If it is rejected.
    pub async fn run_events(&self, run: &str, last_event_id: Option<&str>) -> EventStream {
        let client = ApiClient::new(self.client.base()).expect("a URL");
        let client = client.signed_in(self.access_token.clone().into());
        let path = format!("/api/v1/automation/executions/{run}/events");
        client.events(&path, last_event_id).await.expect("a stream")
    }

    /// Opens the event stream of a job, after the event with this id if there is one.
    ///
    /// # Panics
    /// If it is rejected.
    pub async fn events(&self, job: &str, last_event_id: Option<&str>) -> EventStream {
        let client = ApiClient::new(self.client.base()).expect("a URL");
        let client = client.signed_in(self.access_token.clone().into());
        client.events(&format!("/api/jobs/{job}/events"), last_event_id).await.expect("a stream")
    }
}

/// The id of the job in a 202 response. Checks that `Location` names the same job.
///
/// # Panics
/// If the response has no job.
#[must_use]
#[track_caller]
pub fn job_id(accepted: &Reply) -> String {
    let id = accepted.json()["job"]["id"].as_str().expect("a job's id").to_owned();
    assert_eq!(accepted.header("location"), format!("/api/jobs/{id}"));
    id
}
