//! What became of the events of webhooks.

use atelier_entities::{WebhookDeliveryId, WebhookSubscriptionId};
use axum::{Json, extract::State, response::Response};
use uuid::Uuid;

use super::WEBHOOKS as TAG;
use crate::{
    dto::automation::webhook::{DeliveryDetailView, DeliveryFilterParams, DeliveryPage, StartedDeliveryView},
    error::{ApiError, ErrorBody},
    extract::{ApiPath, ApiQuery, Authenticated, OwnWebhook, PageParams, Pagination},
    responses::accepted,
    route::{Routes, operation, route, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(list_webhook_deliveries))
        .add(routes!(get_webhook_delivery))
        .add(route(routes!(resend_webhook_delivery)).keeps::<OwnWebhook>())
}

/// The deliveries of a webhook, newest first. They are kept for thirty days.
#[operation(
    get, path = "/api/v1/automation/webhooks/{id}/deliveries/", tag = TAG,
    params(("id" = Uuid, Path, description = "The webhook's id"), DeliveryFilterParams, PageParams),
    responses((status = 200, description = "A page of them.", body = DeliveryPage))
)]
async fn list_webhook_deliveries(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnWebhook,
    ApiQuery(filter): ApiQuery<DeliveryFilterParams>,
    pagination: Pagination,
) -> Result<Json<DeliveryPage>, ApiError> {
    let webhooks = &state.services.automation.webhooks;
    let id = WebhookSubscriptionId(id);
    let (found, count) = webhooks.list_deliveries(&actor, id, filter.into(), pagination.page()).await?;
    Ok(Json(pagination.numbered(found, count).into()))
}

/// One delivery, with its body and its attempts.
#[operation(
    get, path = "/api/v1/automation/webhooks/{id}/deliveries/{delivery}/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The webhook's id"),
        ("delivery" = Uuid, Path, description = "The delivery's id"),
    ),
    responses((status = 200, description = "The delivery.", body = DeliveryDetailView))
)]
async fn get_webhook_delivery(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, delivery)): ApiPath<(Uuid, Uuid)>,
) -> Result<Json<DeliveryDetailView>, ApiError> {
    let webhooks = &state.services.automation.webhooks;
    let (id, delivery) = (WebhookSubscriptionId(id), WebhookDeliveryId(delivery));
    Ok(Json(webhooks.get_delivery(&actor, id, delivery).await?.into()))
}

/// Sends a delivery again, with the id and the body that it had.
///
/// One that waits for its next attempt is sent now. The attempts that follow begin their schedule anew.
#[operation(
    post, path = "/api/v1/automation/webhooks/{id}/deliveries/{delivery}/redeliver/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The webhook's id"),
        ("delivery" = Uuid, Path, description = "The delivery's id"),
    ),
    responses(
        (
            status = 202, description = "Started.", body = StartedDeliveryView,
            headers(("Location" = String, description = "The job's address."), ("Retry-After" = u64))
        ),
        (status = 409, body = ErrorBody, description = "WEBHOOK_NOT_ENABLED: the webhook is paused or disabled."),
    )
)]
async fn resend_webhook_delivery(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, delivery)): ApiPath<(Uuid, Uuid)>,
) -> Result<Response, ApiError> {
    let webhooks = &state.services.automation.webhooks;
    let (id, delivery) = (WebhookSubscriptionId(id), WebhookDeliveryId(delivery));
    let started = webhooks.redeliver(&actor, id, delivery).await?;
    Ok(accepted(&started.job.clone(), StartedDeliveryView::from(started)))
}
