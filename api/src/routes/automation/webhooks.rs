//! Webhooks out: where the events of a person are sent to.

use atelier_entities::WebhookSubscriptionId;
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use super::WEBHOOKS as TAG;
use crate::{
    dto::automation::webhook::{
        RotateWebhookInput, StartedDeliveryView, UpdateWebhookInput, WebhookInput, WebhookPage, WebhookView,
        WebhookWithSecretView,
    },
    error::{ApiError, ErrorBody},
    extract::{ApiPath, Authenticated, JsonBody, OptionalJsonBody, OwnWebhook, PageParams, Pagination},
    policy::Limit,
    responses::accepted,
    route::{Routes, operation, route, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(list_webhooks))
        .add(route(routes!(create_webhook)).answers_secret())
        .add(routes!(get_webhook, update_webhook, delete_webhook))
        .add(route(routes!(replace_webhook_secret)).answers_secret())
        .add(route(routes!(test_webhook)).costs(Limit::Generation).keeps::<OwnWebhook>())
}

/// The caller's webhooks, newest first. No answer has a secret.
#[operation(
    get, path = "/api/v1/automation/webhooks/", tag = TAG, params(PageParams),
    responses((status = 200, description = "A page of them.", body = WebhookPage))
)]
async fn list_webhooks(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    pagination: Pagination,
) -> Result<Json<WebhookPage>, ApiError> {
    let (found, count) = state.services.automation.webhooks.list(&actor, pagination.page()).await?;
    Ok(Json(pagination.numbered(found, count).into()))
}

/// Creates a webhook: events that follow are sent to its address. Its secret is shown this once.
///
/// Requests are signed by Standard Webhooks. An answer from 200 to 299 takes an event; after others it is sent
/// again, ten times in 75 hours.
#[operation(
    post, path = "/api/v1/automation/webhooks/", tag = TAG, request_body = WebhookInput,
    responses(
        (
            status = 201, description = "The webhook with its secret.", body = WebhookWithSecretView,
            headers(("Location" = String, description = "Its address."))
        ),
        (
            status = 409, body = ErrorBody,
            description = "WEBHOOK_LIMIT: as many webhooks as a person may have, which details.limit tells.",
        ),
        (
            status = 503, body = ErrorBody,
            description = "CREDENTIAL_KEYS_MISSING: this installation cannot encrypt secrets.",
        ),
    )
)]
async fn create_webhook(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    JsonBody(input): JsonBody<WebhookInput>,
) -> Result<Response, ApiError> {
    let created = state.services.automation.webhooks.create(&actor, input.into()).await?;
    let location = format!("/api/v1/automation/webhooks/{}/", created.subscription.id);
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, "no-store".to_owned())];
    let view = Json(WebhookWithSecretView::from(created));
    Ok((StatusCode::CREATED, headers, view).into_response())
}

/// One webhook, without its secrets.
#[operation(
    get, path = "/api/v1/automation/webhooks/{id}/", tag = TAG,
    params(("id" = Uuid, Path, description = "The webhook's id")),
    responses((status = 200, description = "The webhook.", body = WebhookView))
)]
async fn get_webhook(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<WebhookView>, ApiError> {
    Ok(Json(state.services.automation.webhooks.get(&actor, WebhookSubscriptionId(id)).await?.into()))
}

/// Changes a webhook; what is left out stays. What happens while it is not enabled is not sent later.
#[operation(
    patch, path = "/api/v1/automation/webhooks/{id}/", tag = TAG,
    params(("id" = Uuid, Path, description = "The webhook's id")), request_body = UpdateWebhookInput,
    responses((status = 200, description = "The webhook as it is now.", body = WebhookView))
)]
async fn update_webhook(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnWebhook,
    JsonBody(input): JsonBody<UpdateWebhookInput>,
) -> Result<Json<WebhookView>, ApiError> {
    let webhooks = &state.services.automation.webhooks;
    Ok(Json(webhooks.update(&actor, WebhookSubscriptionId(id), input.into()).await?.into()))
}

/// Deletes a webhook with its deliveries. What waits to be sent is not sent.
#[operation(
    delete, path = "/api/v1/automation/webhooks/{id}/", tag = TAG,
    params(("id" = Uuid, Path, description = "The webhook's id")),
    responses((status = 204, description = "Deleted."))
)]
async fn delete_webhook(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<StatusCode, ApiError> {
    state.services.automation.webhooks.delete(&actor, WebhookSubscriptionId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a webhook a new secret, which is shown this once. The earlier ones sign beside it for 24 hours.
#[operation(
    post, path = "/api/v1/automation/webhooks/{id}/rotate/", tag = TAG,
    params(("id" = Uuid, Path, description = "The webhook's id")),
    request_body(content = RotateWebhookInput, description = "May be left out."),
    responses(
        (status = 200, description = "The webhook with its new secret.", body = WebhookWithSecretView),
        (
            status = 409, body = ErrorBody,
            description = "SECRET_LIMIT: as many secrets sign as may, which details.limit tells.",
        ),
        (
            status = 503, body = ErrorBody,
            description = "CREDENTIAL_KEYS_MISSING: this installation cannot encrypt secrets.",
        ),
    )
)]
async fn replace_webhook_secret(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnWebhook,
    OptionalJsonBody(input): OptionalJsonBody<RotateWebhookInput>,
) -> Result<Response, ApiError> {
    let webhooks = &state.services.automation.webhooks;
    let rotated = webhooks.rotate(&actor, WebhookSubscriptionId(id), input.secret).await?;
    let view = Json(WebhookWithSecretView::from(rotated));
    Ok(([(header::CACHE_CONTROL, "no-store")], view).into_response())
}

/// Sends a test event, webhook.ping, to a webhook.
#[operation(
    post, path = "/api/v1/automation/webhooks/{id}/ping/", tag = TAG,
    params(("id" = Uuid, Path, description = "The webhook's id")),
    responses(
        (
            status = 202, description = "Started.", body = StartedDeliveryView,
            headers(("Location" = String, description = "The job's address."), ("Retry-After" = u64))
        ),
        (status = 409, body = ErrorBody, description = "WEBHOOK_NOT_ENABLED: it is paused or disabled."),
    )
)]
async fn test_webhook(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    let started = state.services.automation.webhooks.ping(&actor, WebhookSubscriptionId(id)).await?;
    Ok(accepted(&started.job.clone(), StartedDeliveryView::from(started)))
}
