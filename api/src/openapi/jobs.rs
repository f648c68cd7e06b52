//! What event streams tell. `JobEvents` and `RunEvents` are never sent: each of their fields is the
//! schema of the data of the event of that name.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::{PartialSchema, ToSchema, openapi::Components};

use crate::{
    dto::{
        automation::run::{RunEventView, RunView},
        builder::version::PlannedFileView,
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
    /// A piece of a file that is being written.
    file: JobFileEvent,
    /// What is going to be written.
    plan: JobPlanEvent,
    /// Another model goes on.
    restarted: JobRestartedEvent,
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

/// A piece of a file while it is written. `offset` 0 begins the file anew; otherwise the file so far
/// is cut to `offset` bytes and `text` follows. Pieces are left out where a job tells very much; the
/// version has the whole files.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobFileEvent {
    /// When.
    at: DateTime<Utc>,
    /// The path, as the model wrote it.
    #[schema(example = "src/App.tsx")]
    path: String,
    /// How far the file is.
    #[schema(value_type = sets::FileState)]
    state: String,
    /// Bytes of the file before `text`.
    offset: u64,
    /// Bytes of the file after `text`.
    bytes: u64,
    /// The next text, at most 16 KiB.
    text: String,
}

/// What a generation is going to write.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobPlanEvent {
    /// When.
    at: DateTime<Utc>,
    /// The files.
    files: Vec<PlannedFileView>,
    /// The data, a line for each kind.
    data: Vec<String>,
    /// The screens, a line for each.
    screens: Vec<String>,
}

/// Another model goes on where one failed.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobRestartedEvent {
    /// When.
    at: DateTime<Utc>,
    /// The provider that goes on.
    #[schema(example = "anthropic")]
    provider: String,
    /// Its model.
    model: String,
    /// Files that stay as they are.
    kept_files: Vec<String>,
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
