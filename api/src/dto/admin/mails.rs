//! Mails, as operators see them.

use atelier_entities::{Locale, MailCategory, MailStatus, UserId, mail_messages, mail_suppressions};
use atelier_foundation::mail::{OutboxFilter, Rendered, Template};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::schema::{IntoParams, ToSchema, free::JsonObject, sets};

/// A kind of mail.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailTemplateView {
    /// Its name.
    #[schema(value_type = sets::MailTemplate)]
    name: &'static str,
    /// What it is about; null where everybody gets it.
    #[schema(value_type = Option<sets::MailCategory>)]
    category: Option<MailCategory>,
    /// Whether it is sent whatever people want to get.
    transactional: bool,
    /// Its languages.
    #[schema(value_type = Vec<sets::Locale>)]
    locales: &'static [Locale],
}

impl From<&Template> for MailTemplateView {
    fn from(template: &Template) -> Self {
        Self {
            name: template.name(),
            category: template.category(),
            transactional: template.is_transactional(),
            locales: Locale::ALL,
        }
    }
}

/// How a mail is to be shown.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PreviewQuery {
    /// Its language.
    #[serde(default = "english")]
    #[param(value_type = Option<sets::Locale>, default = "en")]
    pub(crate) locale: Locale,
    /// json has everything, html and text are one version as it is.
    #[serde(default)]
    #[param(value_type = Option<sets::PreviewFormat>, default = "json")]
    pub(crate) format: PreviewFormat,
}

const fn english() -> Locale {
    Locale::En
}

/// A version of a mail.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PreviewFormat {
    #[default]
    Json,
    Html,
    Text,
}

/// A mail with values made up for it.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewView {
    /// Its subject.
    subject: String,
    /// The text version.
    text: String,
    /// The HTML version.
    html: String,
}

impl From<Rendered> for PreviewView {
    fn from(mail: Rendered) -> Self {
        Self { subject: mail.subject, text: mail.text, html: mail.html }
    }
}

/// What a test mail is to be.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct SendTestInput {
    /// Its language; the caller's own where it is left out.
    #[schema(value_type = Option<sets::Locale>)]
    pub(crate) locale: Option<Locale>,
}

/// A test mail that is on its way.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestSentView {
    /// Its id in the outbox.
    pub(crate) mail_id: Uuid,
    /// Where it goes.
    pub(crate) recipient: String,
}

/// Which mails.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OutboxQuery {
    /// Only in this state.
    #[param(value_type = Option<sets::MailStatus>)]
    status: Option<MailStatus>,
    /// Only of this template.
    #[param(example = "welcome")]
    template: Option<String>,
    /// Only to this address.
    recipient: Option<String>,
    /// Only to this account.
    user: Option<Uuid>,
}

impl From<OutboxQuery> for OutboxFilter {
    fn from(query: OutboxQuery) -> Self {
        Self {
            status: query.status,
            template: query.template,
            recipient: query.recipient,
            user: query.user.map(UserId),
        }
    }
}

/// A mail of the outbox.
#[derive(Serialize, ToSchema)]
pub(crate) struct OutboxMailView {
    /// UUIDv7; also the left side of its Message-ID.
    id: Uuid,
    /// Whose account it went to.
    user_id: Option<Uuid>,
    /// Where it went.
    recipient: String,
    /// Which mail.
    #[schema(value_type = sets::MailTemplate)]
    template: String,
    /// Its language.
    #[schema(value_type = sets::Locale)]
    locale: Locale,
    /// What it is about: the same template, recipient and cause are mailed once.
    cause: String,
    /// What became of it.
    #[schema(value_type = sets::MailStatus)]
    status: MailStatus,
    /// Its subject, once it was written.
    subject: Option<String>,
    /// Why it was not sent.
    error: Option<String>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// When it was handed over.
    sent_at: Option<DateTime<Utc>>,
}

impl From<mail_messages::Model> for OutboxMailView {
    fn from(mail: mail_messages::Model) -> Self {
        Self {
            id: mail.id.0,
            user_id: mail.user_id.map(|id| id.0),
            recipient: mail.recipient,
            template: mail.template,
            locale: mail.locale,
            cause: mail.cause,
            status: mail.status,
            subject: mail.subject,
            error: mail.error,
            created_at: mail.created_at,
            sent_at: mail.sent_at,
        }
    }
}

/// A mail of the outbox with what it shows.
#[derive(Serialize, ToSchema)]
pub(crate) struct OutboxMailDetailView {
    /// The mail.
    #[serde(flatten)]
    mail: OutboxMailView,
    /// What its template shows.
    #[schema(value_type = JsonObject)]
    data: Value,
    /// The text version, where it was kept in rather than sent.
    text: Option<String>,
    /// The HTML version, where it was kept in rather than sent.
    html: Option<String>,
}

impl From<mail_messages::Model> for OutboxMailDetailView {
    fn from(mut mail: mail_messages::Model) -> Self {
        Self {
            data: mail.data.take(),
            text: mail.text_body.take(),
            html: mail.html_body.take(),
            mail: mail.into(),
        }
    }
}

/// An address that gets no more mails that people can do without.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuppressionView {
    /// With small letters.
    address: String,
    /// What the receiver's server said.
    reason: String,
    /// When it said so last.
    created_at: DateTime<Utc>,
}

impl From<mail_suppressions::Model> for SuppressionView {
    fn from(suppression: mail_suppressions::Model) -> Self {
        Self { address: suppression.address, reason: suppression.reason, created_at: suppression.created_at }
    }
}

/// Mails to an address leave again.
#[derive(Serialize, ToSchema)]
pub(crate) struct LiftedView {
    /// Always true.
    pub(crate) success: bool,
    /// The address, with small letters.
    pub(crate) address: String,
    /// The target under which the audit log has it: the address's SHA-256, since the log is
    /// kept for longer than an address may be.
    #[schema(example = "address:5d41402abc4b2a76b9719d911017c592ae3d9c1e0f7a3b2c1d0e9f8a7b6c5d4e")]
    pub(crate) audit_target: String,
}
