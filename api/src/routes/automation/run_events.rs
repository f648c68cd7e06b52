//! The events of a run as server-sent events.

use atelier_automation::runs::{RunPosition, RunSummary, RunUpdate};
use atelier_entities::RunId;
use axum::{
    extract::State,
    http::HeaderMap,
    response::{Response, sse::Event},
};
use uuid::Uuid;

use super::RUNS as TAG;
use crate::{
    dto::automation::run::{RunEventView, RunView},
    error::{ApiError, ErrorBody},
    event_stream::{self, EventsQuery, Followed, follow, named},
    extract::{ApiPath, ApiQuery, Authenticated},
    route::{Routes, operation, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new().add(routes!(stream_run_events))
}

/// What happens to a run and its nodes, as server-sent events.
///
/// `snapshot` is the run with its first nodes, where a stream begins at the beginning; `change` the run with
/// nodes that changed, and `end` the run as it ended, after which the stream closes. Each event has an id; a
/// client that was cut off sends the last one as `Last-Event-ID` and misses nothing. Only the newest state of a
/// node is told. A comment comes every 15 seconds. At most 20 streams a person can be open at once.
#[operation(
    get, path = "/api/v1/automation/executions/{id}/events", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The run's id"),
        EventsQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event.")
    ),
    responses(
        (status = 200, description = "The events.", body = String, content_type = "text/event-stream"),
        (status = 429, description = "TOO_MANY_STREAMS: 20 are open at this process.", body = ErrorBody),
    ),
    extensions(("x-sse-events" = json!({
        "snapshot": {"$ref": "#/components/schemas/RunEventView"},
        "change": {"$ref": "#/components/schemas/RunEventView"},
        "end": {"$ref": "#/components/schemas/RunView"}
    })))
)]
async fn stream_run_events(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    ApiQuery(query): ApiQuery<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let runs = &state.services.automation.runs;
    let run = runs.get_summary(&actor, RunId(id)).await?;
    let since = query.last_event(&headers);
    let updates = runs.watch(run.id, since.clone());
    let followed = FollowedRun { last: run, position: since };
    event_stream::answer(&state, &actor, actor.user(), follow(followed, updates))
}

/// A run that a client follows.
struct FollowedRun {
    last: RunSummary,
    position: Option<RunPosition>,
}

impl Followed for FollowedRun {
    type Update = RunUpdate;

    const NAME: &'static str = "run";

    fn id(&self) -> Uuid {
        self.last.id.0
    }

    fn event_of(&mut self, update: RunUpdate) -> Event {
        let name = if self.position.is_none() { "snapshot" } else { "change" };
        self.last = update.run.clone();
        self.position = Some(update.position.clone());
        named(name, self.position.as_ref(), &RunEventView::from(update))
    }

    fn end(&self) -> Option<Event> {
        let has_ended = self.last.status.is_final();
        has_ended.then(|| named("end", self.position.as_ref(), &RunView::from(self.last.clone())))
    }
}
