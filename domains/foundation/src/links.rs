//! Links in mails: their tokens and lifetimes.
//!
//! The token of a link is an HMAC of the id of its row. The job that sends the mail
//! computes it from the id, so the token is stored nowhere. The row has its hash.

use std::time::Duration;

use atelier_entities::{AccountTokenId, Timestamp, TokenPurpose, account_tokens};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait};
use secrecy::SecretString;
use uuid::Uuid;

use crate::signing::SigningKey;

const HOUR: Duration = Duration::from_secs(3600);

/// Computes the tokens of links.
#[derive(Clone)]
pub struct LinkKey(SigningKey);

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkKey").finish_non_exhaustive()
    }
}

impl LinkKey {
    /// The key that belongs to this secret.
    #[must_use]
    pub fn new(secret: &SecretString) -> Self {
        Self(SigningKey::derive(secret, "atelier links v1"))
    }

    /// The token by which somebody decides about an approval without an account: 32 bytes as base64url. `id`
    /// is random and names the link in the data of its mail; the row of the approval has the token's hash.
    #[must_use]
    pub fn approval(&self, id: Uuid) -> String {
        URL_SAFE_NO_PAD.encode(self.0.sign(&[b"approval", id.as_bytes()]))
    }

    /// The token of a row: 32 bytes as base64url.
    pub(crate) fn token(&self, purpose: TokenPurpose, id: AccountTokenId) -> String {
        URL_SAFE_NO_PAD.encode(self.0.sign(&[purpose.as_str().as_bytes(), id.0.as_bytes()]))
    }
}

/// The lifetime of a link.
pub(crate) fn lifetime(purpose: TokenPurpose) -> Duration {
    match purpose {
        TokenPurpose::VerifyEmail => HOUR * 48,
        TokenPurpose::ResetPassword => HOUR,
    }
}

/// Finds a link that was not used and has not expired.
pub(crate) async fn find_usable(
    db: &impl ConnectionTrait,
    id: AccountTokenId,
    now: Timestamp,
) -> Result<Option<account_tokens::Model>, DbErr> {
    let link = account_tokens::Entity::find_by_id(id).one(db).await?;
    Ok(link.filter(|link| link.used_at.is_none() && link.expires_at > now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_a_link_depends_on_row_purpose_and_secret() {
        let key = |secret: &str| LinkKey::new(&SecretString::from(secret.to_owned()));
        let (ours, id) = (key("0123456789abcdef0123456789abcdef"), AccountTokenId::new());
        let token = ours.token(TokenPurpose::VerifyEmail, id);

        assert_eq!((token.len(), &token), (43, &ours.token(TokenPurpose::VerifyEmail, id)));
        assert_ne!(token, ours.token(TokenPurpose::ResetPassword, id));
        assert_ne!(token, ours.token(TokenPurpose::VerifyEmail, AccountTokenId::new()));
        assert_ne!(token, key("another-secret-another-secret-xx").token(TokenPurpose::VerifyEmail, id));
        assert_eq!(ours.approval(id.0).len(), 43);
        assert_ne!(token, ours.approval(id.0));
    }
}
