//! Which mails the caller wants.

use axum::{Json, extract::State};

use crate::{
    dto::mail::notifications::{NotificationsInput, NotificationsView},
    error::ApiError,
    extract::{Authenticated, JsonBody},
    route::{Routes, operation, routes},
    state::ApiState,
};

const TAG: &str = "Accounts";

pub(super) fn routes() -> Routes {
    Routes::new().add(routes!(get_notifications, update_notifications))
}

/// Which mails the caller wants.
#[operation(
    get, path = "/api/users/me/notifications", operation_id = "get_notification_settings", tag = TAG,
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
#[operation(
    put, path = "/api/users/me/notifications", operation_id = "update_notification_settings", tag = TAG,
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
