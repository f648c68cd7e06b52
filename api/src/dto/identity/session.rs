//! Where a person is signed in.

use atelier_entities::SessionFamilyId;
use atelier_foundation::identity::SignIn;
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::schema::ToSchema;

/// A sign-in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// What it is ended by.
    id: Uuid,
    /// Browser and system.
    #[schema(example = "Firefox on Windows")]
    device: String,
    /// The address it was last refreshed from.
    #[schema(example = "192.0.2.7")]
    address: Option<String>,
    /// When the person signed in.
    created_at: DateTime<Utc>,
    /// When it was last used, to a few minutes.
    last_used_at: DateTime<Utc>,
    /// When it ends unless it is used before.
    expires_at: DateTime<Utc>,
    /// Whether it is the one that asks.
    current: bool,
}

impl SessionView {
    /// The view for somebody who asks from the sign-in `current`.
    pub(crate) fn new(sign_in: SignIn, current: Option<SessionFamilyId>) -> Self {
        Self {
            id: sign_in.id.0,
            device: sign_in.device,
            address: sign_in.ip,
            created_at: sign_in.signed_in_at,
            last_used_at: sign_in.last_used_at,
            expires_at: sign_in.expires_at,
            current: current == Some(sign_in.id),
        }
    }
}
