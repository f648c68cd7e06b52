//! Which mails the caller wants.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::ApiState,
    dto::notifications::{NotificationsInput, NotificationsView},
    error::ApiError,
    extract::{Authenticated, JsonBody},
};

const TAG: &str = "Accounts";

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(get_notifications, update_notifications))
}

/// Which mails the caller wants.
#[utoipa::path(
    get, path = "/api/users/me/notifications", tag = TAG,
    responses((status = 200, description = "The categories.", body = NotificationsView))
)]
async fn get_notifications(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
) -> Result<Json<NotificationsView>, ApiError> {
    let unwanted = state.services.foundation.mail.list_opt_outs(&actor).await?;
    Ok(Json(NotificationsView::without(&unwanted)))
}

/// Changes which mails the caller wants. What is left out stays as it is.
///
/// It holds at once, also for mails that are on their way.
#[utoipa::path(
    put, path = "/api/users/me/notifications", tag = TAG,
    request_body = NotificationsInput,
    responses((status = 200, description = "The categories as they are now.", body = NotificationsView))
)]
async fn update_notifications(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    JsonBody(input): JsonBody<NotificationsInput>,
) -> Result<Json<NotificationsView>, ApiError> {
    let unwanted = state.services.foundation.mail.update_preferences(&actor, &input.wanted()).await?;
    Ok(Json(NotificationsView::without(&unwanted)))
}
