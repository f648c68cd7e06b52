//! Tests an integration: whether its service takes the credentials.

use std::time::{Duration, Instant};

use atelier_entities::{IntegrationId, UserId, integrations};
use atelier_providers::http::{HttpError, OutboundRequest, OutboundResponse};
use atelier_queue::{JobContext, JobError, Outcome};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::{
    TestIntegration,
    credentials::{CredentialError, Credentials, Found, required},
    kinds::{ALL, Credential, Test, slack_webhook::WEBHOOK_URL, smtp},
};
use crate::expression::Redactor;

/// How long the service may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Most characters of an answer that a report shows.
const MAX_EXCERPT_CHARS: usize = 200;

/// What a test found. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestReport {
    /// Whether the service took the credentials.
    pub ok: bool,
    /// The HTTP status that it answered.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
    /// Why it failed.
    pub reason: Option<String>,
    /// When it was tested.
    pub tested_at: atelier_entities::Timestamp,
}

/// What a service answered.
struct Asked {
    status: Option<u16>,
    reason: Option<String>,
}

impl Credentials {
    /// Tests an integration and notes what it found, unless the integration has changed meanwhile.
    ///
    /// # Errors
    /// If the database fails, or another worker gets the token meanwhile.
    pub(crate) async fn test(&self, ctx: &JobContext, args: TestIntegration) -> Result<Outcome, JobError> {
        let Some(user) = ctx.owner() else { return Ok(Outcome::done()) };
        let Some(found) = self.find_any(user, args.integration_id).await? else { return Ok(Outcome::done()) };
        let begun = Instant::now();
        let asked = match self.ask(&found).await {
            Ok(asked) => asked,
            Err(CredentialError::Database(error)) => return Err(error.into()),
            Err(CredentialError::Queue(error)) => return Err(error.into()),
            Err(CredentialError::Pending(wait)) => {
                return Err(JobError::wait("TOKEN_PENDING", "another worker gets the token", wait));
            }
            Err(error) => Asked { status: None, reason: Some(error.to_string()) },
        };
        let report = TestReport {
            ok: asked.reason.is_none(),
            status: asked.status,
            latency_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            reason: asked.reason,
            tested_at: ctx.queue().now(),
        };
        self.note_test(&found, &report).await?;
        Ok(Outcome::Done(json!(report)))
    }

    async fn find_any(&self, user: UserId, id: IntegrationId) -> Result<Option<Found>, JobError> {
        let kinds = ALL.map(|kind| kind.name);
        match self.find(user, id, &kinds).await {
            Ok(found) => Ok(Some(found)),
            Err(CredentialError::Database(error)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    async fn note_test(&self, found: &Found, report: &TestReport) -> Result<(), JobError> {
        use integrations::Column;
        integrations::Entity::update_many()
            .col_expr(Column::LastTest, Expr::value(json!(report)))
            .filter(Column::Id.eq(found.row.id))
            .filter(Column::Revision.eq(found.row.revision))
            .exec(self.queue.db())
            .await?;
        Ok(())
    }

    async fn ask(&self, found: &Found) -> Result<Asked, CredentialError> {
        match found.kind.test {
            Test::Get(address) => self.ask_address(found, address(&found.settings())).await,
            Test::Token => self.open(found).await.map(|_| Asked { status: None, reason: None }),
            Test::Webhook => self.ask_webhook(found).await,
            Test::Mail => self.ask_mail_server(found).await,
        }
    }

    async fn ask_address(&self, found: &Found, address: Option<String>) -> Result<Asked, CredentialError> {
        let Some(mut url) = address.and_then(|address| Url::parse(&address).ok()) else {
            return Ok(Asked { status: None, reason: Some("There is no address to ask.".to_owned()) });
        };
        let credential = self.open_for(found, &url).await?;
        for (name, value) in &credential.query {
            url.query_pairs_mut().append_pair(name, value.expose_secret());
        }
        let mut request = OutboundRequest::get(url);
        request.headers = headers_of(&credential);
        let answer = self.send(request).await;
        Ok(judged(answer, &credential, |answer| (200..300).contains(&answer.status)))
    }

    /// Slack refuses a message without text, after it has looked up the webhook. So nothing is posted.
    async fn ask_webhook(&self, found: &Found) -> Result<Asked, CredentialError> {
        let opened = self.open(found).await?;
        let secret = required(&opened, WEBHOOK_URL.name)?.clone();
        let url =
            Url::parse(secret.expose_secret()).map_err(|_| CredentialError::Incomplete(WEBHOOK_URL.name))?;
        found.ensure_allowed(&url)?;
        let answer = self.send(OutboundRequest::post_json(url, &json!({"text": ""}))).await;
        let credential = Credential { secrets: vec![secret], ..Credential::default() };
        let took = |answer: &OutboundResponse| {
            let refused_text = answer.body.as_ref() == b"no_text"
                || answer.body.as_ref() == b"missing_text_or_fallback_or_attachments";
            (200..300).contains(&answer.status) || (answer.status == 400 && refused_text)
        };
        Ok(judged(answer, &credential, took))
    }

    /// Signs in, and sends nothing.
    async fn ask_mail_server(&self, found: &Found) -> Result<Asked, CredentialError> {
        found.ensure_mail_server()?;
        let account = smtp::account_of(&self.open(found).await?);
        let secrets = [account.password.clone()];
        let failed = |reason: String| Asked { status: None, reason: Some(clean(&secrets, &reason)) };
        let addresses = match self.http.resolve_mail_server(&account.host, account.port).await {
            Ok(addresses) => addresses,
            Err(error) => return Ok(failed(format!("The mail server cannot be reached: {error}."))),
        };
        Ok(match account.check(&addresses, TIMEOUT).await {
            Ok(()) => Asked { status: None, reason: None },
            Err(error) => failed(format!("The mail server refused: {error}.")),
        })
    }

    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, HttpError> {
        tokio::time::timeout(TIMEOUT, self.http.send_once(request)).await.unwrap_or(Err(HttpError::Timeout))
    }
}

/// The headers of a test.
fn headers_of(credential: &Credential) -> Vec<(String, String)> {
    let own = credential.headers.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned()));
    own.chain([("user-agent".to_owned(), "Atelier-Workflow/1".to_owned())]).collect()
}

fn judged(
    answer: Result<OutboundResponse, HttpError>,
    credential: &Credential,
    took: impl FnOnce(&OutboundResponse) -> bool,
) -> Asked {
    let clean = |text: &str| clean(&credential.secrets, text);
    match answer {
        Ok(answer) if took(&answer) => Asked { status: Some(answer.status), reason: None },
        Ok(answer) => {
            let text = clean(&String::from_utf8_lossy(&answer.body));
            let excerpt: String =
                text.chars().filter(|char| !char.is_control()).take(MAX_EXCERPT_CHARS).collect();
            let reason = match excerpt.trim() {
                "" => format!("The service answered {}.", answer.status),
                excerpt => format!("The service answered {}: {excerpt}", answer.status),
            };
            Asked { status: Some(answer.status), reason: Some(reason) }
        }
        Err(error) => Asked { status: None, reason: Some(clean(&format!("The request failed: {error}."))) },
    }
}

/// The text without these secrets; empty if they cannot be looked for.
fn clean(secrets: &[SecretString], text: &str) -> String {
    match Redactor::new(secrets) {
        Ok(redactor) => redactor.redact_text(text),
        Err(_) => String::new(),
    }
}
