//! Integrations: access to services outside.

use std::sync::LazyLock;

use atelier_automation::integrations::kinds;
use atelier_entities::IntegrationId;
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use crate::{
    dto::automation::integration::{
        DeleteIntegrationParams, IntegrationInput, IntegrationPage, IntegrationTestAnswer,
        IntegrationTypePage, IntegrationTypeView, IntegrationView, UpdateIntegrationInput,
    },
    error::{ApiError, ErrorBody},
    extract::{ApiPath, ApiQuery, Authenticated, JsonBody, OwnIntegration, PageParams, Pagination},
    policy::Limit,
    responses::{Numbered, accepted},
    route::{Routes, operation, route, routes},
    state::ApiState,
    static_file::StaticFile,
};

const TAG: &str = "Integrations";

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(list_integration_types))
        .add(routes!(list_integrations))
        .add(route(routes!(create_integration)).keeps::<Authenticated>())
        .add(routes!(get_integration, update_integration, delete_integration))
        .add(route(routes!(test_integration)).costs(Limit::Generation).keeps::<OwnIntegration>())
}

/// All types. They are the same as long as the process runs.
static TYPES: LazyLock<StaticFile> = LazyLock::new(|| {
    let results: Vec<IntegrationTypeView> = kinds::ALL.iter().map(IntegrationTypeView::from).collect();
    let count = results.len() as u64;
    let page = IntegrationTypePage::from(Numbered { count, next: None, previous: None, results });
    StaticFile::new("application/json", serde_json::to_vec(&page).unwrap_or_default())
});

/// All types of integrations, with the schemas of their settings and secrets.
#[operation(
    get, path = "/api/v1/automation/integration-types/", tag = TAG,
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the last answer.")),
    responses(
        (
            status = 200, description = "The types, on one page.", body = IntegrationTypePage,
            headers(("ETag" = String))
        ),
        (status = 304, description = "Nothing has changed.", headers(("ETag" = String))),
    )
)]
async fn list_integration_types(_: Authenticated, headers: HeaderMap) -> Response {
    TYPES.answer(&headers, None, &[])
}

/// The caller's integrations, newest first. No answer has a secret.
#[operation(
    get, path = "/api/v1/automation/integrations/", tag = TAG, params(PageParams),
    responses((status = 200, description = "A page of them.", body = IntegrationPage))
)]
async fn list_integrations(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    pagination: Pagination,
) -> Result<Json<IntegrationPage>, ApiError> {
    let (found, count) = state.services.automation.integrations.list(&actor, pagination.page()).await?;
    Ok(Json(pagination.numbered(found, count).into()))
}

/// Creates an integration. Its secrets are encrypted and never shown again.
#[operation(
    post, path = "/api/v1/automation/integrations/", tag = TAG, request_body = IntegrationInput,
    responses(
        (
            status = 201, description = "The integration.", body = IntegrationView,
            headers(("Location" = String, description = "Its address."))
        ),
        (
            status = 409, body = ErrorBody,
            description = "INTEGRATION_LIMIT: as many integrations as a person may have, which details.limit tells.",
        ),
        (
            status = 503, body = ErrorBody,
            description = "CREDENTIAL_KEYS_MISSING: this installation cannot encrypt secrets.",
        ),
    )
)]
async fn create_integration(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    JsonBody(input): JsonBody<IntegrationInput>,
) -> Result<Response, ApiError> {
    let integration = state.services.automation.integrations.create(&actor, input.into()).await?;
    let location = format!("/api/v1/automation/integrations/{}/", integration.row.id);
    let view = Json(IntegrationView::from(integration));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], view).into_response())
}

/// One integration, without its secrets.
#[operation(
    get, path = "/api/v1/automation/integrations/{id}/", tag = TAG,
    params(("id" = Uuid, Path, description = "The integration's id")),
    responses((status = 200, description = "The integration.", body = IntegrationView))
)]
async fn get_integration(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<IntegrationView>, ApiError> {
    Ok(Json(state.services.automation.integrations.get(&actor, IntegrationId(id)).await?.into()))
}

/// Changes an integration; what is left out stays, null removes a setting or a secret. A change that lets secrets
/// go to another host needs them again.
#[operation(
    patch, path = "/api/v1/automation/integrations/{id}/", tag = TAG,
    params(("id" = Uuid, Path, description = "The integration's id")), request_body = UpdateIntegrationInput,
    responses(
        (status = 200, description = "The integration as it is now.", body = IntegrationView),
        (
            status = 503, body = ErrorBody,
            description = "CREDENTIAL_KEYS_MISSING: this installation cannot encrypt secrets.",
        ),
    )
)]
async fn update_integration(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnIntegration,
    JsonBody(input): JsonBody<UpdateIntegrationInput>,
) -> Result<Json<IntegrationView>, ApiError> {
    let integrations = &state.services.automation.integrations;
    Ok(Json(integrations.update(&actor, IntegrationId(id), input.into()).await?.into()))
}

/// Deletes an integration with its secrets. Nodes that use it fail from then on.
#[operation(
    delete, path = "/api/v1/automation/integrations/{id}/", tag = TAG,
    params(("id" = Uuid, Path, description = "The integration's id"), DeleteIntegrationParams),
    responses(
        (status = 204, description = "Deleted."),
        (
            status = 409, body = ErrorBody,
            description = "INTEGRATION_IN_USE: drafts or published versions use it; details.used_by lists their nodes.",
        ),
    )
)]
async fn delete_integration(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    ApiQuery(params): ApiQuery<DeleteIntegrationParams>,
) -> Result<StatusCode, ApiError> {
    state.services.automation.integrations.delete(&actor, IntegrationId(id), params.force).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tests an integration: a job asks its service with its credentials.
#[operation(
    post, path = "/api/v1/automation/integrations/{id}/test/", tag = TAG,
    params(("id" = Uuid, Path, description = "The integration's id")),
    responses(
        (
            status = 202, description = "Started.", body = IntegrationTestAnswer,
            headers(("Location" = String, description = "The job's address."), ("Retry-After" = u64))
        ),
        (
            status = 409, body = ErrorBody,
            description = "TEST_URL_MISSING: its settings name no address that a test could ask.",
        ),
    )
)]
async fn test_integration(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    let job = state.services.automation.integrations.start_test(&actor, IntegrationId(id)).await?;
    Ok(accepted(&job, IntegrationTestAnswer { job: job.clone().into() }))
}
