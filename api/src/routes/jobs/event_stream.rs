//! A job's events as server-sent events.

use std::sync::Arc;

use atelier_entities::jobs;
use atelier_foundation::Actor;
use atelier_queue::watch::{EventId, JobUpdate};
use axum::response::{Response, sse::Event};
use futures::{Stream, StreamExt, stream};
use serde::Serialize;

use crate::{
    dto::jobs::JobView,
    error::ApiError,
    event_stream::{self, named},
    state::ApiState,
};

/// Streams the events of `job` after `since`, until the job has ended, the server stops, or
/// the person may no longer see the job.
pub(super) fn answer(
    state: &ApiState,
    actor: &Arc<Actor>,
    job: jobs::Model,
    since: Option<EventId>,
) -> Result<Response, ApiError> {
    let owner = job.owner_id;
    event_stream::answer(state, actor, owner, events(state, job, since))
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
                named("status", self.id.as_ref(), &JobView::from((*self.last).clone()))
            }
            JobUpdate::Event { id, event } => {
                self.id = Some(id);
                let name = if event.kind == "progress" { "progress" } else { "log" };
                let line = EventLine { at: event.created_at, data: event.data };
                named(name, self.id.as_ref(), &line)
            }
        }
    }

    fn end(&self) -> Event {
        named("end", self.id.as_ref(), &JobView::from((*self.last).clone()))
    }
}

/// A stage or a log line.
#[derive(Serialize)]
struct EventLine {
    at: atelier_entities::Timestamp,
    #[serde(flatten)]
    data: serde_json::Value,
}
