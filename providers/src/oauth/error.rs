//! Why a sign-in at a provider failed.

/// Why a sign-in at a provider failed. No message carries a code, a token or a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OAuthError {
    /// The provider does not answer, or its circuit is open.
    #[error("the provider does not answer: {0}")]
    Unavailable(String),
    /// The provider does not accept the code: it was used, has expired, or is for another
    /// client.
    #[error("the provider refused the code: {0}")]
    Refused(String),
    /// The answer fails a check: it may be forged.
    #[error("the provider's answer cannot be trusted: {0}")]
    Untrusted(String),
    /// The provider does not know this instance, or the settings are wrong.
    #[error("the provider refused this instance: {0}")]
    Misconfigured(String),
}

impl OAuthError {
    /// An answer that fails a check.
    pub(super) fn untrusted(reason: &str) -> Self {
        Self::Untrusted(reason.to_owned())
    }
}

/// The error for an error code of the token endpoint.
pub(super) fn token_refusal(code: &str) -> OAuthError {
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
    fn classifies_error_codes() {
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
}
