//! What was generated: versions, code, and the ZIP.

use atelier_entities::ProjectId;
use atelier_foundation::COUNT_LIMIT;
use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    dto::builder::{
        attempt::AttemptAccountView,
        project::{CodeView, ProjectAnswer, VersionView},
    },
    error::{ApiError, ErrorBody},
    extract::{ApiPath, ApiQuery, Authenticated, OwnProject, PageParams, Pagination},
    policy::Limit,
    route::{Routes, operation, route, routes},
    schema::{IntoParams, free::FileContent},
    state::ApiState,
};

pub(super) const TAG: &str = "Code";

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(get_code))
        .add(routes!(list_versions))
        .add(routes!(list_attempts))
        .add(route(routes!(restore_version)).keeps::<(Authenticated, OwnProject)>())
        .add(route(routes!(export_zip)).costs(Limit::Generation))
}

/// Which version.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct VersionQuery {
    /// Its number; the current one where it is left out.
    version: Option<i32>,
}

/// The code of a version, by its parts and whole.
#[operation(
    get, path = "/api/projects/{id}/code", operation_id = "get_project_code", tag = TAG,
    params(("id" = Uuid, Path, description = "The project's id"), VersionQuery),
    responses(
        (status = 200, description = "The code.", body = CodeView),
        (status = 404, description = "VERSION_NOT_FOUND: there is no such version, or none yet.", body = ErrorBody),
    )
)]
async fn get_code(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    ApiQuery(query): ApiQuery<VersionQuery>,
) -> Result<Json<CodeView>, ApiError> {
    let code = state.services.builder.versions.code(&actor, ProjectId(id), query.version).await?;
    Ok(Json(code.into()))
}

/// Every generation that was kept, newest first.
#[operation(
    get, path = "/api/projects/{id}/versions", operation_id = "list_project_versions", tag = TAG,
    params(("id" = Uuid, Path, description = "The project's id"), PageParams),
    responses((
        status = 200, description = "A page of them.", body = Vec<VersionView>
    ))
)]
async fn list_versions(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    pagination: Pagination,
) -> Result<Response, ApiError> {
    let (versions, total) =
        state.services.builder.versions.list(&actor, ProjectId(id), pagination.page()).await?;
    let views: Vec<VersionView> = versions.into_iter().map(VersionView::from).collect();
    Ok(pagination.answer_capped(&views, total, COUNT_LIMIT))
}

/// The requests to model servers that a version took, in order: tokens, times, and what they
/// cost. At most 200; empty where the built-in generator wrote it.
#[operation(
    get, path = "/api/projects/{id}/versions/{version}/attempts", operation_id = "list_version_attempts",
    tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The project's id"),
        ("version" = i32, Path, description = "The version's number")
    ),
    responses((status = 200, description = "The requests.", body = Vec<AttemptAccountView>))
)]
async fn list_attempts(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, version)): ApiPath<(Uuid, i32)>,
) -> Result<Json<Vec<AttemptAccountView>>, ApiError> {
    let attempts = state.services.builder.generation.list_attempts(&actor, ProjectId(id), version).await?;
    Ok(Json(attempts.into_iter().map(AttemptAccountView::from).collect()))
}

/// Brings the files of an earlier version back, as a new version, which becomes the current one.
/// Nothing changes where it is the current version already.
#[operation(
    post, path = "/api/projects/{id}/versions/{version}/restore", operation_id = "restore_project_version",
    tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The project's id"),
        ("version" = i32, Path, description = "The version's number")
    ),
    responses(
        (status = 200, description = "The project as it is now.", body = ProjectAnswer),
        (status = 404, description = "VERSION_NOT_FOUND: there is no such version.", body = ErrorBody),
        (
            status = 409, body = ErrorBody,
            description = "VERSION_LIMIT: as many versions as a project may have, which details.limit tells.",
        ),
    )
)]
async fn restore_version(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, version)): ApiPath<(Uuid, i32)>,
) -> Result<Json<ProjectAnswer>, ApiError> {
    let versions = &state.services.builder.versions;
    let project = versions.restore(&actor, ProjectId(id), version).await?;
    Ok(Json(ProjectAnswer { project: project.into() }))
}

/// A version as a ZIP file. The same version is always the same file.
#[operation(
    post, path = "/api/projects/{id}/export/zip", operation_id = "export_project_zip", tag = TAG,
    params(("id" = Uuid, Path, description = "The project's id"), VersionQuery),
    responses(
        (
            status = 200, description = "The file.", body = inline(FileContent), content_type = "application/zip",
            headers(("Content-Disposition" = String))
        ),
        (status = 404, description = "VERSION_NOT_FOUND: there is no such version, or none yet.", body = ErrorBody),
    )
)]
async fn export_zip(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    ApiQuery(query): ApiQuery<VersionQuery>,
) -> Result<Response, ApiError> {
    let zip = state.services.builder.versions.zip(&actor, ProjectId(id), query.version).await?;
    let disposition = format!("attachment; filename=\"{}\"", safe_name(&zip.file_name));
    let mut response = ([(header::CONTENT_TYPE, "application/zip")], zip.bytes).into_response();
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// The name with everything replaced that a header or a file system could take
/// amiss.
fn safe_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = name.chars().map(plain).take(120).collect();
    let name = name.trim_start_matches(['.', '-']);
    if name.is_empty() { "project.zip".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_plain() {
        for (name, safe) in [
            ("reading-list-v3.zip", "reading-list-v3.zip"),
            ("../../etc/passwd", "etc-passwd"),
            ("a\"; filename=\"b.exe", "a---filename--b.exe"),
            ("été\r\n.zip", "t---.zip"),
            ("...", "project.zip"),
        ] {
            assert_eq!(safe_name(name), safe);
        }
    }
}
