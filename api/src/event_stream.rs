//! Server-sent events, resumable after a broken connection.

mod access;
mod follow;

use std::{convert::Infallible, fmt::Display, str::FromStr, sync::Arc, time::Duration};

use atelier_entities::UserId;
use atelier_foundation::Actor;
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::{
    error::ApiError,
    schema::IntoParams,
    state::{ApiState, MAX_STREAMS_PER_USER},
};

pub(crate) use follow::{Followed, follow};

const HEARTBEAT: Duration = Duration::from_secs(15);
/// The pause of clients before they connect again.
const RECONNECT: Duration = Duration::from_secs(2);
/// The longest duration of a stream; clients then connect again, with a token that has not
/// expired.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Where the client left off.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// The id of the last event, for clients that cannot send the header.
    #[param(example = "7-4")]
    last_event_id: Option<String>,
}

impl EventsQuery {
    /// The last event that the client received: from the header that browsers send, else from
    /// the parameter. An id that cannot be parsed means the beginning.
    pub(crate) fn last_event<T: FromStr>(&self, headers: &HeaderMap) -> Option<T> {
        let header = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
        header.or(self.last_event_id.as_deref())?.trim().parse().ok()
    }
}

/// Streams events about something of `owner` until they end, the server stops, or the person may no longer see
/// it.
pub(crate) fn answer(
    state: &ApiState,
    actor: &Arc<Actor>,
    owner: Option<UserId>,
    events: impl Stream<Item = Event> + Send + 'static,
) -> Result<Response, ApiError> {
    let open = state.streams.open(actor.person()?).ok_or_else(too_many)?;
    let access_ends = access::ends(state, actor.clone(), owner)?;
    let shutdown = state.shutdown.clone();
    let greeting = stream::once(async { Event::default().comment("the events").retry(RECONNECT) });
    let events = greeting
        .chain(events)
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

/// An event of that name, with the position of its client after it.
pub(crate) fn named(name: &str, id: Option<&impl Display>, data: &impl Serialize) -> Event {
    let data = serde_json::to_string(data).unwrap_or_default();
    let event = Event::default().event(name).data(data);
    match id {
        Some(id) => event.id(id.to_string()),
        None => event,
    }
}

#[cfg(test)]
mod tests {
    use atelier_queue::watch::EventId;

    use super::*;

    #[test]
    fn the_header_goes_before_the_parameter() {
        let last = |headers: &HeaderMap, parameter: &str| {
            let query = EventsQuery { last_event_id: Some(parameter.to_owned()) };
            query.last_event::<EventId>(headers).map(|id| id.to_string())
        };
        let mut headers = HeaderMap::new();
        assert_eq!(last(&headers, "3-1"), Some("3-1".to_owned()));
        assert_eq!(last(&headers, "nonsense"), None);

        headers.insert(LAST_EVENT_ID, HeaderValue::from_static("7-4"));
        assert_eq!(last(&headers, "3-1"), Some("7-4".to_owned()));
    }
}
