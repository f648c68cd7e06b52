//! What nodes do with the credentials of integrations.

use atelier_entities::IntegrationId;
use atelier_providers::http::OutboundRequest;
use atelier_queue::JobError;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;

use super::{
    call::{AttemptError, Call, NodeFailure},
    description::{Field, Widget, both},
};
use crate::{
    expression::Redactor,
    integrations::{
        CredentialError, Found, INTEGRATION,
        kinds::{Credential, for_requests, openai_compatible, slack_webhook, smtp},
    },
};

/// The types of nodes that use integrations.
const USERS: [&str; 4] = ["http_request", "llm_prompt", "send_mail", "slack_message"];

/// The types of nodes that use integrations.
pub(crate) fn kinds_with_integration() -> impl Iterator<Item = &'static str> {
    USERS.into_iter()
}

/// The types of integrations that nodes of a type can use. Nothing if they use none.
pub(crate) fn kinds_for(node: &str) -> Option<Vec<&'static str>> {
    match node {
        "http_request" => Some(for_requests().collect()),
        "llm_prompt" => Some(vec![openai_compatible::KIND.name]),
        "send_mail" => Some(vec![smtp::KIND.name]),
        "slack_message" => Some(vec![slack_webhook::KIND.name]),
        _ => None,
    }
}

/// The field that names an integration.
pub(super) fn field() -> Field {
    let schema = json!({"type": ["string", "null"], "format": "uuid"});
    Field::optional(INTEGRATION, both("Integration", "Intégration"), Widget::Integration, schema)
}

/// Adds the credentials of an integration to a request, and teaches them to the redactor.
///
/// # Errors
/// If the integration does not allow the host of the request, if its credentials cannot be opened, or
/// if the request sets what they set.
pub(super) async fn attach(
    call: &Call<'_>,
    id: IntegrationId,
    outbound: &mut OutboundRequest,
    redactor: &mut Redactor,
) -> Result<Found, AttemptError> {
    let credentials = &call.services.credentials;
    let kinds: Vec<&str> = for_requests().collect();
    let found = credentials.find(call.owner, id, &kinds).await?;
    let mut url = Url::parse(&outbound.url).map_err(|_| NodeFailure::at("/url", "must be an address"))?;
    let credential = credentials.open_for(&found, &url).await?;
    learn(redactor, &credential.secrets)?;
    let Credential { headers, query, .. } = credential;
    for (name, value) in headers {
        if outbound.headers.iter().any(|(other, _)| *other == name) {
            return Err(NodeFailure::at(format!("/headers/{name}"), "is set by the integration").into());
        }
        outbound.headers.push((name, value.expose_secret().to_owned()));
    }
    for (name, value) in query {
        if url.query_pairs().any(|(other, _)| other == name) {
            return Err(NodeFailure::at(format!("/query/{name}"), "is set by the integration").into());
        }
        url.query_pairs_mut().append_pair(&name, value.expose_secret());
    }
    outbound.url = url.into();
    Ok(found)
}

/// Teaches secrets to a redactor.
pub(super) fn learn(redactor: &mut Redactor, secrets: &[SecretString]) -> Result<(), NodeFailure> {
    let learned = redactor.clone().with(secrets);
    *redactor = learned.map_err(|fault| NodeFailure::permanent(fault.code(), fault.to_string()))?;
    Ok(())
}

impl From<CredentialError> for AttemptError {
    fn from(error: CredentialError) -> Self {
        let message = error.to_string();
        let failure = match error {
            CredentialError::Missing => NodeFailure::permanent("CREDENTIAL_MISSING", message),
            CredentialError::WrongType(_) => NodeFailure::permanent("CREDENTIAL_WRONG_TYPE", message),
            CredentialError::HostRefused(_) => NodeFailure::permanent("CREDENTIAL_HOST_REFUSED", message),
            CredentialError::Incomplete(_) => NodeFailure::permanent("CREDENTIAL_INCOMPLETE", message),
            CredentialError::KeyRing(error) => {
                tracing::error!(%error, "a credential cannot be opened");
                NodeFailure::permanent("CREDENTIAL_UNREADABLE", message)
            }
            CredentialError::Token { is_retryable: true, .. } => {
                NodeFailure::transient("TOKEN_UNAVAILABLE", message)
            }
            CredentialError::Token { .. } => NodeFailure::permanent("TOKEN_REFUSED", message),
            CredentialError::Pending(wait) => {
                return JobError::wait("TOKEN_PENDING", "another worker gets the token", wait).into();
            }
            CredentialError::Database(error) => return error.into(),
            CredentialError::Queue(error) => return error.into(),
        };
        failure.into()
    }
}
