//! Accounts at providers that open the person's.

use atelier_entities::{SignInProvider, oauth_identities};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    error::ApiError,
    schema::{ToSchema, sets},
};

/// An account at a provider that is linked to the person's.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkedAccountView {
    /// Where.
    #[schema(value_type = sets::SignInProvider)]
    provider: SignInProvider,
    /// The provider's id of the person.
    subject: String,
    /// The address that the provider last told.
    email: Option<String>,
    /// When it was linked.
    created_at: DateTime<Utc>,
    /// When the person last signed in by it.
    last_used_at: DateTime<Utc>,
}

impl From<oauth_identities::Model> for LinkedAccountView {
    fn from(row: oauth_identities::Model) -> Self {
        let oauth_identities::Model { provider, subject, email, created_at, last_used_at, .. } = row;
        Self { provider, subject, email, created_at, last_used_at }
    }
}

/// The removal of a linked provider.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct UnlinkInput {
    /// The account's password. An account without one needs a sign-in of the last ten
    /// minutes instead.
    #[serde(default)]
    #[schema(format = Password)]
    pub(crate) password: String,
}

/// The provider of that name; 404 where there is none.
pub(crate) fn parse_provider(name: &str) -> Result<SignInProvider, ApiError> {
    SignInProvider::parse(name).ok_or_else(|| ApiError::not_found("linked provider"))
}
