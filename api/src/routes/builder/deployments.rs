//! Publishing.

use atelier_builder::deployments::Deployments;
use atelier_entities::ProjectId;
use axum::{Json, extract::State, response::Response};
use uuid::Uuid;

use crate::{
    dto::builder::deployment::{
        DeployInput, DeploymentAnswer, DeploymentStatusView, DeploymentView, LogLineView, PlatformView,
    },
    error::{ApiError, ErrorBody},
    extract::{ApiPath, Authenticated, OptionalJsonBody, OwnProject, Verified},
    policy::Limit,
    responses::accepted,
    route::{Routes, operation, route, routes},
    state::ApiState,
};

const TAG: &str = "Deployment";

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(list_platforms))
        .add(route(routes!(deploy)).costs(Limit::Generation).keeps::<(Verified, OwnProject)>())
        .add(routes!(get_deployment_status))
}

/// Where projects can be published, and what each place needs.
#[operation(
    get, path = "/api/deployment/platforms", operation_id = "list_deployment_platforms",
    tag = TAG, security(()),
    responses((status = 200, description = "The platforms.", body = Vec<PlatformView>))
)]
async fn list_platforms() -> Json<Vec<PlatformView>> {
    Json(Deployments::platforms().into_iter().map(PlatformView::from).collect())
}

/// Publishes a version: the work is done by a job.
#[operation(
    post, path = "/api/projects/{id}/deploy", operation_id = "deploy_project", tag = TAG,
    params(("id" = Uuid, Path, description = "The project's id")),
    request_body(content = DeployInput, description = "May be left out."),
    responses(
        (
            status = 202, description = "Started.", body = DeploymentAnswer,
            headers(("Location" = String, description = "The job's address."), ("Retry-After" = u64))
        ),
        (
            status = 403, body = ErrorBody,
            description = "EMAIL_NOT_VERIFIED: the mail address is to be proven first.",
        ),
        (status = 404, body = ErrorBody, description = "VERSION_NOT_FOUND: there is no such version, or none yet."),
        (
            status = 409, body = ErrorBody,
            description = "DEPLOYMENT_IN_PROGRESS with the running job's id as details.job_id, or \
                PLATFORM_UNAVAILABLE: this instance is not set up for it.",
        ),
    )
)]
async fn deploy(
    State(state): State<ApiState>,
    Verified(actor): Verified,
    ApiPath(id): ApiPath<Uuid>,
    OptionalJsonBody(input): OptionalJsonBody<DeployInput>,
) -> Result<Response, ApiError> {
    let deployments = &state.services.builder.deployments;
    let (deployment, job) = deployments.start(&actor, ProjectId(id), input.into()).await?;
    Ok(accepted(&job, DeploymentAnswer { deployment: deployment.into(), job: job.clone().into() }))
}

/// How the project's latest publication stands, with what its job told.
#[operation(
    get, path = "/api/projects/{id}/deployment/status", operation_id = "get_project_deployment", tag = TAG,
    params(("id" = Uuid, Path, description = "The project's id")),
    responses((status = 200, description = "Its status.", body = DeploymentStatusView))
)]
async fn get_deployment_status(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<DeploymentStatusView>, ApiError> {
    let Some((deployment, logs)) = state.services.builder.deployments.status(&actor, ProjectId(id)).await?
    else {
        let nothing =
            DeploymentStatusView { status: "not_deployed", url: None, deployment: None, logs: Vec::new() };
        return Ok(Json(nothing));
    };
    Ok(Json(DeploymentStatusView {
        status: deployment.status.as_str(),
        url: deployment.url.clone(),
        deployment: Some(DeploymentView::from(deployment)),
        logs: logs.into_iter().map(LogLineView::from).collect(),
    }))
}
