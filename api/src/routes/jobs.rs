//! Jobs, as their owners see them.

mod event_stream;
mod events;

use std::time::Duration;

use atelier_entities::{JobId, JobState, Timestamp};
use atelier_foundation::Actor;
use atelier_queue::{
    QueueError,
    bus::JobSummary,
    inspect::{COUNT_LIMIT, JobFilter, JobStatus},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use crate::{
    dto::jobs::{AttemptView, JobAnswer, JobQuery, JobView, WhyView},
    error::{ApiError, ErrorBody},
    extract::{
        self, ApiPath, ApiQuery, Authenticated, PageParams, Pagination, Verified, VisibleJob, if_none_match,
    },
    policy::Limit,
    responses::accepted,
    route::{Routes, operation, route, routes},
    state::ApiState,
};

const TAG: &str = "Jobs";
/// The longest pause between polls.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(list_jobs))
        .add(routes!(get_job))
        .add(routes!(list_attempts))
        .add(routes!(get_why))
        .add(route(routes!(cancel_job)).keeps::<(Authenticated, VisibleJob)>())
        .add(route(routes!(retry_job)).costs(Limit::Generation).keeps::<(Verified, VisibleJob)>())
        .merge(events::routes())
}

/// The caller's jobs, newest first.
#[operation(
    get, path = "/api/jobs", tag = TAG, params(JobQuery, PageParams),
    responses((
        status = 200, description = "A page of them.", body = Vec<JobView>
    ))
)]
async fn list_jobs(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiQuery(query): ApiQuery<JobQuery>,
    pagination: Pagination,
) -> Result<Response, ApiError> {
    let filter = JobFilter {
        owner: actor.user(),
        state: query.state()?,
        kind: query.kind,
        subject: query.project,
        ..JobFilter::default()
    };
    let (jobs, total) = state.services.queue.list_jobs(&filter, pagination.page()).await?;
    let views: Vec<JobView> = jobs.into_iter().map(JobView::from).collect();
    Ok(pagination.answer_capped(&views, total, COUNT_LIMIT))
}

/// One job: its status, progress, result or error.
///
/// Made for polling: `ETag` with `If-None-Match` saves the body, `Retry-After` says
/// when to ask again and is absent once the job has ended.
#[operation(
    get, path = "/api/jobs/{id}", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The job's id"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the last answer.")
    ),
    responses(
        (
            status = 200, description = "The job.", body = JobView,
            headers(
                ("ETag" = String),
                ("Retry-After" = u64, description = "Seconds until it is worth asking again.")
            )
        ),
        (status = 304, description = "Nothing has changed.", headers(("ETag" = String), ("Retry-After" = u64))),
    )
)]
async fn get_job(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (queue, id) = (&state.services.queue, JobId(id));
    if !headers.contains_key(header::IF_NONE_MATCH) {
        let job = queue.find_status(id, actor.job_scope()?).await?.ok_or(QueueError::NotFound)?;
        state.services.ensure_visible(&actor, job.owner_id).await?;
        return show(&state, &actor, job).await;
    }
    if let Some(head) = queue.find_cached_job(id, Some(actor.person()?))
        && if_none_match(&headers, &etag(head.revision))
    {
        return Ok(not_modified(head, queue.now()));
    }
    let job = queue.find_polled_status(id, actor.job_scope()?).await?.ok_or(QueueError::NotFound)?;
    state.services.ensure_visible(&actor, job.owner_id).await?;
    if if_none_match(&headers, &etag(job.revision)) {
        return Ok(not_modified(job.summary(), queue.now()));
    }
    show(&state, &actor, job).await
}

async fn show(state: &ApiState, actor: &Actor, mut status: JobStatus) -> Result<Response, ApiError> {
    let mut why = None;
    if is_waiting(status.state) {
        // Why it waits is told of the whole row.
        let job = extract::get_job(state, actor, status.id.0).await?;
        if is_waiting(job.state) {
            why = Some(state.services.why(actor, &job).await?);
        }
        status = job.into();
    }
    let head = status.summary();
    let view = JobView::from(status).with_why(why);
    Ok(with_poll_headers(Json(view).into_response(), head, state.services.queue.now()))
}

fn not_modified(head: JobSummary, now: Timestamp) -> Response {
    with_poll_headers(StatusCode::NOT_MODIFIED.into_response(), head, now)
}

fn with_poll_headers(mut response: Response, head: JobSummary, now: Timestamp) -> Response {
    add_poll_headers(response.headers_mut(), head, now);
    response
}

/// Adds the headers that a polling client needs: `ETag` and `Retry-After`.
pub(crate) fn add_poll_headers(headers: &mut HeaderMap, head: JobSummary, now: Timestamp) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(etag) = HeaderValue::try_from(etag(head.revision)) {
        headers.insert(header::ETAG, etag);
    }
    if let Some(seconds) = poll_after(head.state, head.run_at, now) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// Weak: the reason why a job waits may change within one revision.
pub(crate) fn etag(revision: i64) -> String {
    format!("W/\"{revision}\"")
}

/// Every attempt of a job, oldest first.
#[operation(
    get, path = "/api/jobs/{id}/attempts", operation_id = "list_job_attempts", tag = TAG,
    params(("id" = Uuid, Path, description = "The job's id")),
    responses((status = 200, description = "The attempts.", body = Vec<AttemptView>))
)]
async fn list_attempts(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<Vec<AttemptView>>, ApiError> {
    let job = extract::get_job(&state, &actor, id).await?;
    let attempts = state.services.queue.list_attempts(&job).await?;
    Ok(Json(attempts.into_iter().map(AttemptView::from).collect()))
}

/// Why a job does not run: a code, a sentence, its place in line.
#[operation(
    get, path = "/api/jobs/{id}/why", operation_id = "get_job_why", tag = TAG,
    params(("id" = Uuid, Path, description = "The job's id")),
    responses((status = 200, description = "The reason.", body = WhyView))
)]
async fn get_why(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<WhyView>, ApiError> {
    let job = extract::get_job(&state, &actor, id).await?;
    Ok(Json(state.services.why(&actor, &job).await?.into()))
}

/// Cancels a job: at once where it waits; where it runs, its worker is asked to stop.
#[operation(
    post, path = "/api/jobs/{id}/cancel", tag = TAG,
    params(("id" = Uuid, Path, description = "The job's id")),
    responses(
        (status = 200, description = "Cancelled.", body = JobAnswer),
        (
            status = 202, description = "Asked to stop; follow the job.", body = JobAnswer,
            headers(("Location" = String, description = "The job's address."), ("Retry-After" = u64))
        ),
        (status = 409, description = "WRONG_STATE: the job has ended.", body = ErrorBody),
    )
)]
async fn cancel_job(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    let job = state.services.cancel_job(&actor, JobId(id)).await?;
    let answer = JobAnswer { job: job.clone().into() };
    Ok(if job.state.is_terminal() { Json(answer).into_response() } else { accepted(&job, answer) })
}

/// Runs a failed or cancelled job again.
///
/// A generation was refunded when it ended; it is started anew, as another job that
/// is charged anew. A deployment becomes another job and another deployment too.
#[operation(
    post, path = "/api/jobs/{id}/retry", tag = TAG,
    params(("id" = Uuid, Path, description = "The job's id")),
    responses(
        (
            status = 202, description = "It waits to run.", body = JobAnswer,
            headers(
                ("Location" = String, description = "The address of the job that runs."),
                ("Retry-After" = u64)
            )
        ),
        (
            status = 403, body = ErrorBody,
            description = "EMAIL_NOT_VERIFIED: the mail address is to be proven first.",
        ),
        (status = 404, description = "VERSION_NOT_FOUND: the version of a deployment is gone.", body = ErrorBody),
        (
            status = 409, body = ErrorBody,
            description = "WRONG_STATE: the job is not one to run again. Of a generation \
                GENERATION_IN_PROGRESS, INSUFFICIENT_CREDITS or VERSION_LIMIT, of a deployment \
                DEPLOYMENT_IN_PROGRESS or PLATFORM_UNAVAILABLE, as where each is started.",
        ),
        (
            status = 413, body = ErrorBody,
            description = "CONTEXT_TOO_LONG: a generation that fits in no model, as where it is started.",
        ),
    )
)]
async fn retry_job(
    State(state): State<ApiState>,
    Verified(actor): Verified,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    let job = state.services.retry_job(&actor, JobId(id)).await?;
    Ok(accepted(&job, JobAnswer { job: job.clone().into() }))
}

fn is_waiting(state: JobState) -> bool {
    matches!(state, JobState::Scheduled | JobState::Available | JobState::Retrying)
}

/// Seconds until it is worth asking again; none once the job has ended.
fn poll_after(state: JobState, run_at: Timestamp, now: Timestamp) -> Option<u64> {
    let due_later = matches!(state, JobState::Scheduled | JobState::Retrying);
    if state.is_terminal() {
        return None;
    }
    let wait = if due_later { (run_at - now).to_std().unwrap_or_default() } else { Duration::ZERO };
    Some(wait.min(LONGEST_WAIT).as_secs().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_a_running_job_every_second_and_a_delayed_one_when_it_is_due() {
        let now = Timestamp::from_timestamp(1_000, 0).expect("a time");
        for (state, seconds_ahead, expected) in [
            (JobState::Running, 0, Some(1)),
            (JobState::Available, 0, Some(1)),
            (JobState::Retrying, 20, Some(20)),
            (JobState::Scheduled, 86_400, Some(60)),
            (JobState::Scheduled, -5, Some(1)),
            (JobState::Succeeded, 0, None),
            (JobState::Discarded, 0, None),
        ] {
            let run_at = now + chrono::TimeDelta::seconds(seconds_ahead);
            assert_eq!(poll_after(state, run_at, now), expected, "{state}");
        }
    }
}
