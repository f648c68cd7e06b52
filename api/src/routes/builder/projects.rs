//! Projects.

use atelier_entities::ProjectId;
use atelier_foundation::COUNT_LIMIT;
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use crate::{
    dto::{
        builder::project::{
            CreateProjectInput, GenerateInput, GenerationAnswer, ProjectAnswer, ProjectView,
            UpdateProjectInput,
        },
        identity::account::SuccessView,
    },
    error::{ApiError, ErrorBody},
    extract::{
        ApiPath, Authenticated, JsonBody, OptionalJsonBody, OwnProject, PageParams, Pagination, Verified,
    },
    policy::Limit,
    responses::accepted,
    route::{Routes, operation, route, routes},
    state::ApiState,
};

const TAG: &str = "Projects";

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(list_projects))
        .add(route(routes!(create_project)).keeps::<Authenticated>())
        .add(routes!(get_project, update_project, delete_project))
        .add(route(routes!(generate)).costs(Limit::Generation).keeps::<(Verified, OwnProject)>())
}

/// The caller's projects, newest first.
#[operation(
    get, path = "/api/projects", tag = TAG, params(PageParams),
    responses((
        status = 200, description = "A page of them.", body = Vec<ProjectView>
    ))
)]
async fn list_projects(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    pagination: Pagination,
) -> Result<Response, ApiError> {
    let (projects, total) = state.services.foundation.projects.list(&actor, pagination.page()).await?;
    let views: Vec<ProjectView> = projects.into_iter().map(ProjectView::from).collect();
    Ok(pagination.answer_capped(&views, total, COUNT_LIMIT))
}

/// Creates a project. Nothing is generated yet.
#[operation(
    post, path = "/api/projects", tag = TAG,
    request_body = CreateProjectInput,
    responses(
        (
            status = 201, description = "The project.", body = ProjectAnswer,
            headers(("Location" = String, description = "Its address."))
        ),
        (
            status = 409, body = ErrorBody,
            description = "PROJECT_LIMIT: as many projects as an account may have, which details.limit tells.",
        ),
    )
)]
async fn create_project(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    JsonBody(input): JsonBody<CreateProjectInput>,
) -> Result<Response, ApiError> {
    let project = state.services.foundation.projects.create(&actor, input.into()).await?;
    let location = format!("/api/projects/{}", project.id);
    let answer = ProjectAnswer { project: project.into() };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(answer)).into_response())
}

/// One project.
#[operation(
    get, path = "/api/projects/{id}", tag = TAG,
    params(("id" = Uuid, Path, description = "The project's id")),
    responses((status = 200, description = "The project.", body = ProjectAnswer))
)]
async fn get_project(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<ProjectAnswer>, ApiError> {
    let project = state.services.foundation.projects.get(&actor, ProjectId(id)).await?;
    Ok(Json(ProjectAnswer { project: project.into() }))
}

/// Changes a project; what is left out stays.
#[operation(
    put, path = "/api/projects/{id}", tag = TAG,
    params(("id" = Uuid, Path, description = "The project's id")),
    request_body = UpdateProjectInput,
    responses((status = 200, description = "The project as it is now.", body = ProjectAnswer))
)]
async fn update_project(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    JsonBody(input): JsonBody<UpdateProjectInput>,
) -> Result<Json<ProjectAnswer>, ApiError> {
    let project = state.services.foundation.projects.update(&actor, ProjectId(id), input.into()).await?;
    Ok(Json(ProjectAnswer { project: project.into() }))
}

/// Deletes a project with its versions and its published site, and cancels its jobs.
#[operation(
    delete, path = "/api/projects/{id}", tag = TAG,
    params(("id" = Uuid, Path, description = "The project's id")),
    responses((status = 200, description = "Deleted.", body = SuccessView))
)]
async fn delete_project(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<SuccessView>, ApiError> {
    state.services.foundation.projects.delete(&actor, ProjectId(id)).await?;
    Ok(Json(SuccessView::DONE))
}

/// Starts a generation: the application is written by a job.
///
/// Takes the price in credits at once and gives it back where the job does not
/// succeed. One generation of a project runs at a time. Follow the job by polling it
/// or by its event stream.
#[operation(
    post, path = "/api/projects/{id}/generate", operation_id = "generate_project", tag = TAG,
    params(("id" = Uuid, Path, description = "The project's id")),
    request_body(content = GenerateInput, description = "May be left out."),
    responses(
        (
            status = 202, description = "Started.", body = GenerationAnswer,
            headers(("Location" = String, description = "The job's address."), ("Retry-After" = u64))
        ),
        (
            status = 403, body = ErrorBody,
            description = "EMAIL_NOT_VERIFIED: the mail address is to be proven first.",
        ),
        (
            status = 409,
            description = "INSUFFICIENT_CREDITS, GENERATION_IN_PROGRESS with the running job's id as details.job_id, or VERSION_LIMIT: as many versions as a project may have, which details.limit tells.",
            body = ErrorBody
        ),
        (
            status = 413, body = ErrorBody,
            description = "CONTEXT_TOO_LONG: it fits in no model. details.needed tells about how many tokens it needs, details.most what a model takes.",
        ),
    )
)]
async fn generate(
    State(state): State<ApiState>,
    Verified(actor): Verified,
    ApiPath(id): ApiPath<Uuid>,
    OptionalJsonBody(input): OptionalJsonBody<GenerateInput>,
) -> Result<Response, ApiError> {
    let job = state.services.builder.generation.start(&actor, ProjectId(id), input.into()).await?;
    Ok(accepted(&job, GenerationAnswer { job: job.clone().into(), project_id: id }))
}
