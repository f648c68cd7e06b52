//! A job's events.

use axum::{extract::State, http::HeaderMap, response::Response};
use uuid::Uuid;

use super::event_stream;
use crate::{
    error::{ApiError, ErrorBody},
    event_stream::EventsQuery,
    extract::{ApiPath, ApiQuery, Authenticated, get_job},
    route::{Routes, operation, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new().add(routes!(stream_events))
}

/// What happens to a job, as server-sent events.
///
/// `status` is the job whenever it changes, `progress` a stage it enters, `log` a
/// line of its log, and `end` the job as it ended, after which the stream closes. A
/// generation tells `plan`, what it is going to write; `file`, a piece of a file while it
/// is written; and `restarted`, that another model goes on and which files stay. Each
/// event has an id; a client that was cut off sends the last one as `Last-Event-ID`
/// and misses nothing. A comment comes every 15 seconds. At most 20 streams a person
/// can be open at once.
#[operation(
    get, path = "/api/jobs/{id}/events", operation_id = "stream_job_events", tag = "Jobs",
    params(
        ("id" = Uuid, Path, description = "The job's id"),
        EventsQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event.")
    ),
    responses(
        (status = 200, description = "The events.", body = String, content_type = "text/event-stream"),
        (status = 429, description = "TOO_MANY_STREAMS: 20 are open at this process.", body = ErrorBody),
    ),
    extensions(("x-sse-events" = json!({
        "status": {"$ref": "#/components/schemas/JobView"},
        "progress": {"$ref": "#/components/schemas/JobProgressEvent"},
        "log": {"$ref": "#/components/schemas/JobLogEvent"},
        "file": {"$ref": "#/components/schemas/JobFileEvent"},
        "plan": {"$ref": "#/components/schemas/JobPlanEvent"},
        "restarted": {"$ref": "#/components/schemas/JobRestartedEvent"},
        "end": {"$ref": "#/components/schemas/JobView"}
    })))
)]
async fn stream_events(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    ApiQuery(query): ApiQuery<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let job = get_job(&state, &actor, id).await?;
    event_stream::answer(&state, &actor, job, query.last_event(&headers))
}
