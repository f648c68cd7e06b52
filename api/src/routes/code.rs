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
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    app::ApiState,
    dto::project::{CodeView, ProjectAnswer, VersionView},
    error::{ApiError, ErrorBody},
    extract::{ApiPath, ApiQuery, Authenticated, OwnProject, PageParams, Pagination},
    idempotency::kept,
};

const TAG: &str = "Code";

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(get_code))
        .routes(routes!(list_versions))
        .routes(kept::<(Authenticated, OwnProject)>(routes!(restore_version)))
        .routes(routes!(export_zip))
}

/// Which version.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct VersionQuery {
    /// Its number; the current one where it is left out.
    version: Option<i32>,
}

/// The code of a version, by its parts and whole.
#[utoipa::path(
    get, path = "/api/projects/{id}/code", tag = TAG,
    params(("id" = Uuid, Path, description = "The project's id"), VersionQuery),
    responses(
        (status = 200, description = "The code.", body = CodeView),
        (status = 404, description = "No such project or version, or nothing is generated yet.", body = ErrorBody),
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
#[utoipa::path(
    get, path = "/api/projects/{id}/versions", tag = TAG,
    params(("id" = Uuid, Path, description = "The project's id"), PageParams),
    responses((
        status = 200, description = "A page of them.", body = Vec<VersionView>,
        headers(
            ("X-Total-Count" = u64, description = "All of them, counted up to 10,000."),
            ("X-Total-Count-Capped" = bool, description = "There may be more."),
            ("Link" = String, description = "Other pages.")
        )
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

/// Makes an earlier version the current one.
#[utoipa::path(
    post, path = "/api/projects/{id}/versions/{version}/restore", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The project's id"),
        ("version" = i32, Path, description = "The version's number")
    ),
    responses((status = 200, description = "The project as it is now.", body = ProjectAnswer))
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
#[utoipa::path(
    post, path = "/api/projects/{id}/export/zip", tag = TAG,
    params(("id" = Uuid, Path, description = "The project's id"), VersionQuery),
    responses(
        (
            status = 200, description = "The file.", body = Vec<u8>, content_type = "application/zip",
            headers(("Content-Disposition" = String, description = "With the file's name."))
        ),
        (status = 404, description = "No such project or version, or nothing is generated yet.", body = ErrorBody),
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
