//! API tokens.

use atelier_entities::{ApiScope, api_tokens};
use atelier_foundation::identity::{CreatedApiToken, NewApiToken, scopes_of};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::schema::{ToSchema, sets};

/// A new API token.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CreateApiTokenInput {
    /// What it is for: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100, example = "Nightly build")]
    name: String,
    /// read: whatever is read; write: whatever changes something, and reading; admin:
    /// the same for what operators see and do, which only they can ask for.
    #[schema(value_type = Vec<sets::ApiScope>, example = json!(["read"]))]
    scopes: Vec<ApiScope>,
    /// 1 to 366; 90 where it is left out.
    #[schema(minimum = 1, maximum = 366, example = 90)]
    expires_in_days: Option<u32>,
    /// The account's password, where the sign-in is older than ten minutes.
    #[schema(format = Password)]
    password: Option<String>,
}

impl CreateApiTokenInput {
    /// What the token is to be, and the password that was shown for it.
    pub(crate) fn into_parts(self) -> (NewApiToken, Option<String>) {
        let Self { name, scopes, expires_in_days, password } = self;
        (NewApiToken { name, scopes, expires_in_days }, password)
    }
}

/// An API token, without its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApiTokenView {
    /// What it is deleted by.
    id: Uuid,
    /// What it is for.
    name: String,
    /// Its first characters, to know it by.
    #[schema(example = "atl_x7Kq2w")]
    prefix: String,
    /// What it may be used for.
    #[schema(value_type = Vec<sets::ApiScope>, example = json!(["read", "write"]))]
    scopes: Vec<ApiScope>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// Until when it is good.
    expires_at: DateTime<Utc>,
    /// When it was last used, to a few minutes.
    last_used_at: Option<DateTime<Utc>>,
}

impl From<api_tokens::Model> for ApiTokenView {
    fn from(token: api_tokens::Model) -> Self {
        Self {
            id: token.id.0,
            scopes: scopes_of(&token),
            name: token.name,
            prefix: token.prefix,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// An API token that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeApiTokenView {
    /// The token itself: sent as `Authorization: Bearer …`, and not shown again.
    #[schema(example = "atl_…")]
    token: String,
    /// What is kept of it.
    api_token: ApiTokenView,
}

impl From<CreatedApiToken> for MadeApiTokenView {
    fn from(made: CreatedApiToken) -> Self {
        Self { token: made.token, api_token: made.row.into() }
    }
}
