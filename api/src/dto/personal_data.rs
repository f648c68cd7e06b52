//! Everything that is held about a person.

use std::collections::HashMap;

use atelier_entities::{MailStatus, ProjectId, audit_log, mail_messages, project_versions, projects};
use atelier_services::identity::PersonalData;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    api_token::ApiTokenView,
    credits::CreditTransactionView,
    deployment::DeploymentView,
    job::JobView,
    linked_account::LinkedAccountView,
    notifications::NotificationsView,
    profile::ProfileView,
    project::{ProjectView, VersionView},
    session::SessionView,
};

/// Everything that is held about a person, but for hashes of passwords and tokens. Of
/// each kind it has the newest 5,000; `totals` tells how many there are.
#[derive(Serialize, ToSchema)]
pub(crate) struct PersonalDataView {
    /// When it was written.
    exported_at: DateTime<Utc>,
    /// The account.
    profile: ProfileView,
    /// Which mails the person wants.
    notifications: NotificationsView,
    /// Where the person is signed in.
    sessions: Vec<SessionView>,
    /// Accounts at providers that are linked to it.
    linked_accounts: Vec<LinkedAccountView>,
    /// API tokens.
    api_tokens: Vec<ApiTokenView>,
    /// Projects with their versions.
    projects: Vec<ExportedProjectView>,
    /// Publications.
    deployments: Vec<DeploymentView>,
    /// Changes of the balance.
    credits: Vec<CreditTransactionView>,
    /// Mails.
    mails: Vec<MailView>,
    /// Jobs that are still kept.
    jobs: Vec<JobView>,
    /// What the person did.
    activity: Vec<ActivityView>,
    /// How many there are of each kind.
    totals: TotalsView,
}

/// A project with its versions. Files come with each project's ZIP.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedProjectView {
    #[serde(flatten)]
    project: ProjectView,
    /// Its versions, newest first.
    versions: Vec<VersionView>,
}

/// A mail that was sent or kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailView {
    /// UUIDv7.
    id: Uuid,
    /// Which mail.
    #[schema(example = "welcome")]
    template: String,
    /// Where it went.
    recipient: String,
    /// Its subject, once it was written.
    subject: Option<String>,
    /// queued, sent, captured, failed, suppressed or unsubscribed.
    #[schema(value_type = String, example = "sent")]
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
    #[schema(value_type = Object)]
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

/// How many there are of each kind.
#[derive(Serialize, ToSchema)]
pub(crate) struct TotalsView {
    /// Projects.
    projects: u64,
    /// Versions.
    versions: u64,
    /// Publications.
    deployments: u64,
    /// Changes of the balance.
    credits: u64,
    /// Mails.
    mails: u64,
    /// Jobs.
    jobs: u64,
    /// Entries of what the person did.
    activity: u64,
}

impl From<&PersonalData> for TotalsView {
    fn from(data: &PersonalData) -> Self {
        Self {
            projects: data.projects.total,
            versions: data.versions.total,
            deployments: data.deployments.total,
            credits: data.credits.total,
            mails: data.mails.total,
            jobs: data.jobs.total,
            activity: data.activity.total,
        }
    }
}

impl PersonalDataView {
    /// The view, written at that time.
    pub(crate) fn new(data: PersonalData, exported_at: DateTime<Utc>) -> Self {
        let totals = TotalsView::from(&data);
        Self {
            exported_at,
            profile: data.user.into(),
            notifications: NotificationsView::without(&data.unwanted_mails),
            sessions: data.sign_ins.into_iter().map(|sign_in| SessionView::new(sign_in, None)).collect(),
            linked_accounts: data.linked.into_iter().map(LinkedAccountView::from).collect(),
            api_tokens: data.api_tokens.into_iter().map(ApiTokenView::from).collect(),
            projects: with_versions(data.projects.rows, data.versions.rows),
            deployments: data.deployments.rows.into_iter().map(DeploymentView::from).collect(),
            credits: data.credits.rows.into_iter().map(CreditTransactionView::from).collect(),
            mails: data.mails.rows.into_iter().map(MailView::from).collect(),
            jobs: data.jobs.rows.into_iter().map(JobView::from).collect(),
            activity: data.activity.rows.into_iter().map(ActivityView::from).collect(),
            totals,
        }
    }
}

fn with_versions(
    projects: Vec<projects::Model>,
    versions: Vec<project_versions::Model>,
) -> Vec<ExportedProjectView> {
    let mut by_project: HashMap<ProjectId, Vec<VersionView>> = HashMap::new();
    for version in versions {
        by_project.entry(version.project_id).or_default().push(version.into());
    }
    projects
        .into_iter()
        .map(|project| {
            let versions = by_project.remove(&project.id).unwrap_or_default();
            ExportedProjectView { project: project.into(), versions }
        })
        .collect()
}
