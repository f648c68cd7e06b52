//! Webhooks: their addresses and secrets, and what their callers are told.

use std::time::Duration;

use atelier_automation::hooks::{HookView, NewHookSecret, RotatedHook, SecretTimes, StartedCall, TestedCall};
use atelier_entities::{RunStatus, workflow_hook_test_calls, workflow_hooks};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    dto::page::pages,
    error::ApiError,
    schema::{IntoParams, ToSchema, free::JsonObject, sets},
};

pages! {
    /// A page of webhooks.
    HookPage of WorkflowHookView;
}

/// A webhook of a workflow, without its token and its secrets.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkflowHookView {
    /// The key of its trigger.
    node: String,
    /// How its calls are proven; null where neither the draft nor the published version has the trigger.
    #[schema(value_type = Option<sets::HookScheme>)]
    scheme: Option<&'static str>,
    /// Whether its address starts runs now.
    live: bool,
    /// The beginning of the token of its address; null where it has no address.
    token_prefix: Option<String>,
    /// Its secrets, newest first. All of them are good.
    secrets: Vec<HookSecretView>,
    /// When it got its address.
    rotated_at: Option<DateTime<Utc>>,
    /// When a call last started a run, to a minute.
    last_called_at: Option<DateTime<Utc>>,
}

impl From<HookView> for WorkflowHookView {
    fn from(view: HookView) -> Self {
        let hook = view.hook.as_ref();
        Self {
            scheme: view.scheme.map(atelier_automation::nodes::webhook::Scheme::as_str),
            live: view.is_live,
            token_prefix: hook.and_then(|hook| hook.token_prefix.clone()),
            secrets: view.secrets.into_iter().map(HookSecretView::from).collect(),
            rotated_at: hook.and_then(|hook| hook.rotated_at),
            last_called_at: hook.and_then(|hook| hook.last_called_at),
            node: view.node,
        }
    }
}

/// What may be known of a secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct HookSecretView {
    /// When it was set.
    created_at: DateTime<Utc>,
    /// Until when it is good; null for the newest one.
    expires_at: Option<DateTime<Utc>>,
}

impl From<SecretTimes> for HookSecretView {
    fn from(times: SecretTimes) -> Self {
        Self { created_at: times.created_at, expires_at: times.expires_at }
    }
}

/// An address that was made. It is shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct HookAddressView {
    /// The key of its trigger.
    node: String,
    /// The path of the address.
    path: String,
    /// The path that keeps a call and runs the draft.
    test_path: String,
    /// The beginning of its token, by which it is recognized.
    token_prefix: Option<String>,
    /// When it was made.
    rotated_at: Option<DateTime<Utc>>,
}

impl From<RotatedHook> for HookAddressView {
    fn from(rotated: RotatedHook) -> Self {
        let path = format!("/api/v1/automation/hooks/{}", rotated.token.expose_secret());
        let hook = rotated.hook;
        Self {
            node: hook.node,
            test_path: format!("{path}/test"),
            path,
            token_prefix: hook.token_prefix,
            rotated_at: hook.rotated_at,
        }
    }
}

/// The secret of a webhook. Unknown fields are refused.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HookSecretInput {
    /// The secret that the sender's service gave, 8 to 500 characters; one is made where it is left out.
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 8, max_length = 500)]
    pub(crate) secret: Option<SecretString>,
}

/// A secret that was set.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewHookSecretView {
    /// The secret, if it was made here. It is shown once.
    secret: Option<String>,
    /// Its secrets, newest first. All of them are good.
    secrets: Vec<HookSecretView>,
}

impl From<NewHookSecret> for NewHookSecretView {
    fn from(set: NewHookSecret) -> Self {
        Self {
            secret: set.made.map(|secret| secret.expose_secret().to_owned()),
            secrets: set.secrets.into_iter().map(HookSecretView::from).collect(),
        }
    }
}

/// What the caller of an address is told.
#[derive(Serialize, ToSchema)]
pub(crate) struct CalledHookView {
    /// The run.
    run_id: Uuid,
    /// Its state; null where the call came before.
    #[schema(value_type = Option<sets::RunStatus>)]
    status: Option<&'static str>,
    /// Whether the call came before, and started the run then.
    duplicate: bool,
}

impl CalledHookView {
    /// A call that started a run, which is in this state now.
    pub(crate) fn started(call: StartedCall, status: RunStatus) -> Self {
        Self { run_id: call.run.0, status: Some(status.as_str()), duplicate: false }
    }

    /// A call that came before.
    pub(crate) const fn duplicate(run_id: Uuid) -> Self {
        Self { run_id, status: None, duplicate: true }
    }
}

/// What a service asks before it calls an address.
#[derive(Serialize, ToSchema)]
pub(crate) struct HookChallengeView {
    /// What it sent.
    pub(crate) challenge: String,
}

/// What the caller of a test address is told.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestedHookView {
    /// The run of the draft; null where it does not run.
    run_id: Option<Uuid>,
    /// The code of why the draft does not run; null where it does.
    #[schema(example = "GRAPH_INVALID")]
    problem: Option<String>,
}

impl TestedHookView {
    /// What became of a call that was kept. The text that is asked for otherwise.
    pub(crate) fn of(tested: TestedCall) -> Result<Self, String> {
        match tested {
            TestedCall::Kept { run, problem } => {
                Ok(Self { run_id: run.map(|run| run.0), problem: problem.map(str::to_owned) })
            }
            TestedCall::Challenge(challenge) => Err(challenge),
        }
    }
}

/// The last call of a test address.
#[derive(Serialize, ToSchema)]
pub(crate) struct HookTestCallView {
    /// What came, as a run reads it. `truncated` says whether the end of the body is missing.
    #[schema(value_type = JsonObject)]
    call: Value,
    /// The run of the draft; null where it does not run.
    run_id: Option<Uuid>,
    /// The code of why the draft does not run; null where it does.
    #[schema(example = "GRAPH_INVALID")]
    problem: Option<String>,
    /// When it came.
    received_at: DateTime<Utc>,
}

impl From<workflow_hook_test_calls::Model> for HookTestCallView {
    fn from(row: workflow_hook_test_calls::Model) -> Self {
        Self {
            call: row.call,
            run_id: row.run_id.map(|run| run.0),
            problem: row.problem,
            received_at: row.received_at,
        }
    }
}

/// Longest wait for a test call, in seconds.
const LONGEST_WAIT: u64 = 20;

/// Which test call is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HookTestCallParams {
    /// Only a call that came after this.
    pub(crate) after: Option<DateTime<Utc>>,
    /// How many seconds to wait for a call while there is none.
    #[param(minimum = 0, maximum = 20, default = 0)]
    wait_secs: Option<u64>,
}

impl HookTestCallParams {
    /// How long to wait; 422 where that is too long.
    pub(crate) fn wait(&self) -> Result<Duration, ApiError> {
        let secs = self.wait_secs.unwrap_or_default();
        if secs <= LONGEST_WAIT {
            return Ok(Duration::from_secs(secs));
        }
        Err(ApiError::invalid([("wait_secs", format!("must be 0 to {LONGEST_WAIT}"))]))
    }
}

/// A webhook in an export of personal data. Neither its token nor its secrets are in it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedHookView {
    /// UUIDv7.
    id: Uuid,
    /// The workflow whose runs it starts.
    workflow_id: Uuid,
    /// The key of its trigger.
    node: String,
    /// When it got its address.
    rotated_at: Option<DateTime<Utc>>,
    /// When a call last started a run, to a minute.
    last_called_at: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
}

impl From<workflow_hooks::Model> for ExportedHookView {
    fn from(row: workflow_hooks::Model) -> Self {
        Self {
            id: row.id.0,
            workflow_id: row.workflow_id.0,
            node: row.node,
            rotated_at: row.rotated_at,
            last_called_at: row.last_called_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
