//! Providers with OpenID Connect: endpoints and keys are discovered, and the person is read
//! from the ID token.

mod person;

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::{
    AdditionalProviderMetadata, AuthType, AuthenticationFlow, AuthorizationCode, ClaimsVerificationError,
    ClientId, ClientSecret, CsrfToken, DiscoveryError, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    ProviderMetadata, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, TokenResponse,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod, CoreGrantType,
        CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
        CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use self::person::person;
use super::{
    AppleKey, Callback, ExternalPerson, Flow, IdentityProvider, OAuthError, Transport, error::token_refusal,
    transport::TransportError,
};
use crate::resilience::Clock;

/// How long the metadata is cached.
const METADATA_LIFETIME: TimeDelta = TimeDelta::hours(1);
/// Shortest time between two refreshes for an unknown key.
const MIN_REFRESH_INTERVAL: TimeDelta = TimeDelta::minutes(1);
/// How far the provider's clock may be ahead.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// The settings of a provider.
#[derive(Debug)]
pub struct OidcOptions {
    /// Issuer URL, which the discovery document is found under.
    pub issuer: String,
    /// Client id.
    pub client_id: String,
    /// Client credential.
    pub credential: Credential,
    /// Scopes besides `openid`.
    pub scopes: &'static [&'static str],
    /// Whether the provider redirects by a form post, as Apple requires.
    pub form_post: bool,
}

/// The credential of this client.
#[derive(Debug)]
pub enum Credential {
    /// A client secret.
    Secret(SecretString),
    /// A JWT that is signed for each request, as Apple requires.
    Signed(AppleKey),
}

/// Sign-in by OpenID Connect.
#[derive(Debug)]
pub struct OidcProvider {
    options: OidcOptions,
    issuer: IssuerUrl,
    transport: Transport,
    cache: Mutex<Option<CachedMetadata>>,
    clock: DebugClock,
}

/// The additional metadata: whether callbacks contain the issuer (RFC 9207).
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Additional {
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Additional {}

type Metadata = ProviderMetadata<
    Additional,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

#[derive(Clone, Debug)]
struct CachedMetadata {
    metadata: Arc<Metadata>,
    fetched_at: DateTime<Utc>,
    /// When it was last refreshed for an unknown key.
    refreshed_at: Option<DateTime<Utc>>,
}

struct DebugClock(Clock);

impl std::fmt::Debug for DebugClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl OidcProvider {
    /// A provider; it makes no request before a sign-in. Fails if the issuer is not a URL.
    pub fn new(options: OidcOptions, transport: Transport, clock: Clock) -> Result<Self, OAuthError> {
        let issuer = IssuerUrl::new(options.issuer.clone())
            .map_err(|error| OAuthError::Misconfigured(format!("the issuer is no URL: {error}")))?;
        Ok(Self { options, issuer, transport, cache: Mutex::new(None), clock: DebugClock(clock) })
    }

    fn now(&self) -> DateTime<Utc> {
        (self.clock.0)()
    }

    /// The metadata, at most an hour old unless the provider is unavailable.
    async fn metadata(&self) -> Result<Arc<Metadata>, OAuthError> {
        let mut cache = self.cache.lock().await;
        let now = self.now();
        match cache.as_mut() {
            Some(cached) if now < cached.fetched_at + METADATA_LIFETIME => Ok(cached.metadata.clone()),
            Some(stale) => {
                match self.discover().await {
                    Ok(metadata) => stale.metadata = metadata,
                    Err(error) => tracing::warn!(issuer = %self.options.issuer, %error, "discovery failed"),
                }
                stale.fetched_at = now;
                Ok(stale.metadata.clone())
            }
            None => {
                let metadata = self.discover().await?;
                *cache =
                    Some(CachedMetadata { metadata: metadata.clone(), fetched_at: now, refreshed_at: None });
                Ok(metadata)
            }
        }
    }

    /// Refreshes the metadata for an unknown key. None if the last refresh is too recent.
    async fn refresh_metadata(&self) -> Result<Option<Arc<Metadata>>, OAuthError> {
        let mut cache = self.cache.lock().await;
        let now = self.now();
        let refreshed_at = cache.as_ref().and_then(|cached| cached.refreshed_at);
        if refreshed_at.is_some_and(|at| now < at + MIN_REFRESH_INTERVAL) {
            return Ok(None);
        }
        let metadata = self.discover().await?;
        *cache =
            Some(CachedMetadata { metadata: metadata.clone(), fetched_at: now, refreshed_at: Some(now) });
        Ok(Some(metadata))
    }

    async fn discover(&self) -> Result<Arc<Metadata>, OAuthError> {
        let discovered = Metadata::discover_async(self.issuer.clone(), &self.transport).await;
        discovered.map(Arc::new).map_err(|error| match error {
            DiscoveryError::Request(error) => error.into(),
            DiscoveryError::Response(status, ..) => {
                OAuthError::Unavailable(format!("discovery is answered {status}"))
            }
            DiscoveryError::Validation(_) => OAuthError::Misconfigured("the issuer is another".to_owned()),
            other => OAuthError::Unavailable(format!("discovery: {other}")),
        })
    }

    fn client_secret(&self) -> Result<ClientSecret, OAuthError> {
        match &self.options.credential {
            Credential::Secret(secret) => Ok(ClientSecret::new(secret.expose_secret().to_owned())),
            Credential::Signed(key) => {
                let secret = key.client_secret(&self.options.client_id, &self.options.issuer, self.now())?;
                Ok(ClientSecret::new(secret))
            }
        }
    }

    async fn begin(&self, flow: &Flow) -> Result<String, OAuthError> {
        let metadata = self.metadata().await?;
        let client_id = ClientId::new(self.options.client_id.clone());
        let client = CoreClient::from_provider_metadata(Metadata::clone(&metadata), client_id, None)
            .set_redirect_uri(redirect_url(flow)?);
        let (state, nonce) = (CsrfToken::new(flow.state.clone()), Nonce::new(flow.nonce.clone()));
        let code_flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let verifier = PkceCodeVerifier::new(flow.verifier.clone());
        let mut request = client
            .authorize_url(code_flow, || state, || nonce)
            .add_scopes(self.options.scopes.iter().map(|scope| Scope::new((*scope).to_owned())))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        if self.options.form_post {
            request = request.add_extra_param("response_mode", "form_post");
        }
        Ok(request.url().0.into())
    }

    async fn redeem(&self, flow: &Flow, callback: &Callback) -> Result<ExternalPerson, OAuthError> {
        let metadata = self.metadata().await?;
        let sends_issuer = metadata.additional_metadata().authorization_response_iss_parameter_supported;
        check_issuer(&self.options.issuer, callback.issuer.as_deref(), sends_issuer)?;
        let client_id = ClientId::new(self.options.client_id.clone());
        let client = CoreClient::from_provider_metadata(
            Metadata::clone(&metadata),
            client_id,
            Some(self.client_secret()?),
        )
        .set_auth_type(AuthType::RequestBody)
        .set_redirect_uri(redirect_url(flow)?);
        let answer = client
            .exchange_code(AuthorizationCode::new(callback.code.clone()))
            .map_err(|_| OAuthError::Misconfigured("the provider has no token endpoint".to_owned()))?
            .set_pkce_verifier(PkceCodeVerifier::new(flow.verifier.clone()))
            .request_async(&self.transport)
            .await
            .map_err(refusal)?;
        let token = answer.id_token().ok_or_else(|| OAuthError::untrusted("there is no ID token"))?;
        let claims = self.verify(token, &metadata, &flow.nonce).await?;
        person(&claims, callback.user.as_deref())
    }

    /// The claims of an ID token that passes every check. If its key is unknown, the metadata
    /// is refreshed, since the provider may have rotated its keys.
    async fn verify(
        &self,
        token: &CoreIdToken,
        metadata: &Metadata,
        nonce: &str,
    ) -> Result<CoreIdTokenClaims, OAuthError> {
        match self.check(token, metadata, nonce) {
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) => {
                let newer = self
                    .refresh_metadata()
                    .await?
                    .ok_or_else(|| OAuthError::untrusted("its key is unknown"))?;
                self.check(token, &newer, nonce)
            }
            checked => checked,
        }
        .map_err(|error| OAuthError::untrusted(reason(&error)))
    }

    fn check(
        &self,
        token: &CoreIdToken,
        metadata: &Metadata,
        nonce: &str,
    ) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
        let now = self.now();
        let client_id = ClientId::new(self.options.client_id.clone());
        // As for a public client: tokens signed with the client secret are not accepted.
        let verifier =
            CoreIdTokenVerifier::new_public_client(client_id, self.issuer.clone(), metadata.jwks().clone())
                .set_allowed_algs(HashSet::from([
                    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
                    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
                ]))
                .set_time_fn(move || now)
                .set_issue_time_verifier_fn(move |at| {
                    if at <= now + CLOCK_SKEW { Ok(()) } else { Err("issued in the future".to_owned()) }
                });
        token.claims(&verifier, &Nonce::new(nonce.to_owned())).cloned()
    }
}

#[async_trait]
impl IdentityProvider for OidcProvider {
    async fn authorization_url(&self, flow: &Flow) -> Result<String, OAuthError> {
        self.transport.within(self.begin(flow)).await
    }

    async fn identify(&self, flow: &Flow, callback: &Callback) -> Result<ExternalPerson, OAuthError> {
        self.transport.within(self.redeem(flow, callback)).await
    }

    fn uses_form_post(&self) -> bool {
        self.options.form_post
    }
}

fn redirect_url(flow: &Flow) -> Result<RedirectUrl, OAuthError> {
    RedirectUrl::new(flow.redirect_uri.clone())
        .map_err(|_| OAuthError::Misconfigured("the callback's address is no URL".to_owned()))
}

/// Checks the issuer of a callback, which is required if the provider always sends it.
fn check_issuer(expected: &str, issuer: Option<&str>, is_required: bool) -> Result<(), OAuthError> {
    match issuer {
        Some(issuer) if issuer == expected => Ok(()),
        None if !is_required => Ok(()),
        Some(_) => Err(OAuthError::untrusted("it is another issuer's")),
        None => Err(OAuthError::untrusted("it does not name its issuer")),
    }
}

/// The reason for an invalid token, without its content.
fn reason(error: &ClaimsVerificationError) -> &'static str {
    match error {
        ClaimsVerificationError::Expired(_) => "the ID token has expired",
        ClaimsVerificationError::InvalidAudience(_) => "the ID token is for somebody else",
        ClaimsVerificationError::InvalidIssuer(_) => "the ID token is another issuer's",
        ClaimsVerificationError::InvalidNonce(_) => "the ID token is of another sign-in",
        ClaimsVerificationError::SignatureVerification(_) => "the ID token is not signed as it should be",
        _ => "the ID token is not as it should be",
    }
}

type TokenError = RequestTokenError<
    TransportError,
    openidconnect::StandardErrorResponse<openidconnect::core::CoreErrorResponseType>,
>;

fn refusal(error: TokenError) -> OAuthError {
    match error {
        RequestTokenError::ServerResponse(answer) => token_refusal(answer.error().as_ref()),
        RequestTokenError::Request(error) => error.into(),
        RequestTokenError::Parse(..) => OAuthError::untrusted("its tokens cannot be read"),
        RequestTokenError::Other(_) => OAuthError::untrusted("it is no answer to a code"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_must_come_from_the_issuer() {
        let ours = "https://accounts.example";
        for (issuer, is_required, good) in [
            (Some(ours), true, true),
            (Some(ours), false, true),
            (None, false, true),
            (None, true, false),
            (Some("https://accounts.example/"), false, false),
            (Some("https://evil.example"), false, false),
            (Some(""), false, false),
        ] {
            assert_eq!(check_issuer(ours, issuer, is_required).is_ok(), good, "{issuer:?} {is_required}");
        }
    }
}
