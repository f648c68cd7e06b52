use std::time::Duration;

use atelier_queue::retention::RetentionRules;
use secrecy::SecretString;

use crate::key_ring::KeyRing;

/// Settings of the foundation.
#[derive(Clone, Debug)]
pub struct FoundationOptions {
    /// Accounts and tokens.
    pub auth: AuthOptions,
    /// Encrypts credentials.
    pub key_ring: KeyRing,
    /// Prices.
    pub credits: CreditOptions,
    /// Maximum number of projects of one account.
    pub max_projects: u64,
    /// Outgoing mail.
    pub mail: MailOptions,
    /// Retention periods.
    pub retention: RetentionOptions,
}

/// Settings of accounts and tokens.
#[derive(Clone, Debug)]
pub struct AuthOptions {
    /// Signs access tokens (HS256); at least 32 bytes.
    pub jwt_secret: SecretString,
    /// Lifetime of an access token.
    pub access_token: Duration,
    /// Lifetime of a refresh token.
    pub refresh_token: Duration,
    /// How long a rotated refresh token is still accepted.
    pub refresh_grace: Duration,
    /// Maximum lifetime of a sign-in, however often it is refreshed.
    pub max_sign_in_age: Duration,
    /// Number of passwords that are hashed at the same time.
    pub hash_concurrency: usize,
    /// Whether generating and deploying require a verified mail address.
    pub require_verified_email: bool,
    /// Whether the API hides which mail addresses have an account.
    pub hide_registered_emails: bool,
    /// The issuer of access tokens. Tokens of another installation are refused, even if it
    /// has the same secret.
    pub issuer: String,
    /// Mail address of the account that becomes an administrator once the address is verified.
    pub admin_email: Option<String>,
}

/// Prices in credits.
#[derive(Clone, Copy, Debug, Default)]
pub struct CreditOptions {
    /// Credits of a new account.
    pub signup_grant: i64,
    /// Price of a quick generation.
    pub quick_price: i64,
    /// Price of an advanced generation.
    pub advanced_price: i64,
}

/// Settings of outgoing mail.
#[derive(Clone, Debug)]
pub struct MailOptions {
    /// Sender of every mail, such as `Atelier <no-reply@example.org>`.
    pub from: String,
    /// The `Reply-To` address, if replies do not go to the sender.
    pub reply_to: Option<String>,
    /// The base URL of links in mails, without a slash at the end.
    pub public_url: String,
}

/// Retention periods.
#[derive(Clone, Debug)]
pub struct RetentionOptions {
    /// Jobs that have ended.
    pub jobs: RetentionRules,
    /// Responses stored for an idempotency key.
    pub idempotency: Duration,
    /// Audit entries in the database. Older ones move to the object store; none keeps them
    /// in the database forever.
    pub audit: Option<Duration>,
    /// Audit entries in the object store, by the age of the entry; none keeps them forever.
    pub audit_archives: Option<Duration>,
}
