//! Signing in at somebody else's: OpenID Connect for Google and Apple, OAuth 2 for
//! GitHub. By authorization code with PKCE; whoever uses it keeps the secrets of a
//! flow between its beginning and its end.

mod apple;
pub mod fake;
pub mod github;
pub mod oidc;
mod transport;

use async_trait::async_trait;

pub use apple::{AppleKey, AppleKeyError};
pub use transport::{Transport, TransportError, TransportOptions};

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

/// Why nobody was identified. No message carries a code, a token or a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OAuthError {
    /// The provider does not answer, or is left alone for a while since it did not.
    #[error("the provider does not answer: {0}")]
    Unavailable(String),
    /// The provider does not accept the code: it was used, is too old, or is another's.
    #[error("the provider refused the code: {0}")]
    Refused(String),
    /// The answer fails a check: it may be forged.
    #[error("the provider's answer cannot be trusted: {0}")]
    Untrusted(String),
    /// The provider does not know this instance, or its settings are wrong.
    #[error("the provider refused this instance: {0}")]
    Misconfigured(String),
}

/// Where people sign in.
#[async_trait]
pub trait IdentityProvider: Send + Sync + std::fmt::Debug {
    /// The address that the browser is sent to.
    async fn authorization_url(&self, flow: &Flow) -> Result<String, OAuthError>;

    /// Who came back. A code is good for one call.
    async fn identify(&self, flow: &Flow, callback: &Callback) -> Result<ExternalPerson, OAuthError>;

    /// Whether the browser comes back by a form that another site posts.
    fn answers_by_post(&self) -> bool;
}

/// Errors of the token endpoint that are this instance's fault.
fn token_refusal(code: &str) -> OAuthError {
    match code {
        "invalid_client"
        | "unauthorized_client"
        | "incorrect_client_credentials"
        | "redirect_uri_mismatch" => OAuthError::Misconfigured(code.to_owned()),
        "temporarily_unavailable" | "server_error" => OAuthError::Unavailable(code.to_owned()),
        _ => OAuthError::Refused(code.chars().filter(char::is_ascii_graphic).take(60).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_whose_fault_a_refusal_is() {
        for (code, expected) in [
            ("invalid_grant", OAuthError::Refused("invalid_grant".into())),
            ("bad_verification_code", OAuthError::Refused("bad_verification_code".into())),
            ("invalid_client", OAuthError::Misconfigured("invalid_client".into())),
            ("server_error", OAuthError::Unavailable("server_error".into())),
            ("odd\r\none", OAuthError::Refused("oddone".into())),
        ] {
            assert_eq!(token_refusal(code), expected);
        }
    }

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
