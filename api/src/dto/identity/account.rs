//! Accounts and sign-in.

use atelier_entities::{Locale, users};
use atelier_foundation::identity::{self, Registration, SignedIn};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::schema::{ToSchema, sets};

/// A new account.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RegisterInput {
    /// At most 254 characters, with letters of ASCII before the @; unique, whatever its case.
    #[schema(format = Email, example = "ada@example.org")]
    email: String,
    /// 8 to 128 characters.
    #[schema(format = Password, min_length = 8, max_length = 128)]
    password: String,
    /// 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120, example = "Ada Lovelace")]
    full_name: String,
    /// Language of mails.
    #[schema(value_type = Option<sets::Locale>)]
    locale: Option<Locale>,
    /// IANA name; UTC where it is left out.
    #[schema(example = "Europe/Paris")]
    time_zone: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "FR")]
    country: Option<String>,
}

impl From<RegisterInput> for Registration {
    fn from(input: RegisterInput) -> Self {
        let RegisterInput { email, password, full_name, locale, time_zone, country } = input;
        Self { email, password, full_name, locale, time_zone, country }
    }
}

/// A sign-in.
#[derive(Deserialize, ToSchema)]
pub(crate) struct LoginInput {
    /// The account's mail address.
    #[schema(format = Email, example = "ada@example.org")]
    pub(crate) email: String,
    /// Its password.
    #[schema(format = Password)]
    pub(crate) password: String,
}

/// A refresh token to exchange.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RefreshInput {
    /// From the last sign-in or refresh; good for one use.
    pub(crate) refresh_token: String,
}

/// A signed-in account and its tokens.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignedInView {
    /// Goes with each request as `Authorization: Bearer …`.
    access_token: String,
    /// Exchanged once, at /api/auth/refresh, for the next pair.
    refresh_token: String,
    /// How the access token is sent.
    #[schema(value_type = sets::TokenType)]
    token_type: &'static str,
    /// Seconds the access token is good for.
    #[schema(example = 1800)]
    expires_in: u64,
    /// The account.
    user: UserView,
}

impl From<SignedIn> for SignedInView {
    fn from(signed_in: SignedIn) -> Self {
        let SignedIn { user, access_token, refresh_token, expires_in, .. } = signed_in;
        Self { access_token, refresh_token, token_type: "bearer", expires_in, user: user.into() }
    }
}

/// An account, as its owner sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserView {
    /// UUIDv7.
    id: Uuid,
    /// With small letters, its domain in ASCII.
    email: String,
    /// As the person writes it.
    full_name: String,
    /// How they sign in.
    #[schema(value_type = sets::SignInMethod)]
    provider: String,
    /// Their id there, where they sign in by a provider.
    provider_id: Option<String>,
    /// False once it was deactivated.
    is_active: bool,
    /// Whether they operate the platform.
    is_admin: bool,
    /// Whether the mail address was proven.
    is_verified: bool,
    /// Picture, where there is one.
    avatar_url: Option<String>,
    /// Language of mails.
    #[schema(value_type = sets::Locale)]
    locale: Locale,
    /// IANA name.
    time_zone: String,
    /// ISO 3166-1 alpha-2.
    country: Option<String>,
    /// Credits left.
    credits: i64,
    /// Name of the plan.
    #[schema(example = "free")]
    subscription_plan: String,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
}

impl From<users::Model> for UserView {
    fn from(user: users::Model) -> Self {
        Self {
            id: user.id.0,
            email: user.email,
            full_name: user.full_name,
            provider: user.provider,
            provider_id: user.provider_id,
            is_active: user.is_active,
            is_admin: user.is_admin,
            is_verified: user.email_verified_at.is_some(),
            avatar_url: user.avatar_url,
            locale: user.locale,
            time_zone: user.time_zone,
            country: user.country,
            credits: user.credits,
            subscription_plan: user.subscription_plan,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// The caller's account.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserAnswer {
    /// The account.
    pub(crate) user: UserView,
}

/// What the caller has.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserStatsView {
    /// Projects.
    total_projects: u64,
    /// Projects that are being worked on or are complete.
    active_projects: u64,
    /// Views of all published sites.
    total_views: u64,
}

impl From<identity::UserStats> for UserStatsView {
    fn from(stats: identity::UserStats) -> Self {
        Self {
            total_projects: stats.total_projects,
            active_projects: stats.active_projects,
            total_views: stats.total_views,
        }
    }
}

/// That it was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuccessView {
    /// Always true.
    success: bool,
}

impl SuccessView {
    /// Done.
    pub(crate) const DONE: Self = Self { success: true };
}
