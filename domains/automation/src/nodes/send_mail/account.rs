//! Mails by an account at a mail server.

use std::time::Duration;

use atelier_entities::IntegrationId;
use atelier_providers::mail::{MailError, OutgoingMail};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    super::{
        call::{AttemptError, Call, NodeFailure, NodeOutput},
        credential,
        http_request::failure_of,
    },
    Message,
};
use crate::{expression::Redactor, integrations::kinds::smtp};

/// How long the server may take for a mail.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Sends a mail. Another attempt has the same Message-ID, so that receivers can drop it.
///
/// # Errors
/// If nobody is named, the account cannot be used, or the server does not take the mail.
pub(super) async fn send(
    call: &Call<'_>,
    integration: IntegrationId,
    to: Vec<String>,
    message: Message,
) -> Result<NodeOutput, AttemptError> {
    let Some((first, others)) = to.split_first() else {
        return Err(NodeFailure::at("/to", "must name whom an account writes to").into());
    };
    let credentials = &call.services.credentials;
    let found = credentials.find(call.owner, integration, &[smtp::KIND.name]).await?;
    found.ensure_mail_server()?;
    let opened = credentials.open(&found).await?;
    let account = smtp::account_of(&opened);
    let mut redactor = call.redactor.clone();
    credential::learn(&mut redactor, std::slice::from_ref(&account.password))?;
    let addresses = call.services.http.resolve_mail_server(&account.host, account.port).await;
    let addresses = addresses.map_err(|error| failure_of(&error, &redactor))?;
    let mail = OutgoingMail {
        message_id: message_id(&call.idempotency_key),
        to: first.clone(),
        to_name: None,
        from: opened.setting(smtp::FROM.name).to_owned(),
        reply_to: None,
        subject: message.subject,
        text: message.text,
        html: String::new(),
        headers: Vec::new(),
    };
    let sent = account.send(&addresses, &mail, others, TIMEOUT).await;
    sent.map_err(|error| failure_of_mail(&error, &redactor))?;
    Ok(NodeOutput::Value(json!({"to": to, "queued": false, "mail_id": null})))
}

/// The same for all attempts of a node.
fn message_id(key: &str) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(key.as_bytes())[..16]);
    Uuid::from_bytes(bytes).to_string()
}

fn failure_of_mail(error: &MailError, redactor: &Redactor) -> NodeFailure {
    let message = redactor.redact_text(&format!("The mail was not sent: {error}."));
    match error {
        MailError::Transient { .. } => NodeFailure::transient("MAIL_UNAVAILABLE", message),
        MailError::Bounced { .. } | MailError::Rejected { .. } => {
            NodeFailure::permanent("MAIL_REFUSED", message)
        }
        MailError::InvalidAddress { .. } | MailError::Misconfigured { .. } => {
            NodeFailure::permanent("CONFIG_INVALID", message)
        }
    }
}

#[cfg(test)]
mod tests;
