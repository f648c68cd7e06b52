//! Accounts, sign-in, and the tokens that prove it.

mod accounts;
mod passwords;
mod sessions;
mod tokens;

use std::sync::Arc;

use atelier_entities::{Locale, SessionFamilyId, UserId, users};
use atelier_queue::{Queue, QueueError};
use sea_orm::DbErr;

use crate::{AuthOptions, FieldErrors};
use passwords::Passwords;
use tokens::AccessTokens;

/// Accounts and tokens. Cheap to clone.
#[derive(Clone)]
pub struct Identity {
    queue: Queue,
    options: Arc<AuthOptions>,
    signup_grant: i64,
    passwords: Arc<Passwords>,
    tokens: Arc<AccessTokens>,
}

/// What a new account is made of.
#[derive(Clone)]
pub struct Registration {
    /// Unique among accounts, whatever its case.
    pub email: String,
    /// 8 to 128 characters.
    pub password: String,
    /// 1 to 120 characters.
    pub full_name: String,
    /// English where none is given.
    pub locale: Option<Locale>,
    /// IANA name; UTC where none is given.
    pub time_zone: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
}

/// A sign-in.
#[derive(Clone)]
pub struct SignedIn {
    /// Whose.
    pub user: users::Model,
    /// Sent with each request.
    pub access_token: String,
    /// Exchanged for the next pair, once.
    pub refresh_token: String,
    /// Seconds the access token is good for.
    pub expires_in: u64,
}

/// Who a request comes from.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The account, active.
    pub user: users::Model,
    /// The sign-in the token belongs to.
    pub family: SessionFamilyId,
}

/// What an account has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserStats {
    /// Projects.
    pub total_projects: u64,
    /// Projects that are being worked on or are complete.
    pub active_projects: u64,
    /// Views of all published sites.
    pub total_views: u64,
}

/// Why something about accounts was not done.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Fields that cannot be taken as they are.
    #[error("invalid input: {0}")]
    InvalidInput(FieldErrors),
    /// There is an account of this mail address.
    #[error("there is an account of this mail address already")]
    EmailTaken,
    /// Unknown mail address or wrong password; nobody is told which.
    #[error("the mail address or the password is wrong")]
    BadCredentials,
    /// The account was closed.
    #[error("the account is deactivated")]
    Deactivated,
    /// The token is not one of ours, or was revoked.
    #[error("the token is not valid")]
    InvalidToken,
    /// The token was good once.
    #[error("the token has expired")]
    ExpiredToken,
    /// There is no such account.
    #[error("there is no such account")]
    NotFound,
    /// Too many sign-ins at once; worth another try soon.
    #[error("too many sign-ins at once")]
    Busy,
    /// The database did not do it.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The queue did not do it.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Hashing or signing failed.
    #[error("cryptography: {0}")]
    Crypto(String),
}

impl From<FieldErrors> for IdentityError {
    fn from(errors: FieldErrors) -> Self {
        Self::InvalidInput(errors)
    }
}

impl Identity {
    pub(crate) fn new(queue: Queue, options: AuthOptions, signup_grant: i64) -> Self {
        let tokens = AccessTokens::new(&options.jwt_secret, options.access_token);
        let passwords = Passwords::new(options.hash_concurrency);
        Self {
            queue,
            signup_grant,
            passwords: Arc::new(passwords),
            tokens: Arc::new(tokens),
            options: Arc::new(options),
        }
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

pub(crate) fn user_target(id: UserId) -> Option<String> {
    Some(format!("user:{id}"))
}

#[cfg(test)]
mod tests;
