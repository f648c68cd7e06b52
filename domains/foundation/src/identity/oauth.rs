//! Signing in at Google, GitHub or Apple, by authorization code.
//!
//! A sign-in begins with a row that keeps its secrets: the hash of the state, the nonce
//! and the PKCE verifier. The row is deleted by the first answer that names its state,
//! whatever comes of it.

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

/// Where people may sign in, and where they come back to.
#[derive(Clone, Debug, Default)]
pub struct OAuthSetup {
    /// The providers that are set up.
    pub providers: HashMap<SignInProvider, Arc<dyn IdentityProvider>>,
    /// Where people reach this instance, without a slash at the end. Providers send
    /// browsers back to `/api/auth/{provider}/callback` under it.
    pub public_url: String,
    /// Where the frontend is, without a slash at the end. Browsers end at
    /// `/auth/callback` under it, and nowhere else.
    pub frontend_url: String,
}

/// A sign-in that was begun.
#[derive(Clone)]
pub struct BegunSignIn {
    /// Where the browser goes.
    pub authorization_url: String,
    /// Comes back with the answer.
    pub state: String,
    /// How long there is to come back.
    pub lifetime: Duration,
    /// What the browser is to keep, where it is to end what it began.
    pub cookie: Option<SignInCookie>,
}

/// The cookie that ties a sign-in to the browser that began it.
#[derive(Clone, PartialEq, Eq)]
pub struct SignInCookie {
    /// Its name; each sign-in has one of its own, so that two tabs do not disturb each
    /// other.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether it goes over https only.
    pub is_secure: bool,
    /// Whether it comes along with a form that another site posts.
    pub is_cross_site: bool,
}

/// What came back from a provider.
#[derive(Clone, Debug)]
pub struct ReturnedSignIn {
    /// The state of the beginning.
    pub state: String,
    /// The code and what came with it.
    pub callback: Callback,
    /// Who brings it.
    pub end: OAuthEnd,
    /// The value of the browser's cookie.
    pub cookie: Option<String>,
}

/// Why a sign-in at a provider came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OAuthRefusal {
    /// This instance is not set up for it, or nobody knows such a provider.
    #[error("there is no sign-in with this provider")]
    NotConfigured,
    /// The state is unknown, used, too old, another provider's or another browser's.
    #[error("the sign-in was not begun here, took too long, or has ended")]
    InvalidState,
    /// The provider does not accept the code.
    #[error("the provider refused the code")]
    RefusedCode,
    /// The provider's answer fails a check.
    #[error("the provider's answer cannot be trusted")]
    Untrusted,
    /// The provider does not answer, or not to this instance.
    #[error("the provider does not answer")]
    Unavailable,
    /// The provider tells no mail address that it has proven.
    #[error("the provider has not proven the mail address")]
    UnverifiedEmail,
}

impl OAuthRefusal {
    /// Its stable name.
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
    /// Where people may sign in beside here, in a stable order.
    #[must_use]
    pub fn list_sign_in_providers(&self) -> Vec<SignInProvider> {
        let known = SignInProvider::ALL.iter().copied();
        known.filter(|provider| self.oauth.providers.contains_key(provider)).collect()
    }

    /// Begins a sign-in, which the client that `end` names finishes within ten minutes.
    pub async fn begin_oauth(
        &self,
        provider: SignInProvider,
        end: OAuthEnd,
    ) -> Result<BegunSignIn, IdentityError> {
        let there = self.provider(provider)?;
        let flow = Flow {
            redirect_uri: self.callback_url(provider),
            state: new_token(),
            nonce: new_token(),
            verifier: new_token(),
        };
        let authorization_url =
            there.authorization_url(&flow).await.map_err(|error| note(provider, error))?;
        let cookie = (end == OAuthEnd::Browser)
            .then(|| SignInCookie { value: new_token(), ..self.oauth_cookie(provider, &flow.state) });
        let browser_hash = cookie.as_ref().map(|cookie| hash_token(&cookie.value));
        states::create(
            self.queue.db(),
            self.queue.now(),
            states::NewState { provider, end, flow: &flow, browser_hash },
        )
        .await?;
        Ok(BegunSignIn { authorization_url, state: flow.state, lifetime: states::LIFETIME, cookie })
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
            // Browsers take no cross-site cookie that is not.
            is_secure: is_https || is_cross_site,
            is_cross_site,
        }
    }

    /// The client that finishes the sign-in with that state; none where there is no such sign-in.
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
    /// A linked provider account signs in. Otherwise the mail address decides, if the provider
    /// has verified it: the account with that address is linked, or a new one is created. An
    /// account with an unproven address may have been created by somebody else, so it loses
    /// its password, sign-ins and tokens when the owner of the address signs in.
    pub async fn finish_oauth(
        &self,
        actor: &Actor,
        provider: SignInProvider,
        returned: ReturnedSignIn,
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
        returned: ReturnedSignIn,
    ) -> Result<SignedIn, IdentityError> {
        let there = self.provider(provider)?;
        let tx = self.queue.begin().await?;
        let row = states::take(&tx, &returned.state).await?;
        tx.commit().await?;
        let row = row.ok_or(OAuthRefusal::InvalidState)?;
        states::judge(&row, provider, &returned, self.queue.now())?;
        let flow = Flow {
            redirect_uri: self.callback_url(provider),
            state: returned.state,
            nonce: row.nonce,
            verifier: row.verifier,
        };
        let person =
            there.identify(&flow, &returned.callback).await.map_err(|error| note(provider, error))?;
        self.admit(actor, provider, &person).await
    }

    /// The frontend's address at the end of a sign-in. What it is told stands in the
    /// fragment, which browsers send to no server and no log has.
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

/// The refusal. Its cause goes to the log only: a fault of a provider concerns operators.
fn note(provider: SignInProvider, error: OAuthError) -> OAuthRefusal {
    match &error {
        OAuthError::Refused(_) => tracing::info!(%provider, %error, "no sign-in"),
        OAuthError::Untrusted(_) | OAuthError::Unavailable(_) => {
            tracing::warn!(%provider, %error, "no sign-in");
        }
        OAuthError::Misconfigured(_) => tracing::error!(%provider, %error, "no sign-in"),
    }
    error.into()
}

#[cfg(test)]
mod tests;
