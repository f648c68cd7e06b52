//! Integrations: what they are told, and what may be known of them.

use std::collections::BTreeMap;

use atelier_automation::integrations::{
    Integration, IntegrationChanges, NewIntegration, SecretInfo, TestReport,
    kinds::{Kind, find_kind},
};
use atelier_entities::integrations;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{node_type::BilingualText, workflow::present};
use crate::{
    dto::{jobs::JobView, page::pages},
    schema::{IntoParams, ToSchema, free::JsonObject, sets},
};

pages! {
    /// A page of integrations.
    IntegrationPage of IntegrationView;
    /// All types of integrations, on one page.
    IntegrationTypePage of IntegrationTypeView;
}

/// A new integration. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IntegrationInput {
    /// Its type.
    #[serde(rename = "type")]
    #[schema(value_type = sets::IntegrationType)]
    kind: String,
    /// 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120, example = "Shop API")]
    name: String,
    /// Settings by their names, as the type's settings_schema says.
    #[serde(default)]
    #[schema(value_type = JsonObject)]
    settings: BTreeMap<String, Option<String>>,
    /// Secrets by their names, as the type's secrets_schema says. They are encrypted and never shown again.
    #[serde(default)]
    #[schema(value_type = JsonObject)]
    secrets: BTreeMap<String, Option<SecretString>>,
    /// Where the credentials may be sent, such as api.example.com, *.example.com or http://10.0.0.1:8080; what
    /// the type says where it is left out.
    #[schema(value_type = Option<Vec<String>>, max_items = 20)]
    allowed_hosts: Option<Vec<String>>,
}

impl From<IntegrationInput> for NewIntegration {
    fn from(input: IntegrationInput) -> Self {
        let IntegrationInput { kind, name, settings, secrets, allowed_hosts } = input;
        Self { kind, name, settings, secrets, allowed_hosts }
    }
}

/// What to change of an integration; what is left out stays. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateIntegrationInput {
    /// 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    /// Settings by their names; null removes one.
    #[serde(default)]
    #[schema(value_type = JsonObject)]
    settings: BTreeMap<String, Option<String>>,
    /// Secrets by their names; null removes one.
    #[serde(default)]
    #[schema(value_type = JsonObject)]
    secrets: BTreeMap<String, Option<SecretString>>,
    /// Where the credentials may be sent; null for what the type says. Whoever adds a host sends the secrets
    /// again.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>, max_items = 20)]
    allowed_hosts: Option<Option<Vec<String>>>,
}

impl From<UpdateIntegrationInput> for IntegrationChanges {
    fn from(input: UpdateIntegrationInput) -> Self {
        let UpdateIntegrationInput { name, settings, secrets, allowed_hosts } = input;
        Self { name, settings, secrets, allowed_hosts }
    }
}

/// How an integration is deleted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteIntegrationParams {
    /// Whether it is deleted although workflows use it.
    #[serde(default)]
    #[param(value_type = bool, required = false)]
    pub(crate) force: bool,
}

/// An integration, without its secrets.
#[derive(Serialize, ToSchema)]
pub(crate) struct IntegrationView {
    /// UUIDv7.
    id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(value_type = sets::IntegrationType)]
    kind: String,
    /// Its name.
    name: String,
    /// Settings by their names.
    #[schema(value_type = JsonObject)]
    settings: Value,
    /// Each secret of the type by its name.
    secrets: BTreeMap<String, SecretView>,
    /// Where the credentials may be sent.
    allowed_hosts: Vec<String>,
    /// Counts its changes.
    revision: i64,
    /// What the last test found; null where there was none since the last change.
    last_test: Option<TestReportView>,
    /// When a workflow or a test last opened it, to a minute.
    last_used_at: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
}

impl From<Integration> for IntegrationView {
    fn from(Integration { row, mut secrets }: Integration) -> Self {
        let fields = find_kind(&row.kind).map_or(&[][..], |kind| kind.fields);
        let secret_fields = fields.iter().filter(|field| field.is_secret);
        let secrets = secret_fields
            .map(|field| (field.name.to_owned(), SecretView::from(secrets.remove(field.name))))
            .collect();
        Self { secrets, ..Self::without_secrets(row) }
    }
}

impl IntegrationView {
    fn without_secrets(row: integrations::Model) -> Self {
        Self {
            id: row.id.0,
            kind: row.kind,
            name: row.name,
            settings: row.settings,
            secrets: BTreeMap::new(),
            allowed_hosts: serde_json::from_value(row.allowed_hosts).unwrap_or_default(),
            revision: row.revision,
            last_test: row.last_test.and_then(|test| serde_json::from_value(test).ok()).map(TestReport::into),
            last_used_at: row.last_used_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// What may be known of a secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecretView {
    /// Whether it is set.
    set: bool,
    /// Its last four characters, if it has at least sixteen.
    hint: Option<String>,
    /// When it was set.
    updated_at: Option<DateTime<Utc>>,
}

impl From<Option<SecretInfo>> for SecretView {
    fn from(info: Option<SecretInfo>) -> Self {
        match info {
            Some(SecretInfo { hint, updated_at }) => Self { set: true, hint, updated_at: Some(updated_at) },
            None => Self { set: false, hint: None, updated_at: None },
        }
    }
}

/// What a test of an integration found.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestReportView {
    /// Whether the service took the credentials.
    ok: bool,
    /// The HTTP status that it answered.
    status: Option<u16>,
    /// How long it took, in milliseconds.
    latency_ms: u64,
    /// Why it failed. It holds no secret.
    reason: Option<String>,
    /// When it was tested.
    tested_at: DateTime<Utc>,
}

impl From<TestReport> for TestReportView {
    fn from(report: TestReport) -> Self {
        let TestReport { ok, status, latency_ms, reason, tested_at } = report;
        Self { ok, status, latency_ms, reason, tested_at }
    }
}

/// A test that was started.
#[derive(Serialize, ToSchema)]
pub(crate) struct IntegrationTestAnswer {
    /// The job that tests. Its result is what the test found.
    pub(crate) job: JobView,
}

/// A type of integrations.
#[derive(Serialize, ToSchema)]
pub(crate) struct IntegrationTypeView {
    /// Its stable name.
    #[serde(rename = "type")]
    #[schema(value_type = sets::IntegrationType)]
    kind: &'static str,
    /// Its name.
    label: BilingualText,
    /// What it is for.
    documentation: BilingualText,
    /// The JSON Schema (2020-12) of its settings.
    #[schema(value_type = JsonObject)]
    settings_schema: Value,
    /// The JSON Schema (2020-12) of its secrets.
    #[schema(value_type = JsonObject)]
    secrets_schema: Value,
    /// Where its credentials may be sent where neither allowed_hosts nor the settings name a host; empty where
    /// allowed_hosts must be given.
    default_hosts: Vec<String>,
    /// Whether nodes of the type http_request can use it.
    for_requests: bool,
}

impl From<&Kind> for IntegrationTypeView {
    fn from(kind: &Kind) -> Self {
        Self {
            kind: kind.name,
            label: kind.label.into(),
            documentation: kind.documentation.into(),
            settings_schema: kind.schema(false),
            secrets_schema: kind.schema(true),
            default_hosts: (kind.default_hosts)(&BTreeMap::new()).into_iter().map(String::from).collect(),
            for_requests: kind.attach.is_some(),
        }
    }
}

/// An integration in an export of personal data. Its secrets are not in it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedIntegrationView {
    /// UUIDv7.
    id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(value_type = sets::IntegrationType)]
    kind: String,
    /// Its name.
    name: String,
    /// Settings by their names.
    #[schema(value_type = JsonObject)]
    settings: Value,
    /// Where the credentials may be sent.
    allowed_hosts: Vec<String>,
    /// When a workflow or a test last opened it, to a minute.
    last_used_at: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
}

impl From<integrations::Model> for ExportedIntegrationView {
    fn from(row: integrations::Model) -> Self {
        let view = IntegrationView::without_secrets(row);
        Self {
            id: view.id,
            kind: view.kind,
            name: view.name,
            settings: view.settings,
            allowed_hosts: view.allowed_hosts,
            last_used_at: view.last_used_at,
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}
