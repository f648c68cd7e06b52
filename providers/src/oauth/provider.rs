//! An identity provider: the trait, and the values of one sign-in.

use async_trait::async_trait;

use super::error::OAuthError;

/// What one sign-in begins and ends with. None of it but the state, the nonce and the
/// verifier's hash leaves this machine before the end.
#[derive(Clone)]
pub struct Flow {
    /// Where the provider sends the browser back to.
    pub redirect_uri: String,
    /// Comes back unchanged.
    pub state: String,
    /// Stands in the ID token, where there is one.
    pub nonce: String,
    /// PKCE verifier: 43 to 128 unreserved characters.
    pub verifier: String,
}

impl std::fmt::Debug for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flow").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

/// What the browser brought back.
#[derive(Clone)]
pub struct Callback {
    /// Exchanged for tokens, once.
    pub code: String,
    /// Who answered (RFC 9207), where the provider says so.
    pub issuer: Option<String>,
    /// What Apple tells of a person at their first sign-in: JSON with their name.
    pub user: Option<String>,
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callback").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// A person, as a provider knows them. Nothing but `subject` is sure to be there, and
/// only what is `email_verified` may be believed to be theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalPerson {
    /// The provider's own id of them; it never changes.
    pub subject: String,
    /// Their mail address.
    pub email: Option<String>,
    /// Whether the provider has proven that the address is theirs.
    pub email_verified: bool,
    /// How they call themselves.
    pub name: Option<String>,
    /// Address of a picture.
    pub picture: Option<String>,
    /// Language and maybe country, such as `fr-CA`.
    pub locale: Option<String>,
}

/// Where people sign in.
#[async_trait]
pub trait IdentityProvider: Send + Sync + std::fmt::Debug {
    /// The address that the browser is sent to.
    async fn authorization_url(&self, flow: &Flow) -> Result<String, OAuthError>;

    /// Who came back. A code is good for one call.
    async fn identify(&self, flow: &Flow, callback: &Callback) -> Result<ExternalPerson, OAuthError>;

    /// Whether the browser comes back by a form that another site posts.
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
