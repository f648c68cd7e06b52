//! The callers, and the data that operations concern.

use atelier_entities::{UserId, users};
use atelier_tests::{Client, PASSWORD, Person, TestApp};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;
use uuid::Uuid;

use super::table::{Access, Who};
use crate::http::document::{NOBODYS, Operation};

/// A caller with their credential.
pub(super) struct Actor {
    pub(super) name: &'static str,
    pub(super) client: Client,
    pub(super) signed_in: bool,
    pub(super) active: bool,
    pub(super) verified: bool,
    pub(super) admin: bool,
    /// The scopes of an API token.
    pub(super) scopes: Option<&'static [&'static str]>,
    /// Whether they own the data.
    pub(super) owner: bool,
}

impl Actor {
    /// A caller without a credential.
    pub(super) fn anonymous(app: &TestApp) -> Self {
        Self {
            name: "anonymous",
            client: app.client(),
            signed_in: false,
            active: true,
            verified: false,
            admin: false,
            scopes: None,
            owner: false,
        }
    }

    /// A caller with a session.
    pub(super) fn session(name: &'static str, person: &Person) -> Self {
        Self {
            name,
            client: person.client.clone(),
            signed_in: true,
            active: true,
            verified: false,
            admin: false,
            scopes: None,
            owner: false,
        }
    }

    /// A caller with an API token with these scopes.
    pub(super) async fn token(
        name: &'static str,
        app: &TestApp,
        person: &Person,
        scopes: &'static [&'static str],
    ) -> Self {
        let input = json!({"name": name, "scopes": scopes});
        let made = person.client.post("/api/auth/tokens").json(&input).send().await.expect(201).json();
        let token = made["token"].as_str().expect("a token");
        Self { client: app.client().signed_in(token), scopes: Some(scopes), ..Self::session(name, person) }
    }

    fn may(&self, scope: &str) -> bool {
        self.scopes.is_none_or(|scopes| scopes.contains(&scope))
    }

    /// The expected rejection; `None` if the caller has access.
    pub(super) fn refusal(
        &self,
        operation: &Operation,
        access: Access,
        must_verify: bool,
    ) -> Option<(u16, &'static str)> {
        let is_admin = self.admin && self.may("admin");
        let is_there = self.owner || (access.admins_too && is_admin);
        match access {
            Access { who: Who::Anybody, .. } => None,
            _ if !self.signed_in => Some((401, "UNAUTHENTICATED")),
            _ if !self.active => Some((403, "ACCOUNT_DEACTIVATED")),
            _ if !operation.token_scopes.iter().all(|scope| self.may(scope)) => {
                Some((403, "INSUFFICIENT_SCOPE"))
            }
            Access { who: Who::Admin, .. } if !self.admin => Some((403, "FORBIDDEN")),
            Access { in_person: true, .. } if self.scopes.is_some() => Some((403, "INSUFFICIENT_SCOPE")),
            Access { verified: true, .. } if must_verify && !self.verified => {
                Some((403, "EMAIL_NOT_VERIFIED"))
            }
            Access { owned: true, .. } if !is_there => Some((404, "NOT_FOUND")),
            _ => None,
        }
    }
}

/// One item of each sort that operations concern.
pub(super) struct Items {
    project: String,
    workflow: String,
    run: String,
    integration: String,
    schedule: String,
    webhook: String,
    delivery: String,
    job: String,
    session: String,
    token: String,
}

impl Items {
    /// Creates a generated project, its job, a workflow with a run that ended, a schedule, an integration, a webhook with a delivery, another sign-in
    /// and an API token.
    pub(super) async fn of(app: &TestApp, person: &Person) -> Self {
        let project = person.create_project("Secret plans").await;
        let job = person.start_generation(&project).await;
        person.job_once(&job, "succeeded").await;
        let nodes = json!([
            {"key": "start", "type": "manual"},
            {"key": "note_down", "type": "transform", "config": {"fields": {"plan": "{{ input.plan }}"}}},
        ]);
        let graph = json!({"nodes": nodes, "edges": [{"from": "start", "to": "note_down"}]});
        let workflow = person.publish_workflow("Secret workflow", &graph).await;
        let run = person.start_run(&workflow, &json!({"plan": "Secret"})).await;
        person.run_once(&run, "succeeded").await;
        let integration = json!({
            "type": "http_bearer", "name": "Secret integration", "secrets": {"token": "0123456789abcdef-Secret"},
            "allowed_hosts": ["http://127.0.0.1:9"], "settings": {"test_url": "http://127.0.0.1:9/"},
        });
        let integration = person.create("/api/v1/automation/integrations/", &integration).await;
        let schedule = json!({"workflow_id": workflow, "name": "Secret schedule", "expression": "@yearly", "input": null});
        let schedule = person.create("/api/v1/automation/schedules/", &schedule).await;
        let webhook = json!({"url": "https://shop.example/Secret", "events": ["*"]});
        let webhook = person.create("/api/v1/automation/webhooks/", &webhook).await;
        let ping = person.client.post(&format!("/api/v1/automation/webhooks/{webhook}/ping/"));
        let delivery = ping.send().await.expect(202).json()["delivery"]["id"].take();
        let elsewhere = app.client().login(&person.email, PASSWORD).await.expect(200);
        let sessions = app.client().person(&elsewhere).get("/api/auth/sessions").await;
        let session = sessions.as_array().expect("a list").iter().find(|entry| entry["current"] == true);
        let token = json!({"name": "items", "scopes": ["read"]});
        let token = person.client.post("/api/auth/tokens").json(&token).send().await.expect(201).json();
        Self {
            project,
            workflow,
            run,
            integration,
            schedule,
            webhook,
            delivery: delivery.as_str().expect("an id").to_owned(),
            job,
            session: session.expect("this one")["id"].as_str().expect("an id").to_owned(),
            token: token["api_token"]["id"].as_str().expect("an id").to_owned(),
        }
    }

    /// The path of an operation on these items.
    pub(super) fn path(&self, operation: &Operation) -> String {
        let of = |part: &str| operation.path.starts_with(part);
        let id = match () {
            () if of("/api/projects/{id}") => &self.project,
            () if of("/api/jobs/{id}") => &self.job,
            () if of("/api/v1/automation/workflows/{id}") => &self.workflow,
            () if of("/api/v1/automation/executions/{id}") => &self.run,
            () if of("/api/v1/automation/integrations/{id}") => &self.integration,
            () if of("/api/v1/automation/schedules/{id}") => &self.schedule,
            () if of("/api/v1/automation/webhooks/{id}") => &self.webhook,
            () if of("/api/auth/sessions/{id}") => &self.session,
            () if of("/api/auth/tokens/{id}") => &self.token,
            () => NOBODYS,
        };
        let path = operation.path_with(id);
        path.replace(&format!("/deliveries/{id}"), &format!("/deliveries/{}", self.delivery))
    }
}

/// Sets a column of a person's account.
pub(super) async fn set(app: &TestApp, person: &Person, column: users::Column, value: Expr) {
    let id = UserId(Uuid::parse_str(&person.id).expect("an id"));
    let update = users::Entity::update_many().col_expr(column, value).filter(users::Column::Id.eq(id));
    let tx = app.queue().begin().await.expect("a transaction");
    update.exec(&*tx).await.expect("a database");
    tx.note_access_change(id);
    tx.commit().await.expect("a commit");
}
