//! Webhooks over SQLite, with a clock that tests set and nodes whose results are scripted.

use std::time::Duration;

use atelier_entities::{
    RunCause, RunId, RunStatus, WorkflowId, workflow_hook_calls, workflow_hook_secrets,
    workflow_hook_test_calls, workflow_runs, workflows,
};
use atelier_foundation::Problem;
use atelier_queue::QueueName;
use bytes::Bytes;
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;
use crate::{
    engine::tests::Flow,
    nodes::webhook_response::Answer,
    runs::{Responded, tests::Fixture},
    testing::done,
};

mod calls;
mod management;

const SECRET: &str = "a secret of GitHub";

fn flow(config: Value) -> Flow {
    Flow::default().add("hook", "webhook", config).work("a").edges("hook>a")
}

fn github() -> Value {
    json!({"verify": {"scheme": "github"}})
}

fn sign(secret: &str, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    format!("sha256={}", hex::encode(mac.chain_update(body).finalize().into_bytes()))
}

/// A call with a JSON body.
fn call(token: &str, headers: &[(&str, &str)], body: &str) -> HookRequest {
    let kind = [("content-type", "application/json")];
    HookRequest {
        token: token.to_owned(),
        method: "POST".to_owned(),
        query: String::new(),
        headers: kind.iter().chain(headers).copied().collect(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn signed(token: &str, secret: &str, body: &str) -> HookRequest {
    call(token, &[("x-hub-signature-256", &sign(secret, body))], body)
}

fn started(accepted: &Accepted) -> RunId {
    match accepted {
        Accepted::Started(started) => started.run,
        other => panic!("no run: {other:?}"),
    }
}

impl Fixture {
    fn hooks(&self) -> &Hooks {
        &self.fixture.services.automation.hooks
    }

    /// A workflow whose webhook is told this, and the token of its address.
    async fn hooked(&self, config: Value) -> (WorkflowId, String) {
        let workflow = self.publish(&flow(config)).await;
        (workflow, self.rotate(workflow).await)
    }

    async fn rotate(&self, workflow: WorkflowId) -> String {
        let rotated = self.hooks().rotate(&self.actor(), workflow, "hook").await.expect("an address");
        rotated.token.expose_secret().to_owned()
    }

    async fn set_secret(&self, workflow: WorkflowId, secret: Option<&str>) -> NewHookSecret {
        let secret = secret.map(SecretString::from);
        self.hooks().set_secret(&self.actor(), workflow, ("hook", secret)).await.expect("a secret")
    }

    async fn send(&self, request: &HookRequest) -> Result<Accepted, HookError> {
        let found = self.hooks().find(&request.token).await?;
        self.hooks().accept(&found, request).await
    }

    async fn code(&self, request: &HookRequest) -> &'static str {
        self.send(request).await.expect_err("refused").refusal().code
    }

    async fn count_runs(&self, workflow: WorkflowId) -> u64 {
        let runs = workflow_runs::Entity::find().filter(workflow_runs::Column::WorkflowId.eq(workflow));
        runs.count(self.fixture.queue().db()).await.expect("counted")
    }

    fn advance_clock(&self, by: TimeDelta) {
        self.fixture.queue().clock().advance(by);
    }

    async fn set(&self, workflow: WorkflowId, column: workflows::Column, value: Expr) {
        let this = workflows::Column::Id.eq(workflow);
        let update = workflows::Entity::update_many().col_expr(column, value).filter(this);
        update.exec(self.fixture.queue().db()).await.expect("changed");
    }
}
