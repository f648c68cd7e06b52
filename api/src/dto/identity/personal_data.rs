//! Everything that is held about a person, as a document that is written piece by piece.

use atelier_builder::versions::ListedVersion;
use atelier_entities::{
    MailStatus, TokenPurpose, account_tokens, audit_log, credit_transactions, deployments, integrations,
    jobs, llm_attempts, mail_messages, project_messages, projects, sessions, webhook_deliveries,
    webhook_subscriptions, workflow_hooks, workflow_runs, workflow_schedules, workflows,
};
use atelier_foundation::{identity::AccountData, personal::Rows};
use chrono::{DateTime, Utc};
use serde::{Serialize, ser::Error};
use serde_json::Value;
use uuid::Uuid;

use super::{api_token::ApiTokenView, linked_account::LinkedAccountView, profile::ProfileView};
use crate::dto::{
    automation::{
        hook::ExportedHookView,
        integration::ExportedIntegrationView,
        run::ExportedRunView,
        schedule::WorkflowScheduleView,
        webhook::{DeliveryView, WebhookView},
        workflow::ExportedWorkflowView,
    },
    billing::credits::CreditTransactionView,
    builder::{
        attempt::AttemptAccountView,
        deployment::DeploymentView,
        project::{ProjectView, VersionView},
        version::ExportedMessageView,
    },
    jobs::JobView,
    mail::notifications::NotificationsView,
};
use crate::schema::{ToSchema, free::JsonObject, sets};

/// Everything that is held about a person, but for hashes of passwords and tokens, bodies
/// of mails, and entries of the audit log that were moved to its archive.
#[derive(Serialize, ToSchema)]
pub(crate) struct PersonalDataView {
    #[serde(flatten)]
    account: AccountDataView,
    /// Sign-ins and each of their refreshes, ended ones too, until they expire.
    sessions: Vec<SessionRowView>,
    /// Links that were mailed, and where to.
    links: Vec<LinkView>,
    /// Projects.
    projects: Vec<ProjectView>,
    /// Versions of the projects, with the names of their files and where these are read.
    versions: Vec<ExportedVersionView>,
    /// What was asked for in the projects.
    messages: Vec<ExportedMessageView>,
    /// Requests to model servers for the projects.
    model_requests: Vec<AttemptAccountView>,
    /// Publications.
    deployments: Vec<DeploymentView>,
    /// Workflows, and where their drafts are read.
    workflows: Vec<ExportedWorkflowView>,
    /// Runs of the workflows.
    workflow_runs: Vec<ExportedRunView>,
    /// Integrations, without their secrets.
    integrations: Vec<ExportedIntegrationView>,
    /// What starts them by the clock.
    workflow_schedules: Vec<WorkflowScheduleView>,
    /// Webhooks that start them, without their tokens and secrets.
    workflow_hooks: Vec<ExportedHookView>,
    /// Changes of the balance.
    credits: Vec<CreditTransactionView>,
    /// Where events are sent to, without the secrets.
    webhook_subscriptions: Vec<WebhookView>,
    /// What became of these events.
    webhook_deliveries: Vec<DeliveryView>,
    /// Mails.
    mails: Vec<MailView>,
    /// Jobs that are still kept, with what was asked of them.
    jobs: Vec<ExportedJobView>,
    /// What the person did.
    activity: Vec<ActivityView>,
    /// What others did to the account, or tried.
    records: Vec<RecordView>,
    /// How many there are of each kind. It comes last: a document with it is whole.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    totals: Value,
}

/// What there is one of, or a few.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountDataView {
    /// When it was written.
    exported_at: DateTime<Utc>,
    /// The account.
    profile: ProfileView,
    /// Which mails the person wants.
    notifications: NotificationsView,
    /// Accounts at providers that are linked to it.
    linked_accounts: Vec<LinkedAccountView>,
    /// API tokens.
    api_tokens: Vec<ApiTokenView>,
}

impl AccountDataView {
    /// The view, written at that time.
    pub(crate) fn new(data: AccountData, exported_at: DateTime<Utc>) -> Self {
        Self {
            exported_at,
            profile: data.user.into(),
            notifications: NotificationsView::without(&data.unwanted_mails),
            linked_accounts: data.linked.into_iter().map(LinkedAccountView::from).collect(),
            api_tokens: data.api_tokens.into_iter().map(ApiTokenView::from).collect(),
        }
    }
}

/// A sign-in, or a refresh of one.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionRowView {
    /// The sign-in that it belongs to.
    session_id: Uuid,
    /// What the program called itself.
    user_agent: Option<String>,
    /// From which address it came.
    address: Option<String>,
    /// When the person signed in.
    signed_in_at: Option<DateTime<Utc>>,
    /// When this refresh was.
    created_at: DateTime<Utc>,
    /// When it was last used, to a few minutes.
    last_used_at: Option<DateTime<Utc>>,
    /// When it was replaced by the next one.
    rotated_at: Option<DateTime<Utc>>,
    /// When the sign-in was ended.
    revoked_at: Option<DateTime<Utc>>,
    /// When it ends by itself.
    expires_at: DateTime<Utc>,
}

impl From<sessions::Model> for SessionRowView {
    fn from(row: sessions::Model) -> Self {
        Self {
            session_id: row.family_id.0,
            user_agent: row.user_agent,
            address: row.ip,
            signed_in_at: row.signed_in_at,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            rotated_at: row.rotated_at,
            revoked_at: row.revoked_at,
            expires_at: row.expires_at,
        }
    }
}

/// A link that was mailed.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkView {
    /// What it is good for.
    #[schema(value_type = sets::TokenPurpose)]
    purpose: TokenPurpose,
    /// The address it was mailed to.
    email: String,
    /// When.
    created_at: DateTime<Utc>,
    /// Until when it is good.
    expires_at: DateTime<Utc>,
    /// When it was used.
    used_at: Option<DateTime<Utc>>,
}

impl From<account_tokens::Model> for LinkView {
    fn from(row: account_tokens::Model) -> Self {
        let account_tokens::Model { purpose, email, created_at, expires_at, used_at, .. } = row;
        Self { purpose, email, created_at, expires_at, used_at }
    }
}

/// A version with the names of its files.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedVersionView {
    /// The project.
    project_id: Uuid,
    #[serde(flatten)]
    version: VersionView,
    /// Paths of its files.
    files: Vec<String>,
    /// Where the files are read; the same with `/export/zip` in place of `/code` is the ZIP.
    #[schema(example = "/api/projects/01a1f889-01fb-7355-8b08-809fce8f9cd4/code?version=3")]
    code_url: String,
}

impl From<ListedVersion> for ExportedVersionView {
    fn from(listed: ListedVersion) -> Self {
        let ListedVersion { version, files } = listed;
        let code_url = format!("/api/projects/{}/code?version={}", version.project_id, version.number);
        Self { project_id: version.project_id.0, version: version.into(), files, code_url }
    }
}

/// A job with what was asked of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedJobView {
    #[serde(flatten)]
    job: JobView,
    /// What was asked, such as the prompt of a generation.
    #[schema(value_type = JsonObject)]
    args: Value,
}

impl From<jobs::Model> for ExportedJobView {
    fn from(mut job: jobs::Model) -> Self {
        Self { args: job.args.take(), job: job.into() }
    }
}

/// A mail that was sent or kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailView {
    /// UUIDv7.
    id: Uuid,
    /// Which mail.
    #[schema(value_type = sets::MailTemplate)]
    template: String,
    /// Where it went.
    recipient: String,
    /// Its subject, once it was written.
    subject: Option<String>,
    /// What became of it.
    #[schema(value_type = sets::MailStatus)]
    status: MailStatus,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// When it was handed over.
    sent_at: Option<DateTime<Utc>>,
}

impl From<mail_messages::Model> for MailView {
    fn from(mail: mail_messages::Model) -> Self {
        Self {
            id: mail.id.0,
            template: mail.template,
            recipient: mail.recipient,
            subject: mail.subject,
            status: mail.status,
            created_at: mail.created_at,
            sent_at: mail.sent_at,
        }
    }
}

/// Something that the person did.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActivityView {
    /// Such as auth.login.
    #[schema(example = "auth.login")]
    action: String,
    /// What it was done to.
    target: Option<String>,
    /// From which address.
    address: Option<String>,
    /// With which program.
    user_agent: Option<String>,
    /// More of it.
    #[schema(value_type = JsonObject)]
    context: Value,
    /// When.
    at: DateTime<Utc>,
}

impl From<audit_log::Model> for ActivityView {
    fn from(entry: audit_log::Model) -> Self {
        Self {
            action: entry.action,
            target: entry.target,
            address: entry.ip,
            user_agent: entry.user_agent,
            context: entry.context,
            at: entry.created_at,
        }
    }
}

/// Something that others did to the account, or tried.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordView {
    /// Such as account.deactivate.
    #[schema(example = "auth.login_failed")]
    action: String,
    /// Whether an operator did it, rather than somebody who was not signed in or the
    /// platform itself.
    by_operator: bool,
    /// From which address, where it was no operator.
    address: Option<String>,
    /// With which program, where it was no operator.
    user_agent: Option<String>,
    /// More of it.
    #[schema(value_type = JsonObject)]
    context: Value,
    /// When.
    at: DateTime<Utc>,
}

impl From<audit_log::Model> for RecordView {
    fn from(entry: audit_log::Model) -> Self {
        let by_operator = entry.actor_id.is_some();
        Self {
            action: entry.action,
            by_operator,
            address: entry.ip.filter(|_| !by_operator),
            user_agent: entry.user_agent.filter(|_| !by_operator),
            context: entry.context,
            at: entry.created_at,
        }
    }
}

/// The rows of a list as JSON, without the brackets around them.
pub(crate) fn items(list: &str, rows: Rows) -> serde_json::Result<String> {
    match list {
        "sessions" => write::<sessions::Model, SessionRowView>(rows),
        "links" => write::<account_tokens::Model, LinkView>(rows),
        "projects" => write::<projects::Model, ProjectView>(rows),
        "versions" => write::<ListedVersion, ExportedVersionView>(rows),
        "messages" => write::<project_messages::Model, ExportedMessageView>(rows),
        "model_requests" => write::<llm_attempts::Model, AttemptAccountView>(rows),
        "deployments" => write::<deployments::Model, DeploymentView>(rows),
        "integrations" => write::<integrations::Model, ExportedIntegrationView>(rows),
        "workflows" => write::<workflows::Model, ExportedWorkflowView>(rows),
        "workflow_runs" => write::<workflow_runs::Model, ExportedRunView>(rows),
        "workflow_schedules" => write::<workflow_schedules::Model, WorkflowScheduleView>(rows),
        "webhook_subscriptions" => write::<webhook_subscriptions::Model, WebhookView>(rows),
        "webhook_deliveries" => write::<webhook_deliveries::Model, DeliveryView>(rows),
        "workflow_hooks" => write::<workflow_hooks::Model, ExportedHookView>(rows),
        "credits" => write::<credit_transactions::Model, CreditTransactionView>(rows),
        "mails" => write::<mail_messages::Model, MailView>(rows),
        "jobs" => write::<jobs::Model, ExportedJobView>(rows),
        "activity" => write::<audit_log::Model, ActivityView>(rows),
        "records" => write::<audit_log::Model, RecordView>(rows),
        other => Err(serde_json::Error::custom(format!("nothing shows the list {other}"))),
    }
}

fn write<M: 'static, V: From<M> + Serialize>(rows: Rows) -> serde_json::Result<String> {
    let rows = rows.take::<M>().ok_or_else(|| serde_json::Error::custom("these rows are of another type"))?;
    let items: Vec<_> =
        rows.into_iter().map(|row| serde_json::to_string(&V::from(row))).collect::<Result<_, _>>()?;
    Ok(items.join(","))
}
