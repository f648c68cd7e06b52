use std::time::Duration;

use atelier_queue::retention::RetentionRules;
use secrecy::SecretString;

/// Settings of people and of what they own.
#[derive(Clone, Debug)]
pub struct FoundationOptions {
    /// Of accounts and tokens.
    pub auth: AuthOptions,
    /// Of what things cost.
    pub credits: CreditOptions,
    /// Most projects of one person.
    pub max_projects: u64,
    /// Of outgoing mail.
    pub mail: MailOptions,
    /// How long things are kept.
    pub retention: RetentionOptions,
}

/// Settings of accounts and tokens.
#[derive(Clone, Debug)]
pub struct AuthOptions {
    /// Signs access tokens (HS256); at least 32 bytes.
    pub jwt_secret: SecretString,
    /// How long an access token is good for.
    pub access_token: Duration,
    /// How long a refresh token is good for.
    pub refresh_token: Duration,
    /// How long a refresh token that was replaced is still accepted.
    pub refresh_grace: Duration,
    /// How long a sign-in lasts at most, however often it is refreshed.
    pub longest_sign_in: Duration,
    /// Passwords hashed at the same time.
    pub hash_concurrency: usize,
    /// Whether generating and deploying need a proven mail address.
    pub require_verified_email: bool,
    /// Whether nobody may learn which mail addresses have an account.
    pub hide_registered_emails: bool,
    /// Who issues access tokens: those of another installation are refused, though it
    /// has the same secret.
    pub issuer: String,
    /// Mail address whose account may operate the platform once the
    /// address is proven.
    pub admin_email: Option<String>,
}

/// What things cost, in credits.
#[derive(Clone, Copy, Debug)]
pub struct CreditOptions {
    /// What a new account starts with.
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
    /// Where answers go, if not to the sender.
    pub reply_to: Option<String>,
    /// What links in mails start with, without a slash at the end.
    pub public_url: String,
}

/// How long things are kept.
#[derive(Clone, Debug)]
pub struct RetentionOptions {
    /// Of jobs that have ended.
    pub jobs: RetentionRules,
    /// Of answers to an idempotency key.
    pub idempotency: Duration,
    /// Of audit entries, before they are moved to the object store; none keeps them in
    /// the database for good.
    pub audit: Option<Duration>,
    /// Of audit entries that were moved to the object store, counted from when they were
    /// made; none keeps them for good.
    pub audit_archives: Option<Duration>,
}
