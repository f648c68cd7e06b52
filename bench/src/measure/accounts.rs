//! Signed-in accounts with projects.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use atelier_entities::{ProjectId, projects};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DatabaseConnection, EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use uuid::Uuid;

use super::load::{self, Connection, Request, Response};

const PASSWORD: &str = "a password of the bench";

/// Rows of one statement: 13 parameters each, of the 32,766 that SQLite takes.
const PROJECTS_PER_INSERT: usize = 1_000;

/// A signed-in account.
pub(super) struct Account {
    email: String,
    authorization: String,
    /// Their first project, of which all others are copies.
    project: String,
}

impl Account {
    /// Registers an account and creates its first project.
    pub(super) async fn register(address: SocketAddr) -> anyhow::Result<Self> {
        let mut connection = Connection::open(address).await?;
        let email = format!("bench-{}@example.com", Uuid::new_v4().simple());
        let body = json!({"email": email, "password": PASSWORD, "full_name": "Bench"});
        let request = load::request("POST", "/api/auth/register", &[], &body.to_string());
        let answer = parse_body(&connection.send(&request).await?)?;
        let token = answer.get("access_token").and_then(Value::as_str).context("no access token")?;
        let mut account = Self { email, authorization: format!("Bearer {token}"), project: String::new() };
        let description = "A reading list with authors, ratings and a search box";
        let body = json!({"title": "Reading list", "description": description, "type": "web_app"});
        let answer = parse_body(&connection.send(&account.request("POST", "/api/projects", &body)).await?)?;
        account.project =
            answer.pointer("/project/id").and_then(Value::as_str).context("no project")?.to_owned();
        Ok(account)
    }

    /// An authenticated request.
    pub(super) fn request(&self, method: &str, path: &str, body: &Value) -> Request {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        load::request(method, path, &[("authorization", &self.authorization)], &body)
    }

    /// An authenticated request that changes whatever state there is: `If-Match: *`.
    pub(super) fn request_if_match(&self, method: &str, path: &str, body: &Value) -> Request {
        let headers = [("authorization", self.authorization.as_str()), ("if-match", "*")];
        load::request(method, path, &headers, &body.to_string())
    }

    /// An authenticated GET with `If-None-Match`.
    pub(super) fn request_since(&self, path: &str, etag: &str) -> Request {
        let headers = [("authorization", self.authorization.as_str()), ("if-none-match", etag)];
        load::request("GET", path, &headers, "")
    }

    /// A request to generate a project.
    pub(super) fn generation(&self, project: &str) -> Request {
        self.generation_under("", project)
    }

    /// The same with the path under this prefix.
    pub(super) fn generation_under(&self, prefix: &str, project: &str) -> Request {
        let path = format!("{prefix}/api/projects/{project}/generate");
        self.request("POST", &path, &json!({"mode": "quick"}))
    }

    /// A sign-in with their password.
    pub(super) fn sign_in(&self) -> Request {
        let body = json!({"email": self.email, "password": PASSWORD});
        load::request("POST", "/api/auth/login", &[], &body.to_string())
    }

    /// Their access token.
    pub(super) fn token(&self) -> &str {
        self.authorization.trim_start_matches("Bearer ")
    }

    /// The id of their first project.
    pub(super) fn project(&self) -> &str {
        &self.project
    }

    /// Creates so many more projects by SQL, and returns their ids.
    pub(super) async fn create_projects(
        &self,
        db: &DatabaseConnection,
        count: usize,
    ) -> anyhow::Result<Vec<String>> {
        let template = projects::Entity::find_by_id(ProjectId(self.project.parse()?)).one(db).await?;
        let template = template.context("the account's project is gone")?.into_active_model().reset_all();
        let ids: Vec<ProjectId> = (0..count).map(|_| ProjectId::new()).collect();
        for ids in ids.chunks(PROJECTS_PER_INSERT) {
            let rows = ids.iter().map(|id| projects::ActiveModel { id: Set(*id), ..template.clone() });
            projects::Entity::insert_many(rows).exec_without_returning(db).await?;
        }
        Ok(ids.iter().map(ToString::to_string).collect())
    }
}

/// The body of a response; an error where its status is one.
pub(super) fn parse_body(answer: &Response) -> anyhow::Result<Value> {
    ensure!(answer.status < 300, "answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    Ok(serde_json::from_slice(&answer.body)?)
}
