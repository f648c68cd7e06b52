//! Signing in at other providers.

use atelier_entities::{OAuthEnd, SignInProvider};
use atelier_foundation::identity::{SignInCallback, StartedSignIn};
use atelier_providers::oauth::Callback;
use serde::{Deserialize, Serialize};

use crate::schema::{IntoParams, ToSchema, sets};

/// A provider where people may sign in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignInProviderView {
    /// Its name.
    #[schema(value_type = sets::SignInProvider)]
    name: SignInProvider,
    /// Where a browser goes to sign in.
    #[schema(example = "/api/auth/google/login")]
    login_path: String,
}

impl From<SignInProvider> for SignInProviderView {
    fn from(name: SignInProvider) -> Self {
        Self { name, login_path: format!("/api/auth/{name}/login") }
    }
}

/// A sign-in that a client began and ends itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct BegunSignInView {
    /// Where the browser goes.
    authorization_url: String,
    /// To be kept, and compared with the one that comes back with the code.
    state: String,
    /// Seconds there are to come back.
    #[schema(example = 600)]
    expires_in: u64,
}

impl From<StartedSignIn> for BegunSignInView {
    fn from(begun: StartedSignIn) -> Self {
        let StartedSignIn { authorization_url, state, lifetime, .. } = begun;
        Self { authorization_url, state, expires_in: lifetime.as_secs() }
    }
}

/// What came back from a provider.
#[derive(Deserialize, ToSchema)]
pub(crate) struct OAuthInput {
    /// Good for one use.
    code: String,
    /// The one of the beginning.
    state: String,
    /// Who answered, where it came along.
    #[serde(default)]
    iss: Option<String>,
    /// What Apple tells of a person at their first sign-in, where it came along.
    #[serde(default)]
    user: Option<String>,
}

impl From<OAuthInput> for SignInCallback {
    fn from(input: OAuthInput) -> Self {
        let OAuthInput { code, state, iss, user } = input;
        Self { state, callback: Callback { code, issuer: iss, user }, end: OAuthEnd::Client, cookie: None }
    }
}

/// What a provider sends a browser back with.
#[derive(Debug, Default, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub(crate) struct OAuthCallback {
    /// Good for one use.
    #[serde(default)]
    pub(crate) code: Option<String>,
    /// The one of the beginning.
    #[serde(default)]
    pub(crate) state: Option<String>,
    /// Who answers, where the provider says so.
    #[serde(default)]
    pub(crate) iss: Option<String>,
    /// What Apple tells of a person at their first sign-in, as JSON.
    #[serde(default)]
    pub(crate) user: Option<String>,
    /// Why there is no code.
    #[serde(default)]
    pub(crate) error: Option<String>,
}
