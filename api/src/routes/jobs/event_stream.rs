//! A job's events as server-sent events, resumable after a broken connection.

mod access;

use std::sync::Arc;
use std::{convert::Infallible, time::Duration};

use atelier_entities::jobs;
use atelier_foundation::Actor;
use atelier_queue::watch::{EventId, JobUpdate};
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::{Stream, StreamExt, stream};
use serde::Serialize;

use crate::{
    dto::jobs::JobView,
    error::ApiError,
    state::{ApiState, MAX_STREAMS_PER_USER},
};

const HEARTBEAT: Duration = Duration::from_secs(15);
/// The pause of clients before they connect again.
const RECONNECT: Duration = Duration::from_secs(2);
/// The longest duration of a stream; clients then connect again, with a token that has not
/// expired.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The last event that the client received: from the header that browsers send, else from
/// the parameter. An id that cannot be parsed means the beginning.
pub(super) fn last_event_id(headers: &HeaderMap, parameter: Option<&str>) -> Option<EventId> {
    headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).or(parameter)?.trim().parse().ok()
}

/// Streams the events of `job` after `since`, until the job has ended, the server stops, or
/// the person may no longer see the job.
pub(super) fn answer(
    state: &ApiState,
    actor: &Arc<Actor>,
    job: jobs::Model,
    since: Option<EventId>,
) -> Result<Response, ApiError> {
    let open = state.streams.open(actor.person()?).ok_or_else(too_many)?;
    let access_ends = access::ends(state, actor.clone(), job.owner_id)?;
    let shutdown = state.shutdown.clone();
    let greeting = stream::once(async { Event::default().comment("the job's events").retry(RECONNECT) });
    let events = greeting
        .chain(events(state, job, since))
        .take_until(tokio::time::sleep(LIFETIME))
        .take_until(async move { shutdown.draining().await })
        .take_until(access_ends)
        .map(move |event| {
            let _counted = &open;
            Ok::<_, Infallible>(event)
        });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

fn too_many() -> ApiError {
    let message = format!("At most {MAX_STREAMS_PER_USER} event streams can be open at once.");
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_STREAMS", message)
        .with_retry_after(RECONNECT.as_secs())
}

/// The updates as events, then `end` with the final job. After an error the stream closes
/// without `end`, so that the client connects again.
fn events(
    state: &ApiState,
    job: jobs::Model,
    since: Option<EventId>,
) -> impl Stream<Item = Event> + Send + 'static {
    let updates = state.services.queue.watch(job.id, since);
    let first = Follower { updates: Box::pin(updates), last: Box::new(job), id: since };
    stream::unfold(Some(first), |follower| async move {
        let mut follower = follower?;
        match follower.updates.next().await {
            Some(Ok(update)) => Some((follower.event_of(update), Some(follower))),
            Some(Err(error)) => {
                tracing::warn!(%error, job = %follower.last.id, "event stream broken off");
                None
            }
            // No `end` where the job was deleted or the server stops.
            None if follower.last.state.is_terminal() => Some((follower.end(), None)),
            None => None,
        }
    })
}

struct Follower<S> {
    updates: S,
    last: Box<jobs::Model>,
    id: Option<EventId>,
}

impl<S> Follower<S> {
    fn event_of(&mut self, update: JobUpdate) -> Event {
        match update {
            JobUpdate::Status { id, job } => {
                self.id = Some(id);
                self.last = job;
                named("status", self.id, &JobView::from((*self.last).clone()))
            }
            JobUpdate::Event { id, event } => {
                self.id = Some(id);
                let name = if event.kind == "progress" { "progress" } else { "log" };
                let line = EventLine { at: event.created_at, data: event.data };
                named(name, self.id, &line)
            }
        }
    }

    fn end(&self) -> Event {
        named("end", self.id, &JobView::from((*self.last).clone()))
    }
}

/// A stage or a log line.
#[derive(Serialize)]
struct EventLine {
    at: atelier_entities::Timestamp,
    #[serde(flatten)]
    data: serde_json::Value,
}

fn named(name: &str, id: Option<EventId>, data: &impl Serialize) -> Event {
    let data = serde_json::to_string(data).unwrap_or_default();
    let event = Event::default().event(name).data(data);
    match id {
        Some(id) => event.id(id.to_string()),
        None => event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_goes_before_the_parameter() {
        let id = |text: Option<EventId>| text.map(|id| id.to_string());
        let mut headers = HeaderMap::new();
        assert_eq!(id(last_event_id(&headers, Some("3-1"))), Some("3-1".to_owned()));
        assert_eq!(id(last_event_id(&headers, Some("nonsense"))), None);

        headers.insert(LAST_EVENT_ID, HeaderValue::from_static("7-4"));
        assert_eq!(id(last_event_id(&headers, Some("3-1"))), Some("7-4".to_owned()));
    }
}
