//! Sign-in at Google, GitHub or Apple, by authorization code.
//!
//! A sign-in starts with a row of its secrets: the hash of the state, the nonce and the
//! PKCE verifier. The first callback with this state deletes the row, whether it succeeds
//! or not.

mod admission;
mod provider_profile;
mod recent;
mod states;

use std::{collections::HashMap, sync::Arc, time::Duration};

use atelier_entities::{OAuthEnd, SignInProvider};
use atelier_providers::oauth::{Callback, Flow, IdentityProvider, OAuthError};
use serde_json::json;
use url::form_urlencoded;

use super::{
    Identity, IdentityError, SignedIn,
    tokens::{hash_token, new_token},
};
use crate::{Actor, audit};

/// The configured sign-in providers and the addresses of callbacks.
#[derive(Clone, Debug, Default)]
pub struct OAuthSetup {
    /// The configured providers.
    pub providers: HashMap<SignInProvider, Arc<dyn IdentityProvider>>,
    /// The public URL of this instance, without a slash at the end. Providers redirect
    /// browsers to `/api/auth/{provider}/callback` under it.
    pub public_url: String,
    /// The URL of the frontend, without a slash at the end. Browsers are redirected to
    /// `/auth/callback` under it, and nowhere else.
    pub frontend_url: String,
}

/// A started sign-in.
#[derive(Clone)]
pub struct StartedSignIn {
    /// The address at the provider to which the browser is redirected.
    pub authorization_url: String,
    /// The state, which the callback repeats.
    pub state: String,
    /// Time limit of the sign-in.
    pub lifetime: Duration,
    /// The cookie of the browser, if the browser finishes the sign-in.
    pub cookie: Option<SignInCookie>,
}

/// The cookie that binds a sign-in to the browser that started it.
#[derive(Clone, PartialEq, Eq)]
pub struct SignInCookie {
    /// The name. Each sign-in has its own, so that two tabs do not interfere.
    pub name: String,
    /// The value.
    pub value: String,
    /// The attribute `Secure`.
    pub is_secure: bool,
    /// Whether cross-site form posts carry it (`SameSite=None`).
    pub is_cross_site: bool,
}

/// The callback of a provider.
#[derive(Clone, Debug)]
pub struct SignInCallback {
    /// The state.
    pub state: String,
    /// The code and its parameters.
    pub callback: Callback,
    /// The client that sends the callback.
    pub end: OAuthEnd,
    /// The value of the browser's cookie.
    pub cookie: Option<String>,
}

/// Why a sign-in at a provider failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OAuthRefusal {
    /// The provider is unknown or not configured.
    #[error("there is no sign-in with this provider")]
    NotConfigured,
    /// The state is unknown, used, expired, or of another provider or browser.
    #[error("the sign-in was not started here, has expired, or was finished")]
    InvalidState,
    /// The provider rejects the code.
    #[error("the provider refused the code")]
    RefusedCode,
    /// The provider's response fails a check.
    #[error("the provider's response failed a check")]
    Untrusted,
    /// The provider does not respond, or rejects this instance.
    #[error("the provider does not respond")]
    Unavailable,
    /// The provider has no verified mail address of the person.
    #[error("the provider has not verified the mail address")]
    UnverifiedEmail,
}

impl OAuthRefusal {
    /// The stable error code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotConfigured => "PROVIDER_NOT_CONFIGURED",
            Self::InvalidState => "OAUTH_STATE_INVALID",
            Self::RefusedCode => "OAUTH_CODE_REFUSED",
            Self::Untrusted => "OAUTH_ANSWER_UNTRUSTED",
            Self::Unavailable => "OAUTH_PROVIDER_UNAVAILABLE",
            Self::UnverifiedEmail => "OAUTH_EMAIL_UNVERIFIED",
        }
    }
}

impl From<OAuthError> for OAuthRefusal {
    fn from(error: OAuthError) -> Self {
        match error {
            OAuthError::Refused(_) => Self::RefusedCode,
            OAuthError::Untrusted(_) => Self::Untrusted,
            OAuthError::Unavailable(_) | OAuthError::Misconfigured(_) => Self::Unavailable,
        }
    }
}

impl Identity {
    /// The configured providers, in a stable order.
    #[must_use]
    pub fn list_sign_in_providers(&self) -> Vec<SignInProvider> {
        let known = SignInProvider::ALL.iter().copied();
        known.filter(|provider| self.oauth.providers.contains_key(provider)).collect()
    }

    /// Starts a sign-in. The client that `end` names must finish it within ten minutes.
    pub async fn begin_oauth(
        &self,
        provider: SignInProvider,
        end: OAuthEnd,
    ) -> Result<StartedSignIn, IdentityError> {
        let there = self.provider(provider)?;
        let flow = Flow {
            redirect_uri: self.callback_url(provider),
            state: new_token(),
            nonce: new_token(),
            verifier: new_token(),
        };
        let authorization_url =
            there.authorization_url(&flow).await.map_err(|error| log_refusal(provider, error))?;
        let cookie = (end == OAuthEnd::Browser)
            .then(|| SignInCookie { value: new_token(), ..self.oauth_cookie(provider, &flow.state) });
        let browser_hash = cookie.as_ref().map(|cookie| hash_token(&cookie.value));
        states::create(
            self.queue.db(),
            self.queue.now(),
            states::NewState { provider, end, flow: &flow, browser_hash },
        )
        .await?;
        Ok(StartedSignIn { authorization_url, state: flow.state, lifetime: states::LIFETIME, cookie })
    }

    /// The cookie of a sign-in, without its value.
    #[must_use]
    pub fn oauth_cookie(&self, provider: SignInProvider, state: &str) -> SignInCookie {
        let is_https = self.oauth.public_url.starts_with("https://");
        let is_cross_site =
            self.oauth.providers.get(&provider).is_some_and(|provider| provider.uses_form_post());
        // Browsers take such a name from this very host over https alone.
        let prefix = if is_https { "__Host-" } else { "" };
        SignInCookie {
            name: format!("{prefix}atelier_oauth_{}", &hash_token(state)[..16]),
            value: String::new(),
            // Browsers refuse cross-site cookies that are not secure.
            is_secure: is_https || is_cross_site,
            is_cross_site,
        }
    }

    /// The client that finishes the sign-in with this state; none if the sign-in does not
    /// exist.
    pub async fn find_oauth_end(
        &self,
        provider: SignInProvider,
        state: &str,
    ) -> Result<Option<OAuthEnd>, IdentityError> {
        let row = states::find(self.queue.db(), state).await?;
        let row = row.filter(|row| row.provider == provider && row.expires_at > self.queue.now());
        Ok(row.map(|row| row.ends_at))
    }

    /// Deletes a sign-in that the person or the provider cancelled.
    pub async fn abandon_oauth(
        &self,
        actor: &Actor,
        provider: SignInProvider,
        state: &str,
        code: &str,
    ) -> Result<(), IdentityError> {
        let tx = self.queue.begin().await?;
        if states::take(&tx, state).await?.is_some() {
            let context = json!({"provider": provider, "reason": code});
            audit::record(&tx, actor, "auth.login_failed", None, context).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Finishes a sign-in: exchanges the code at the provider and opens a session.
    ///
    /// A linked provider account signs in. Otherwise the mail address decides, if the
    /// provider has verified it: the account with that address is linked, or a new one is
    /// created. An account with an unproven address may have been created by somebody else,
    /// so its password, sign-ins and tokens are removed when the owner of the address signs
    /// in.
    pub async fn finish_oauth(
        &self,
        actor: &Actor,
        provider: SignInProvider,
        returned: SignInCallback,
    ) -> Result<SignedIn, IdentityError> {
        let done = self.try_finish(actor, provider, returned).await;
        let reason = match &done {
            Err(IdentityError::OAuth(refusal)) => refusal.code(),
            Err(IdentityError::Deactivated) => "ACCOUNT_DEACTIVATED",
            _ => return done,
        };
        let tx = self.queue.begin().await?;
        let context = json!({"provider": provider, "reason": reason});
        audit::record_warning(&tx, actor, "auth.login_failed", None, context).await?;
        tx.commit().await?;
        done
    }

    async fn try_finish(
        &self,
        actor: &Actor,
        provider: SignInProvider,
        returned: SignInCallback,
    ) -> Result<SignedIn, IdentityError> {
        let there = self.provider(provider)?;
        let tx = self.queue.begin().await?;
        let row = states::take(&tx, &returned.state).await?;
        tx.commit().await?;
        let row = row.ok_or(OAuthRefusal::InvalidState)?;
        states::check(&row, provider, &returned, self.queue.now())?;
        let flow = Flow {
            redirect_uri: self.callback_url(provider),
            state: returned.state,
            nonce: row.nonce,
            verifier: row.verifier,
        };
        let person =
            there.identify(&flow, &returned.callback).await.map_err(|error| log_refusal(provider, error))?;
        self.admit(actor, provider, &person).await
    }

    /// The frontend's address at the end of a sign-in. The parameters are in the fragment,
    /// which browsers do not send to servers.
    #[must_use]
    pub fn frontend_callback(&self, told: &[(&str, &str)]) -> String {
        let mut fragment = form_urlencoded::Serializer::new(String::new());
        fragment.extend_pairs(told);
        format!("{}/auth/callback#{}", self.oauth.frontend_url, fragment.finish())
    }

    fn provider(&self, provider: SignInProvider) -> Result<&Arc<dyn IdentityProvider>, OAuthRefusal> {
        self.oauth.providers.get(&provider).ok_or(OAuthRefusal::NotConfigured)
    }

    fn callback_url(&self, provider: SignInProvider) -> String {
        format!("{}/api/auth/{provider}/callback", self.oauth.public_url)
    }
}

/// The refusal of an error. Its cause is only logged, since a provider's fault concerns
/// operators.
fn log_refusal(provider: SignInProvider, error: OAuthError) -> OAuthRefusal {
    match &error {
        OAuthError::Refused(_) => tracing::info!(%provider, %error, "a sign-in at a provider failed"),
        OAuthError::Untrusted(_) | OAuthError::Unavailable(_) => {
            tracing::warn!(%provider, %error, "a sign-in at a provider failed");
        }
        OAuthError::Misconfigured(_) => tracing::error!(%provider, %error, "a sign-in at a provider failed"),
    }
    error.into()
}

#[cfg(test)]
mod tests;
