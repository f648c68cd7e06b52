//! A job's events as server-sent events.

use std::sync::Arc;

use atelier_entities::jobs;
use atelier_foundation::Actor;
use atelier_queue::watch::{EventId, JobUpdate};
use axum::response::{Response, sse::Event};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    dto::jobs::JobView,
    error::ApiError,
    event_stream::{self, Followed, follow, named},
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
    let updates = state.services.queue.watch(job.id, since);
    let followed = FollowedJob { last: Box::new(job), id: since };
    event_stream::answer(state, actor, owner, follow(followed, updates))
}

/// A job that a client follows.
struct FollowedJob {
    last: Box<jobs::Model>,
    id: Option<EventId>,
}

impl Followed for FollowedJob {
    type Update = JobUpdate;

    const NAME: &'static str = "job";

    fn id(&self) -> Uuid {
        self.last.id.0
    }

    fn event_of(&mut self, update: JobUpdate) -> Event {
        match update {
            JobUpdate::Status { id, job } => {
                self.id = Some(id);
                self.last = job;
                named("status", self.id.as_ref(), &JobView::from((*self.last).clone()))
            }
            JobUpdate::Event { id, event } => {
                self.id = Some(id);
                let name = match event.kind.as_str() {
                    own @ ("progress" | "file" | "plan" | "restarted") => own,
                    _ => "log",
                };
                let line = EventLine { at: event.created_at, data: event.data };
                named(name, self.id.as_ref(), &line)
            }
        }
    }

    fn end(&self) -> Option<Event> {
        let has_ended = self.last.state.is_terminal();
        has_ended.then(|| named("end", self.id.as_ref(), &JobView::from((*self.last).clone())))
    }
}

/// A stage, a log line, or what else a job tells.
#[derive(Serialize)]
struct EventLine {
    at: atelier_entities::Timestamp,
    #[serde(flatten)]
    data: serde_json::Value,
}
