//! An identity provider: the trait, and the values of one sign-in.

use async_trait::async_trait;

use super::error::OAuthError;

/// The values of one authorization code flow. Only the redirect URL, the state, the nonce
/// and the hash of the verifier are sent when it begins.
#[derive(Clone)]
pub struct Flow {
    /// The redirect URL of the callback.
    pub redirect_uri: String,
    /// The provider returns it unchanged.
    pub state: String,
    /// The ID token contains it, if there is one.
    pub nonce: String,
    /// PKCE verifier: 43 to 128 unreserved characters.
    pub verifier: String,
}

impl std::fmt::Debug for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flow").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

/// The parameters of the callback.
#[derive(Clone)]
pub struct Callback {
    /// The authorization code, which can be exchanged once.
    pub code: String,
    /// The issuer (RFC 9207), if the provider sends it.
    pub issuer: Option<String>,
    /// What Apple sends at the first sign-in: JSON with the person's name.
    pub user: Option<String>,
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callback").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// A person, as the provider describes them. Only `subject` is always present. Trust the
/// mail address only if it is `email_verified`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalPerson {
    /// The provider's id of the person; it never changes.
    pub subject: String,
    /// Their mail address.
    pub email: Option<String>,
    /// Whether the provider has verified the mail address.
    pub email_verified: bool,
    /// Their display name.
    pub name: Option<String>,
    /// URL of a picture.
    pub picture: Option<String>,
    /// Language, with or without a country, such as `fr-CA`.
    pub locale: Option<String>,
}

/// An identity provider.
#[async_trait]
pub trait IdentityProvider: Send + Sync + std::fmt::Debug {
    /// The URL that the browser is redirected to.
    async fn authorization_url(&self, flow: &Flow) -> Result<String, OAuthError>;

    /// The person of a callback. A code can be used for one call.
    async fn identify(&self, flow: &Flow, callback: &Callback) -> Result<ExternalPerson, OAuthError>;

    /// Whether the callback is a cross-site form post.
    fn uses_form_post(&self) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let flow = Flow {
            redirect_uri: "https://atelier.example".into(),
            state: "hidden-1".into(),
            nonce: "hidden-2".into(),
            verifier: "hidden-3".into(),
        };
        let callback = Callback { code: "hidden-4".into(), issuer: None, user: Some("hidden-5".into()) };

        assert!(!format!("{flow:?} {callback:?}").contains("hidden"));
    }
}
