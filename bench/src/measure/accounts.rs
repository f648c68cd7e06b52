//! People of a measurement: signed-in accounts with projects.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::{Value, json};
use uuid::Uuid;

use super::load::{self, Answer, Connection, Request};

const PASSWORD: &str = "a password of the bench";

/// A signed-in account.
pub(super) struct Account {
    email: String,
    authorization: String,
    /// A project of theirs, the pattern of all others.
    project: String,
}

impl Account {
    /// Registers somebody who has one project.
    pub(super) async fn register(address: SocketAddr) -> anyhow::Result<Self> {
        let mut connection = Connection::open(address).await?;
        let email = format!("bench-{}@example.com", Uuid::new_v4().simple());
        let body = json!({"email": email, "password": PASSWORD, "full_name": "Bench"});
        let request = load::request("POST", "/api/auth/register", &[], &body.to_string());
        let answer = read(&connection.ask(&request).await?)?;
        let token = answer.get("access_token").and_then(Value::as_str).context("no access token")?;
        let mut account = Self { email, authorization: format!("Bearer {token}"), project: String::new() };
        let description = "A reading list with authors, ratings and a search box";
        let body = json!({"title": "Reading list", "description": description, "type": "web_app"});
        let answer = read(&connection.ask(&account.request("POST", "/api/projects", &body)).await?)?;
        account.project =
            answer.pointer("/project/id").and_then(Value::as_str).context("no project")?.to_owned();
        Ok(account)
    }

    /// A request of theirs.
    pub(super) fn request(&self, method: &str, path: &str, body: &Value) -> Request {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        load::request(method, path, &[("authorization", &self.authorization)], &body)
    }

    /// A GET of theirs for what has changed since that revision.
    pub(super) fn request_since(&self, path: &str, etag: &str) -> Request {
        let headers = [("authorization", self.authorization.as_str()), ("if-none-match", etag)];
        load::request("GET", path, &headers, "")
    }

    /// A request to have a project generated.
    pub(super) fn generation(&self, project: &str) -> Request {
        self.request("POST", &format!("/api/projects/{project}/generate"), &json!({"mode": "quick"}))
    }

    /// Their own sign-in.
    pub(super) fn sign_in(&self) -> Request {
        let body = json!({"email": self.email, "password": PASSWORD});
        load::request("POST", "/api/auth/login", &[], &body.to_string())
    }

    /// Their access token.
    pub(super) fn token(&self) -> &str {
        self.authorization.trim_start_matches("Bearer ")
    }

    /// Gives them so many more projects, and answers those.
    pub(super) async fn give_projects(
        &self,
        db: &DatabaseConnection,
        count: usize,
    ) -> anyhow::Result<Vec<String>> {
        let sql = format!(
            "INSERT INTO projects (id, user_id, title, description, kind, status, config, views, created_at, \
             updated_at) SELECT gen_random_uuid(), user_id, title, description, kind, status, config, 0, \
             now(), now() FROM projects, generate_series(1, {count}) WHERE id = '{}' RETURNING id::text AS id",
            self.project
        );
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
        ensure!(rows.len() == count, "{} projects were made of {count}", rows.len());
        rows.iter().map(|row| Ok(row.try_get("", "id")?)).collect()
    }
}

/// The body of an answer that must be none of an error.
pub(super) fn read(answer: &Answer) -> anyhow::Result<Value> {
    ensure!(answer.status < 300, "answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    Ok(serde_json::from_slice(&answer.body)?)
}
