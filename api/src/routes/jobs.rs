//! Jobs, as their owners see them.

use std::time::Duration;

use atelier_entities::{JobId, JobState, Timestamp, jobs};
use atelier_foundation::Actor;
use atelier_queue::{
    QueueError,
    bus::JobHead,
    inspect::{COUNT_LIMIT, JobFilter},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::accepted;
use crate::{
    app::ApiState,
    dto::job::{AttemptView, JobAnswer, JobQuery, JobView, WhyView},
    error::{ApiError, ErrorBody},
    extract::{ApiPath, ApiQuery, Authenticated, PageParams, Pagination, SeenJob, Verified, is_unchanged},
    idempotency::kept,
};

const TAG: &str = "Jobs";
/// Longest a polling client is told to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_jobs))
        .routes(routes!(get_job))
        .routes(routes!(list_attempts))
        .routes(routes!(get_why))
        .routes(kept::<(Authenticated, SeenJob)>(routes!(cancel_job)))
        .routes(kept::<(Verified, SeenJob)>(routes!(retry_job)))
}

/// The caller's jobs, newest first.
#[utoipa::path(
    get, path = "/api/jobs", tag = TAG, params(JobQuery, PageParams),
    responses((
        status = 200, description = "A page of them.", body = Vec<JobView>,
        headers(
            ("X-Total-Count" = u64, description = "All of them, counted up to 10,000."),
            ("X-Total-Count-Capped" = bool, description = "There may be more."),
            ("Link" = String, description = "Other pages.")
        )
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
#[utoipa::path(
    get, path = "/api/jobs/{id}", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The job's id"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the last answer.")
    ),
    responses(
        (
            status = 200, description = "The job.", body = JobView,
            headers(
                ("ETag" = String, description = "Changes with each revision."),
                ("Retry-After" = u64, description = "Seconds until it is worth asking again.")
            )
        ),
        (status = 304, description = "Nothing has changed."),
    )
)]
async fn get_job(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (queue, id, owner) = (&state.services.queue, JobId(id), actor.job_scope()?);
    if !headers.contains_key(header::IF_NONE_MATCH) {
        let job = queue.find_job(id, owner).await?.ok_or(QueueError::NotFound)?;
        return show(&state, &actor, job).await;
    }
    if let Some(head) = queue.recall_job(id, owner)
        && is_unchanged(&headers, &etag(head.revision))
    {
        return Ok(unchanged(head, queue.now()));
    }
    let job = queue.find_polled_job(id, owner).await?.ok_or(QueueError::NotFound)?;
    if is_unchanged(&headers, &etag(job.revision)) {
        return Ok(unchanged(JobHead::of(&job), queue.now()));
    }
    show(&state, &actor, job).await
}

async fn show(state: &ApiState, actor: &Actor, job: jobs::Model) -> Result<Response, ApiError> {
    let head = JobHead::of(&job);
    let response = if is_waiting(job.state) {
        let why = state.services.why(actor, &job).await?;
        Json(JobView::from(job).with_why(why)).into_response()
    } else {
        Json(JobView::from(job)).into_response()
    };
    Ok(with_hints(response, head, state.services.queue.now()))
}

fn unchanged(head: JobHead, now: Timestamp) -> Response {
    with_hints(StatusCode::NOT_MODIFIED.into_response(), head, now)
}

fn with_hints(mut response: Response, head: JobHead, now: Timestamp) -> Response {
    tell(response.headers_mut(), head, now);
    response
}

/// Tells a polling client what it needs to know.
pub(crate) fn tell(headers: &mut HeaderMap, head: JobHead, now: Timestamp) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(etag) = HeaderValue::try_from(etag(head.revision)) {
        headers.insert(header::ETAG, etag);
    }
    if let Some(seconds) = poll_after(head.state, head.run_at, now) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// Weak: why a job waits may read differently within one revision.
pub(crate) fn etag(revision: i64) -> String {
    format!("W/\"{revision}\"")
}

/// Every attempt of a job, oldest first.
#[utoipa::path(
    get, path = "/api/jobs/{id}/attempts", tag = TAG,
    params(("id" = Uuid, Path, description = "The job's id")),
    responses((status = 200, description = "The attempts.", body = Vec<AttemptView>))
)]
async fn list_attempts(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<Vec<AttemptView>>, ApiError> {
    let job = find(&state, &actor, id).await?;
    let attempts = state.services.queue.list_attempts(&job).await?;
    Ok(Json(attempts.into_iter().map(AttemptView::from).collect()))
}

/// Why a job does not run: a code, a sentence, its place in line.
#[utoipa::path(
    get, path = "/api/jobs/{id}/why", tag = TAG,
    params(("id" = Uuid, Path, description = "The job's id")),
    responses((status = 200, description = "The reason.", body = WhyView))
)]
async fn get_why(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<WhyView>, ApiError> {
    let job = find(&state, &actor, id).await?;
    Ok(Json(state.services.why(&actor, &job).await?.into()))
}

/// Cancels a job: at once where it waits; where it runs, its worker is asked to stop.
#[utoipa::path(
    post, path = "/api/jobs/{id}/cancel", tag = TAG,
    params(("id" = Uuid, Path, description = "The job's id")),
    responses(
        (status = 200, description = "Cancelled.", body = JobAnswer),
        (
            status = 202, description = "Asked to stop; follow the job.", body = JobAnswer,
            headers(("Location" = String, description = "The job's address."))
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
#[utoipa::path(
    post, path = "/api/jobs/{id}/retry", tag = TAG,
    params(("id" = Uuid, Path, description = "The job's id")),
    responses(
        (
            status = 202, description = "It waits to run.", body = JobAnswer,
            headers(("Location" = String, description = "The address of the job that runs."))
        ),
        (status = 409, description = "WRONG_STATE: the job is not one to run again.", body = ErrorBody),
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

/// The job of that id that the caller may see.
pub(crate) async fn find(state: &ApiState, actor: &Actor, id: Uuid) -> Result<jobs::Model, ApiError> {
    let job = state.services.queue.find_job(JobId(id), actor.job_scope()?).await?;
    job.ok_or_else(|| QueueError::NotFound.into())
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
