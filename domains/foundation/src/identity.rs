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
pub use api_tokens::{MadeApiToken, NewApiToken, scopes_of};
pub use deactivate::is_deactivated;
pub use devices::SignIn;
pub(crate) use erase::Accounts;
pub use erase::EraseAccount;
pub use export::{AccountData, PersonalExport};
pub use forbidden::{FORBIDDEN_INTERVAL, Forbidden};
pub use oauth::{BegunSignIn, OAuthRefusal, OAuthSetup, ReturnedSignIn, SignInCookie};
pub use operators::AccountChanges;
pub use profile::{PersonalStats, ProfileChanges};
pub(crate) use purge::{purge, purge_sessions};
pub use recognition::{DEVICE_KNOWN_FOR, is_device_cookie};

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
    /// By what the device is known from now on ([`DEVICE_KNOWN_FOR`]), where the person
    /// just signed in.
    pub device: Option<SignInCookie>,
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
    /// A command for people was called by nobody.
    #[error(transparent)]
    NotSignedIn(#[from] NotSignedIn),
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
    /// There is no such sign-in, or it is another person's.
    #[error("there is no such sign-in")]
    NoSuchSession,
    /// There is no such API token, or it is another person's.
    #[error("there is no such API token")]
    NoSuchApiToken,
    /// No such provider opens the account.
    #[error("no such provider is linked")]
    NotLinked,
    /// Nothing else opens the account.
    #[error("nothing else opens the account")]
    LastSignInMethod,
    /// As many API tokens as an account may have.
    #[error("there are {0} API tokens already")]
    TooManyApiTokens(u64),
    /// The token of a mail is not one of ours, or was used.
    #[error("the link is not valid or was used")]
    InvalidLink,
    /// The token of a mail was good once.
    #[error("the link has expired")]
    ExpiredLink,
    /// The present password is another one.
    #[error("the password is wrong")]
    WrongPassword,
    /// The sign-in is not of the last minutes, and no password was shown for it.
    #[error("this needs a recent sign-in")]
    RecentSignInRequired,
    /// Too many attempts failed; the next one is looked at after so many seconds.
    #[error("too many attempts: wait {retry_after} seconds")]
    TooManyAttempts {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// Somebody has to operate the platform.
    #[error("the last administrator stays")]
    LastAdmin,
    /// Whose account it is nobody has proven.
    #[error("an administrator needs a proven mail address")]
    UnprovenAdmin,
    /// An operator's own account, where only another's may be meant.
    #[error("this is the actor's own account")]
    OwnAccount,
    /// A sign-in at a provider came to nothing.
    #[error(transparent)]
    OAuth(#[from] OAuthRefusal),
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

    /// Whether registration tells nobody which mail addresses have an account.
    #[must_use]
    pub fn hides_registered_emails(&self) -> bool {
        self.options.hide_registered_emails
    }

    /// Whether this person may generate and deploy: everybody, unless the settings ask
    /// for a proven mail address.
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
