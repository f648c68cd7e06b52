//! Administration of the platform.

mod accounts;
mod credentials;
mod limits;
mod logs;
mod mails;
mod platform;
mod providers;
mod scaling;
mod steering;
#[cfg(test)]
mod tests;

use atelier_entities::UserId;
use atelier_queue::{
    QueueName,
    inspect::{COUNT_LIMIT, JobFilter},
};
use axum::{Json, extract::State, response::Response};

use crate::{
    dto::{
        admin::{AdminJobQuery, AdminJobView, ServedQueueView, WorkerView, filter_queue},
        jobs::parse_state,
    },
    error::ApiError,
    extract::{Admin, ApiQuery, PageParams, Pagination},
    route::{Routes, operation, routes},
    state::ApiState,
};

const TAG: &str = "Administration";

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(list_queues))
        .add(routes!(list_workers))
        .add(routes!(list_all_jobs))
        .merge(limits::routes())
        .merge(mails::routes())
        .merge(steering::routes())
        .merge(scaling::routes())
        .merge(accounts::routes())
        .merge(logs::routes())
        .merge(platform::routes())
        .merge(providers::routes())
        .merge(credentials::routes())
        .admins_only()
}

/// How each queue stands, what limits it, and who serves it.
#[operation(
    get, path = "/api/admin/queues", tag = TAG,
    responses((status = 200, description = "The queues.", body = Vec<ServedQueueView>))
)]
async fn list_queues(
    State(state): State<ApiState>,
    _: Admin,
) -> Result<Json<Vec<ServedQueueView>>, ApiError> {
    let queue = &state.services.queue;
    let (overviews, capacities) = (queue.queue_overview().await?, queue.list_capacity().await?);
    let queues = overviews.into_iter().zip(&capacities);
    Ok(Json(queues.map(|(queue, capacity)| ServedQueueView::new(queue, capacity)).collect()))
}

/// The worker processes.
#[operation(
    get, path = "/api/admin/workers", tag = TAG,
    responses((status = 200, description = "The workers.", body = Vec<WorkerView>))
)]
async fn list_workers(State(state): State<ApiState>, _: Admin) -> Result<Json<Vec<WorkerView>>, ApiError> {
    let workers = state.services.queue.list_workers().await?;
    Ok(Json(workers.into_iter().map(WorkerView::from).collect()))
}

/// Everybody's jobs, newest first.
#[operation(
    get, path = "/api/admin/jobs", tag = TAG, params(AdminJobQuery, PageParams),
    responses((
        status = 200, description = "A page of them.", body = Vec<AdminJobView>
    ))
)]
async fn list_all_jobs(
    State(state): State<ApiState>,
    _: Admin,
    ApiQuery(query): ApiQuery<AdminJobQuery>,
    pagination: Pagination,
) -> Result<Response, ApiError> {
    let filter = JobFilter {
        owner: query.owner.map(UserId),
        state: parse_state(query.status.as_deref())?,
        queue: query.queue.as_deref().map(filter_queue).transpose()?,
        kind: query.kind,
        subject: query.project,
        error_code: query.error_code,
        created_from: query.created_from,
        created_before: query.created_before,
        ..JobFilter::default()
    };
    let (jobs, total) = state.services.list_all_jobs(filter, pagination.page()).await?;
    let views: Vec<AdminJobView> = jobs.into_iter().map(AdminJobView::from).collect();
    Ok(pagination.answer_capped(&views, total, COUNT_LIMIT))
}

fn parse_queue(queue: &str) -> Result<QueueName, ApiError> {
    QueueName::parse(queue).ok_or_else(|| ApiError::not_found("queue"))
}
