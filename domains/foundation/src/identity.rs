//! Accounts, sign-in, and the tokens that prove it.

mod accounts;
mod admin_role;
mod admins;
mod api_tokens;
mod attempts;
mod authentication;
mod deactivate;
mod devices;
mod erase;
mod export;
mod forbidden;
mod linked;
mod oauth;
mod operators;
mod password_change;
mod passwords;
mod problem;
mod profile;
mod purge;
mod reauthentication;
mod recognition;
mod recovery;
mod registration;
mod sessions;
mod sign_in;
mod sign_in_methods;
mod token_cache;
mod tokens;

use std::sync::Arc;

use atelier_entities::{Locale, SessionFamilyId, UserId, users};
use atelier_queue::{Queue, QueueError};
use sea_orm::DbErr;

use crate::{Actor, AuthOptions, FieldErrors, NotSignedIn, PersonalData, links::LinkKey};
use passwords::Passwords;
use recognition::DeviceKey;
use token_cache::TokenCache;
use tokens::AccessTokens;

pub use admins::AdminSource;
pub use api_tokens::{CreatedApiToken, NewApiToken, scopes_of};
pub use deactivate::is_deactivated;
pub use devices::SignIn;
pub(crate) use erase::Accounts;
pub use erase::EraseAccount;
pub use export::{AccountData, PersonalExport};
pub use forbidden::{FORBIDDEN_INTERVAL, Forbidden};
pub use oauth::{OAuthRefusal, OAuthSetup, SignInCallback, SignInCookie, StartedSignIn};
pub use operators::AccountChanges;
pub use profile::{PersonalStats, ProfileChanges};
pub(crate) use purge::{purge, purge_sessions};
pub use recognition::{DEVICE_KNOWN_FOR, is_device_cookie};
pub use tokens::{hash_token, new_token};

/// Accounts and tokens. Cheap to clone.
#[derive(Clone)]
pub struct Identity {
    queue: Queue,
    options: Arc<AuthOptions>,
    signup_grant: i64,
    passwords: Arc<Passwords>,
    tokens: Arc<AccessTokens>,
    links: LinkKey,
    oauth: Arc<OAuthSetup>,
    token_cache: Arc<TokenCache>,
    devices: DeviceKey,
    personal: Arc<[Arc<dyn PersonalData>]>,
}

/// The input of a registration.
#[derive(Clone)]
pub struct Registration {
    /// The mail address. It is unique among accounts; the case is ignored.
    pub email: String,
    /// 8 to 128 characters.
    pub password: String,
    /// 1 to 120 characters.
    pub full_name: String,
    /// The language of mails; English by default.
    pub locale: Option<Locale>,
    /// The IANA name of the time zone; UTC by default.
    pub time_zone: Option<String>,
    /// The country in ISO 3166-1 alpha-2.
    pub country: Option<String>,
}

/// A sign-in.
#[derive(Clone)]
pub struct SignedIn {
    /// The account.
    pub user: users::Model,
    /// The access token, sent with each request.
    pub access_token: String,
    /// The refresh token, exchanged once for the next pair.
    pub refresh_token: String,
    /// Lifetime of the access token, in seconds.
    pub expires_in: u64,
    /// The device cookie ([`DEVICE_KNOWN_FOR`]), if the person just signed in.
    pub device: Option<SignInCookie>,
}

/// The counts of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserStats {
    /// Projects.
    pub total_projects: u64,
    /// Projects that have left the state draft.
    pub active_projects: u64,
    /// Views of all published sites.
    pub total_views: u64,
}

/// Why a command on accounts failed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A command that needs a person was called without one.
    #[error(transparent)]
    NotSignedIn(#[from] NotSignedIn),
    /// Invalid fields.
    #[error("invalid input: {0}")]
    InvalidInput(FieldErrors),
    /// The mail address has an account.
    #[error("the mail address already has an account")]
    EmailTaken,
    /// The mail address is unknown or the password is wrong. The client is not told which.
    #[error("the mail address or the password is wrong")]
    BadCredentials,
    /// The account is deactivated.
    #[error("the account is deactivated")]
    Deactivated,
    /// The token was not issued here, or was revoked.
    #[error("the token is not valid")]
    InvalidToken,
    /// The token has expired.
    #[error("the token has expired")]
    ExpiredToken,
    /// The account does not exist.
    #[error("there is no such account")]
    NotFound,
    /// The sign-in does not exist, or belongs to another person.
    #[error("there is no such sign-in")]
    NoSuchSession,
    /// The API token does not exist, or belongs to another person.
    #[error("there is no such API token")]
    NoSuchApiToken,
    /// The provider is not linked to the account.
    #[error("no such provider is linked")]
    NotLinked,
    /// The account has no other sign-in method.
    #[error("the account has no other sign-in method")]
    LastSignInMethod,
    /// The account has the maximum number of API tokens.
    #[error("there are {0} API tokens already")]
    TooManyApiTokens(u64),
    /// The token of a mailed link was not issued here, or was used.
    #[error("the link is not valid or was used")]
    InvalidLink,
    /// The token of a mailed link has expired.
    #[error("the link has expired")]
    ExpiredLink,
    /// The current password is wrong.
    #[error("the password is wrong")]
    WrongPassword,
    /// The sign-in is not recent, and no password was given.
    #[error("this needs a recent sign-in")]
    RecentSignInRequired,
    /// Too many attempts failed. The next one is allowed after `retry_after` seconds.
    #[error("too many attempts: wait {retry_after} seconds")]
    TooManyAttempts {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// The platform needs an administrator.
    #[error("the last administrator cannot be removed")]
    LastAdmin,
    /// The account's mail address is not verified.
    #[error("an administrator needs a verified mail address")]
    UnverifiedAdmin,
    /// The command does not accept the administrator's own account.
    #[error("this is the actor's own account")]
    OwnAccount,
    /// A sign-in at a provider failed.
    #[error(transparent)]
    OAuth(#[from] OAuthRefusal),
    /// Too many sign-ins at once. Another try may succeed soon.
    #[error("too many sign-ins at once")]
    Busy,
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Hashing or signing failed.
    #[error("cryptography: {0}")]
    Crypto(String),
}

/// The sign-in of a person who is here themselves.
fn session_of(actor: &Actor) -> Result<SessionFamilyId, IdentityError> {
    actor.session().ok_or(IdentityError::RecentSignInRequired)
}

impl From<FieldErrors> for IdentityError {
    fn from(errors: FieldErrors) -> Self {
        Self::InvalidInput(errors)
    }
}

impl Identity {
    pub(crate) fn new(
        queue: Queue,
        options: AuthOptions,
        signup_grant: i64,
        links: LinkKey,
        oauth: OAuthSetup,
        personal: Vec<Arc<dyn PersonalData>>,
    ) -> Self {
        let tokens = AccessTokens::new(&options.jwt_secret, &options.issuer, options.access_token);
        let passwords = Passwords::new(options.hash_concurrency);
        let devices = DeviceKey::new(&options.jwt_secret);
        Self {
            queue,
            signup_grant,
            passwords: Arc::new(passwords),
            tokens: Arc::new(tokens),
            options: Arc::new(options),
            links,
            oauth: Arc::new(oauth),
            token_cache: Arc::default(),
            devices,
            personal: personal.into(),
        }
    }

    /// Whether registration hides which mail addresses have an account.
    #[must_use]
    pub fn hides_registered_emails(&self) -> bool {
        self.options.hide_registered_emails
    }

    /// Whether this person may generate and deploy. The settings may require a verified
    /// mail address.
    #[must_use]
    pub fn may_work(&self, actor: &Actor) -> bool {
        !self.options.require_verified_email || actor.token().is_some_and(|who| who.user.is_verified)
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
