//! What event streams tell. `JobEvents` and `RunEvents` are never sent: each of their fields is the
//! schema of the data of the event of that name.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::{PartialSchema, ToSchema, openapi::Components};

use crate::{
    dto::{
        automation::run::{RunEventView, RunView},
        jobs::JobView,
    },
    schema::{results::JobResults, sets},
};

/// What a job's event stream tells, by the event's name.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobEvents {
    /// The job, whenever it changes.
    status: JobView,
    /// A stage that it enters.
    progress: JobProgressEvent,
    /// A line of its log.
    log: JobLogEvent,
    /// The job as it ended; the stream closes after it.
    end: JobView,
}

/// A stage that a job enters.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobProgressEvent {
    /// When.
    at: DateTime<Utc>,
    /// 0 to 100.
    #[schema(maximum = 100, example = 40)]
    percent: u8,
    /// Stable name of the stage.
    #[schema(example = "writing")]
    stage: String,
    /// A few words for people.
    #[schema(example = "Writing app.js")]
    message: String,
}

/// A line of a job's log.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobLogEvent {
    /// When.
    at: DateTime<Utc>,
    /// How much it matters.
    #[schema(value_type = sets::LogLevel)]
    level: String,
    /// The line.
    message: String,
    /// In which attempt, from 1.
    attempt: i32,
}

/// What the event stream of a run of a workflow tells, by the event's name.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunEvents {
    /// The run with its first nodes, where a stream begins at the beginning.
    snapshot: RunEventView,
    /// The run with nodes that changed.
    change: RunEventView,
    /// The run as it ended; the stream closes after it.
    end: RunView,
}

/// Adds what no operation refers to by itself.
pub(super) fn add(components: &mut Components) {
    let mut schemas = Vec::new();
    JobEvents::schemas(&mut schemas);
    schemas.push((JobEvents::name().into_owned(), JobEvents::schema()));
    RunEvents::schemas(&mut schemas);
    schemas.push((RunEvents::name().into_owned(), RunEvents::schema()));
    schemas.push((JobResults::name().into_owned(), JobResults::schema()));
    components.schemas.extend(schemas);
}
