//! How versions came to be, what differs between them, and the messages of a project.

use atelier_entities::ProjectId;
use atelier_foundation::COUNT_LIMIT;
use axum::{Json, extract::State, response::Response};
use uuid::Uuid;

use super::code::TAG;
use crate::{
    dto::builder::{
        attempt::AttemptAccountView,
        version::{ProjectMessageView, VersionDetailView, VersionDiffView, VersionFileView},
    },
    error::{ApiError, ErrorBody},
    extract::{ApiPath, Authenticated, PageParams, Pagination},
    route::{Routes, operation, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(get_version))
        .add(routes!(get_version_diff))
        .add(routes!(get_version_file))
        .add(routes!(list_messages))
        .add(routes!(list_usage))
}

/// One version: what was asked for, the plan, the notes, what it changed and what it cost.
#[operation(
    get, path = "/api/projects/{id}/versions/{version}", operation_id = "get_project_version", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The project's id"),
        ("version" = i32, Path, description = "The version's number")
    ),
    responses(
        (status = 200, description = "The version.", body = VersionDetailView),
        (status = 404, description = "VERSION_NOT_FOUND: there is no such version.", body = ErrorBody),
    )
)]
async fn get_version(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, version)): ApiPath<(Uuid, i32)>,
) -> Result<Json<VersionDetailView>, ApiError> {
    let version = state.services.builder.versions.get(&actor, ProjectId(id), version).await?;
    Ok(Json(version.into()))
}

/// What differs between two versions: each file with its lines in the unified format.
#[operation(
    get, path = "/api/projects/{id}/versions/{a}/diff/{b}", operation_id = "get_project_version_diff", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The project's id"),
        ("a" = i32, Path, description = "Number of the version before"),
        ("b" = i32, Path, description = "Number of the version after")
    ),
    responses(
        (status = 200, description = "The differences.", body = VersionDiffView),
        (status = 404, description = "VERSION_NOT_FOUND: one of the versions is not there.", body = ErrorBody),
    )
)]
async fn get_version_diff(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, from, to)): ApiPath<(Uuid, i32, i32)>,
) -> Result<Json<VersionDiffView>, ApiError> {
    let diffs = state.services.builder.versions.diff(&actor, ProjectId(id), from, to).await?;
    Ok(Json(VersionDiffView::of(from, to, diffs)))
}

/// One file of a version.
#[operation(
    get, path = "/api/projects/{id}/versions/{version}/files/{path}", operation_id = "get_project_version_file",
    tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The project's id"),
        ("version" = i32, Path, description = "The version's number"),
        ("path" = String, Path, description = "The file's path as one segment, with / as %2F")
    ),
    responses(
        (status = 200, description = "The file.", body = VersionFileView),
        (
            status = 404, body = ErrorBody,
            description = "VERSION_NOT_FOUND, or FILE_NOT_FOUND: the version has no file of this path.",
        ),
    )
)]
async fn get_version_file(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, version, path)): ApiPath<(Uuid, i32, String)>,
) -> Result<Json<VersionFileView>, ApiError> {
    let file = state.services.builder.versions.file(&actor, ProjectId(id), version, &path).await?;
    Ok(Json(file.into()))
}

/// What the owner asked for, newest first, and what each message changed.
#[operation(
    get, path = "/api/projects/{id}/messages", operation_id = "list_project_messages", tag = TAG,
    params(("id" = Uuid, Path, description = "The project's id"), PageParams),
    responses((
        status = 200, description = "A page of them.", body = Vec<ProjectMessageView>
    ))
)]
async fn list_messages(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    pagination: Pagination,
) -> Result<Response, ApiError> {
    let generation = &state.services.builder.generation;
    let (messages, total) = generation.list_messages(&actor, ProjectId(id), pagination.page()).await?;
    let views: Vec<ProjectMessageView> = messages.into_iter().map(ProjectMessageView::from).collect();
    Ok(pagination.answer_capped(&views, total, COUNT_LIMIT))
}

/// The requests to model servers that the project took, newest first, those of failed generations
/// too: tokens, times, and what they cost.
#[operation(
    get, path = "/api/projects/{id}/usage", operation_id = "list_project_usage", tag = TAG,
    params(("id" = Uuid, Path, description = "The project's id"), PageParams),
    responses((
        status = 200, description = "A page of them.", body = Vec<AttemptAccountView>
    ))
)]
async fn list_usage(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    pagination: Pagination,
) -> Result<Response, ApiError> {
    let generation = &state.services.builder.generation;
    let (attempts, total) = generation.list_usage(&actor, ProjectId(id), pagination.page()).await?;
    let views: Vec<AttemptAccountView> = attempts.into_iter().map(AttemptAccountView::from).collect();
    Ok(pagination.answer_capped(&views, total, COUNT_LIMIT))
}
