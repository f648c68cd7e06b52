//! A job's events as a stream, resumable after a broken connection.

mod access;

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use atelier_entities::{UserId, jobs};
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
use metrics::gauge;
use serde::Serialize;

use crate::{app::ApiState, dto::job::JobView, error::ApiError, metrics::STREAMS};

const HEARTBEAT: Duration = Duration::from_secs(15);
/// What clients wait before they connect again.
const RECONNECT: Duration = Duration::from_secs(2);
/// Clients connect again after this long, and show a token that has not expired.
const LIFETIME: Duration = Duration::from_secs(30 * 60);
const STREAMS_A_USER: usize = 20;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The streams that are open in this process, by person.
#[derive(Clone, Default)]
pub(crate) struct Streams {
    open: Arc<Mutex<HashMap<UserId, usize>>>,
}

/// One open stream; dropping it closes the count.
struct OpenStream {
    streams: Streams,
    user: UserId,
}

impl Streams {
    fn open(&self, user: UserId) -> Result<OpenStream, ApiError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(user).or_default();
        if *count >= STREAMS_A_USER {
            let message = format!("At most {STREAMS_A_USER} event streams can be open at once.");
            return Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_STREAMS", message)
                .with_retry_after(RECONNECT.as_secs()));
        }
        *count += 1;
        gauge!(STREAMS).increment(1);
        Ok(OpenStream { streams: self.clone(), user })
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        gauge!(STREAMS).decrement(1);
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.user);
            }
        }
    }
}

/// Where the client left off: the header that browsers send, else the parameter.
/// What cannot be read counts as "from the beginning".
pub(crate) fn last_event_id(headers: &HeaderMap, parameter: Option<&str>) -> Option<EventId> {
    headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).or(parameter)?.trim().parse().ok()
}

/// The answer that streams what happens to `job` from `since` on, until it has
/// ended, the server stops, or the person may not see it any more.
pub(crate) fn answer(
    state: &ApiState,
    actor: &Arc<Actor>,
    job: jobs::Model,
    since: Option<EventId>,
) -> Result<Response, ApiError> {
    let open = state.streams.open(actor.person()?)?;
    let access_ends = access::ends(state, actor.clone(), job.owner_id)?;
    let shutdown = state.shutdown.clone();
    let greeting = stream::once(async { Event::default().comment("the job's events").retry(RECONNECT) });
    let events = greeting
        .chain(events(state, job, since))
        .take_until(tokio::time::sleep(LIFETIME))
        .take_until(async move { shutdown.draining().await })
        .take_until(access_ends)
        .map(move |event| {
            let _still_open = &open;
            Ok::<_, Infallible>(event)
        });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

/// The updates as events, then `end` with the job as it ended. After an error the
/// stream breaks off without an `end`, so that the client connects again.
fn events(
    state: &ApiState,
    job: jobs::Model,
    since: Option<EventId>,
) -> impl Stream<Item = Event> + Send + 'static {
    let updates = state.services.queue.watch(job.id, since);
    let first = Following { updates: Box::pin(updates), last: Box::new(job), id: since };
    stream::unfold(Some(first), |following| async move {
        let mut following = following?;
        match following.updates.next().await {
            Some(Ok(update)) => Some((following.note(update), Some(following))),
            Some(Err(error)) => {
                tracing::warn!(%error, job = %following.last.id, "event stream broken off");
                None
            }
            // A job that is gone, or a server that stops, is no end.
            None if following.last.state.is_terminal() => Some((following.end(), None)),
            None => None,
        }
    })
}

struct Following<S> {
    updates: S,
    last: Box<jobs::Model>,
    id: Option<EventId>,
}

impl<S> Following<S> {
    fn note(&mut self, update: JobUpdate) -> Event {
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
    fn a_person_has_a_bounded_number_of_streams() {
        let streams = Streams::default();
        let user = UserId::new();
        let mut held: Vec<_> = (0..STREAMS_A_USER).map(|_| streams.open(user).expect("room")).collect();

        assert!(streams.open(user).is_err());
        assert!(streams.open(UserId::new()).is_ok());
        held.pop();
        assert!(streams.open(user).is_ok());
    }

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
