//! The keys that encrypt credentials.

use axum::{Json, extract::State};

use super::TAG;
use crate::{
    dto::admin::credentials::{CredentialKeyView, CredentialKeysView},
    error::ApiError,
    extract::Admin,
    route::{Routes, operation, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new().add(routes!(list_credential_keys))
}

/// The keys that encrypt credentials, each with the number of secrets that it encrypts. A key whose number is 0
/// may be removed from CREDENTIAL_KEYS; `atelier credentials rewrap` brings the others to 0.
#[operation(
    get, path = "/api/admin/credentials/keys", tag = TAG,
    responses((status = 200, description = "The keys, the one that encrypts new secrets first.", body = CredentialKeysView))
)]
async fn list_credential_keys(
    State(state): State<ApiState>,
    _: Admin,
) -> Result<Json<CredentialKeysView>, ApiError> {
    let keys = state.services.foundation.key_rotation.list_keys().await?;
    Ok(Json(CredentialKeysView { keys: keys.into_iter().map(CredentialKeyView::from).collect() }))
}
