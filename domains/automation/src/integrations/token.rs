//! Tokens of OAuth 2 that a client gets for itself (RFC 6749, section 4.4).
//!
//! One worker gets a token: it takes the lease in the integration's row, and the others wait.
//! It stores the token under the row's lock, unless the integration has changed meanwhile. No
//! transaction is open while it asks the server.

use std::time::Duration;

use atelier_entities::{Timestamp, integration_secrets, integrations};
use atelier_providers::http::{OutboundRequest, OutboundResponse};
use atelier_queue::metrics::workflows as metrics;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::{
    credentials::{CredentialError, Credentials, Found, is_fresh, required},
    kinds::{
        Opened,
        oauth2_client_credentials::{
            ACCESS_TOKEN, AUDIENCE, CLIENT_AUTHENTICATION, CLIENT_ID, CLIENT_SECRET, SCOPE, TOKEN_URL,
        },
    },
    secrets::{self, NewSecret, Owned},
};

/// How long the server of tokens may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long a worker may take to get a token before another one may.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How long the others wait before they look again.
const PENDING_WAIT: Duration = Duration::from_secs(1);
/// How long a token is good whose server does not say, in seconds.
const DEFAULT_LIFETIME_SECS: u64 = 300;
/// The longest time that a token is kept, in seconds.
const MAX_LIFETIME_SECS: u64 = 24 * 60 * 60;
/// Most bytes of a token.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// Most characters of an error code of the server.
const MAX_CODE_CHARS: usize = 60;

/// What a server of tokens gives.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
}

/// A token and until when it is good.
struct Token {
    value: SecretString,
    expires_at: Timestamp,
}

impl Credentials {
    /// Gets a token and keeps it.
    ///
    /// # Errors
    /// [`CredentialError::Pending`] if another worker gets one.
    pub(super) async fn renew_token(
        &self,
        found: &Found,
        opened: &Opened,
    ) -> Result<SecretString, CredentialError> {
        let lease = self.queue.now() + LEASE;
        if !self.take_lease(found, lease).await? {
            return Err(CredentialError::Pending(PENDING_WAIT));
        }
        let renewed = self.renew_leased(found, opened).await;
        if renewed.is_err() {
            self.drop_lease(found, lease).await?;
        }
        renewed
    }

    async fn renew_leased(&self, found: &Found, opened: &Opened) -> Result<SecretString, CredentialError> {
        // Whoever had the lease before may have stored a token since it was looked for.
        let rows = self.secret_rows(found).await?;
        let now = self.queue.now();
        if let Some(row) = rows.iter().find(|row| row.field == ACCESS_TOKEN && is_fresh(row, now)) {
            let token = Owned::of(&found.row).open(&self.ring, row)?;
            self.store(found, None).await?;
            return Ok(token);
        }
        let token = self.fetch_token(opened).await;
        metrics::token_renewed(if token.is_ok() { "renewed" } else { "failed" });
        let token = token?;
        self.store(found, Some(&token)).await?;
        Ok(token.value)
    }

    /// Takes the right to get a token, unless another worker has it or the integration has changed.
    async fn take_lease(&self, found: &Found, until: Timestamp) -> Result<bool, DbErr> {
        use integrations::Column;
        let is_free = Condition::any()
            .add(Column::TokenLeaseUntil.is_null())
            .add(Column::TokenLeaseUntil.lte(self.queue.now()));
        let taken = integrations::Entity::update_many()
            .col_expr(Column::TokenLeaseUntil, Expr::value(until))
            .filter(Column::Id.eq(found.row.id))
            .filter(Column::Revision.eq(found.row.revision))
            .filter(is_free)
            .exec(self.queue.db())
            .await?;
        Ok(taken.rows_affected > 0)
    }

    async fn drop_lease(&self, found: &Found, lease: Timestamp) -> Result<(), DbErr> {
        use integrations::Column;
        integrations::Entity::update_many()
            .col_expr(Column::TokenLeaseUntil, Expr::value(None::<Timestamp>))
            .filter(Column::Id.eq(found.row.id))
            .filter(Column::TokenLeaseUntil.eq(lease))
            .exec(self.queue.db())
            .await
            .map(drop)
    }

    /// Stores the token, if there is a new one, and ends the lease, under the lock of the row. An
    /// integration that has changed meanwhile keeps nothing: its job runs again.
    async fn store(&self, found: &Found, token: Option<&Token>) -> Result<(), CredentialError> {
        let tx = self.queue.begin().await?;
        let row = integrations::Entity::find_by_id(found.row.id).lock_exclusive().one(&*tx).await?;
        let Some(row) = row.filter(|row| row.revision == found.row.revision) else {
            return Err(CredentialError::Pending(PENDING_WAIT));
        };
        if let Some(Token { value, expires_at }) = token {
            secrets::delete(&*tx, row.id, [ACCESS_TOKEN]).await?;
            let new = NewSecret {
                field: ACCESS_TOKEN,
                revision: row.revision,
                value,
                expires_at: Some(*expires_at),
            };
            let sealed = Owned::of(&row).seal(&self.ring, new, tx.now())?;
            integration_secrets::Entity::insert(sealed).exec_without_returning(&*tx).await?;
        }
        integrations::Entity::update_many()
            .col_expr(integrations::Column::TokenLeaseUntil, Expr::value(None::<Timestamp>))
            .filter(integrations::Column::Id.eq(row.id))
            .exec(&*tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn fetch_token(&self, opened: &Opened) -> Result<Token, CredentialError> {
        let request = request_of(opened)?;
        let answer = tokio::time::timeout(TIMEOUT, self.http.send_once(request)).await;
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(refused(error.to_string(), error.is_retryable())),
            Err(_) => return Err(refused("it did not answer in time", true)),
        };
        read_token(&answer, self.queue.now())
    }
}

fn refused(reason: impl Into<String>, is_retryable: bool) -> CredentialError {
    CredentialError::Token { reason: reason.into(), is_retryable }
}

fn request_of(opened: &Opened) -> Result<OutboundRequest, CredentialError> {
    let secret = required(opened, CLIENT_SECRET.name)?.expose_secret();
    let id = opened.setting(CLIENT_ID.name);
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    for name in [SCOPE.name, AUDIENCE.name] {
        let value = opened.setting(name);
        if !value.is_empty() {
            form.append_pair(name, value);
        }
    }
    let mut headers = vec![
        ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
        ("accept".to_owned(), "application/json".to_owned()),
        ("user-agent".to_owned(), "Atelier-Workflow/1".to_owned()),
    ];
    if opened.setting(CLIENT_AUTHENTICATION.name) == "body" {
        form.append_pair("client_id", id).append_pair("client_secret", secret);
    } else {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
        headers.push(("authorization".to_owned(), format!("Basic {pair}")));
    }
    let url = opened.setting(TOKEN_URL.name).to_owned();
    Ok(OutboundRequest { method: "POST".to_owned(), url, headers, body: Bytes::from(form.finish()) })
}

fn read_token(answer: &OutboundResponse, now: Timestamp) -> Result<Token, CredentialError> {
    if !(200..300).contains(&answer.status) {
        let is_retryable = answer.status == 429 || answer.status >= 500;
        return Err(refused(refusal_of(answer), is_retryable));
    }
    let Ok(TokenAnswer { access_token, token_type, expires_in }) = serde_json::from_slice(&answer.body)
    else {
        return Err(refused("its answer holds no token", false));
    };
    let is_bearer = token_type.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    let text = access_token.expose_secret();
    let is_sendable =
        !text.is_empty() && text.len() <= MAX_TOKEN_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_bearer || !is_sendable {
        return Err(refused("its token cannot be sent as a bearer token", false));
    }
    let seconds = expires_in.unwrap_or(DEFAULT_LIFETIME_SECS).min(MAX_LIFETIME_SECS);
    let expires_at = now + TimeDelta::seconds(i64::try_from(seconds).unwrap_or_default());
    Ok(Token { value: access_token, expires_at })
}

/// What the server said: the status, and the code of an error of OAuth.
fn refusal_of(answer: &OutboundResponse) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let status = answer.status;
    let code = serde_json::from_slice::<Refusal>(&answer.body).ok().map(|refusal| refusal.error);
    let is_code = |code: &String| {
        code.len() <= MAX_CODE_CHARS && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    match code.filter(is_code) {
        Some(code) => format!("it answered {status} ({code})"),
        None => format!("it answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::integrations::kinds::Settings;

    fn opened(settings: &[(&str, &str)]) -> Opened {
        let fixed = [("token_url", "https://login.example/token"), ("client_id", "my id")];
        let settings: Settings = fixed
            .iter()
            .chain(settings)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let secret = SecretString::from("s:cret&");
        Opened::new(settings, BTreeMap::from([("client_secret".to_owned(), secret)]))
    }

    #[test]
    fn a_client_proves_itself_in_a_header_or_in_the_body() {
        let basic = request_of(&opened(&[("scope", "read write")])).expect("a request");
        assert_eq!(basic.body, "grant_type=client_credentials&scope=read+write");
        let expected = format!("Basic {}", STANDARD.encode("my+id:s%3Acret%26"));
        assert!(basic.headers.contains(&("authorization".to_owned(), expected)));

        let body = request_of(&opened(&[("client_authentication", "body")])).expect("a request");
        assert_eq!(body.body, "grant_type=client_credentials&client_id=my+id&client_secret=s%3Acret%26");
        assert!(body.headers.iter().all(|(name, _)| name != "authorization"));
    }

    #[test]
    fn an_answer_without_a_usable_token_is_refused() {
        let now = chrono::DateTime::UNIX_EPOCH;
        let read = |status: u16, body: &str| {
            let body = Bytes::from(body.to_owned());
            match read_token(&OutboundResponse { status, headers: Vec::new(), body }, now) {
                Ok(token) => (token.expires_at - now).num_seconds().to_string(),
                Err(CredentialError::Token { reason, is_retryable }) => format!("{reason}, {is_retryable}"),
                Err(other) => panic!("{other}"),
            }
        };
        for (status, body, expected) in [
            (200, r#"{"access_token": "t", "token_type": "Bearer", "expires_in": 3600}"#, "3600"),
            (200, r#"{"access_token": "t"}"#, "300"),
            (200, r#"{"access_token": "t", "expires_in": 99999999}"#, "86400"),
            (
                200,
                r#"{"access_token": "t", "token_type": "mac"}"#,
                "its token cannot be sent as a bearer token, false",
            ),
            (200, r#"{"access_token": "a b"}"#, "its token cannot be sent as a bearer token, false"),
            (200, "ok", "its answer holds no token, false"),
            (
                401,
                r#"{"error": "invalid_client", "error_description": "s:cret&"}"#,
                "it answered 401 (invalid_client), false",
            ),
            (400, r#"{"error": "<script>"}"#, "it answered 400, false"),
            (503, "", "it answered 503, true"),
            (429, "", "it answered 429, true"),
        ] {
            assert_eq!(read(status, body), expected, "{status} {body}");
        }
    }
}
