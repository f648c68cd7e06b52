//! How versions came to be: plans, changes, messages, differences and single files.

use atelier_builder::{generation::ProjectMessage, versions::FileDiff};
use atelier_entities::{GenerationMode, ProjectStack, project_files, project_messages, project_versions};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use super::project::VersionView;
use crate::schema::{ToSchema, sets};

/// A version with how it came to be.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersionDetailView {
    #[serde(flatten)]
    version: VersionView,
    /// What it is written with; null for an old version.
    #[schema(value_type = Option<sets::ProjectStack>)]
    stack: Option<ProjectStack>,
    /// The plan after which it was written; null without one.
    plan: Option<PlanView>,
    /// What is worth knowing of it and keeps it from nothing.
    notes: Vec<NoteView>,
    /// The files that it changed.
    changes: ChangesView,
    /// What its requests to model servers cost, in millionths of the currency of the prices; null
    /// without requests.
    cost_micros: Option<i64>,
    /// Number of the version whose files it has again; null if it was written.
    restored_from: Option<i32>,
}

impl From<project_versions::Model> for VersionDetailView {
    fn from(mut row: project_versions::Model) -> Self {
        Self {
            stack: row.stack,
            plan: row.plan.take().and_then(|plan| serde_json::from_value(plan).ok()),
            notes: stored(row.notes.take()),
            changes: stored(row.changes.take()),
            cost_micros: row.cost_micros,
            restored_from: row.restored_from,
            version: row.into(),
        }
    }
}

/// What a column holds; the default where it holds nothing or something else.
fn stored<T: DeserializeOwned + Default>(value: Option<Value>) -> T {
    value.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
}

/// What a generation is going to write.
#[derive(Deserialize, Serialize, ToSchema)]
pub(crate) struct PlanView {
    /// The files.
    files: Vec<PlannedFileView>,
    /// The data, a line for each kind.
    data: Vec<String>,
    /// The screens, a line for each.
    screens: Vec<String>,
}

/// A file of a plan.
#[derive(Deserialize, Serialize, ToSchema)]
pub(crate) struct PlannedFileView {
    /// The path.
    #[schema(example = "src/App.tsx")]
    path: String,
    /// What it is for.
    purpose: String,
}

/// Something worth knowing of a version.
#[derive(Deserialize, Serialize, ToSchema)]
pub(crate) struct NoteView {
    /// The file; null if it is about the whole.
    path: Option<String>,
    /// The line, from 1; null if it is about the file.
    line: Option<u32>,
    /// For programs.
    #[schema(value_type = sets::GeneratedFaultCode)]
    code: String,
    /// For people.
    message: String,
    /// What to do instead, and the lines around; null if there is nothing to say.
    hint: Option<String>,
}

/// The files by which a version differs from the one that was current before it.
#[derive(Default, Deserialize, Serialize, ToSchema)]
pub(crate) struct ChangesView {
    /// Files that were not there.
    added: Vec<String>,
    /// Files with another content.
    changed: Vec<String>,
    /// Files that are no longer there.
    removed: Vec<String>,
}

/// A message of a person, and what it changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProjectMessageView {
    /// UUIDv7.
    id: Uuid,
    /// The generation that it started.
    job_id: Uuid,
    /// How thoroughly.
    #[schema(value_type = sets::GenerationMode)]
    mode: GenerationMode,
    /// What the person wrote; the project's description where the application was written anew.
    text: String,
    /// Number of the version that it led to; null while the job runs and where it failed.
    version: Option<i32>,
    /// What the model says of it; null without a version.
    answer: Option<String>,
    /// The files that it changed; null without a version.
    changes: Option<ChangesView>,
    /// Why there is no version; null while the job runs and where it succeeded.
    failure: Option<String>,
    /// When it was sent.
    created_at: DateTime<Utc>,
}

impl From<ProjectMessage> for ProjectMessageView {
    fn from(ProjectMessage { message, version }: ProjectMessage) -> Self {
        let (number, answer, changes) = version.map_or((None, None, None), |version| {
            (Some(version.number), Some(version.summary), Some(stored(version.changes)))
        });
        Self { version: number, answer, changes, ..Self::from(message) }
    }
}

impl From<project_messages::Model> for ProjectMessageView {
    fn from(row: project_messages::Model) -> Self {
        Self {
            id: row.id.0,
            job_id: row.job_id.0,
            mode: row.mode,
            text: row.text,
            version: None,
            answer: None,
            changes: None,
            failure: row.failure,
            created_at: row.created_at,
        }
    }
}

/// A message as it is exported.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedMessageView {
    /// The project.
    project_id: Uuid,
    /// The generation that it started.
    job_id: Uuid,
    /// What the person wrote.
    text: String,
    /// Why there is no version; null otherwise.
    failure: Option<String>,
    /// When it was sent.
    created_at: DateTime<Utc>,
}

impl From<project_messages::Model> for ExportedMessageView {
    fn from(row: project_messages::Model) -> Self {
        let project_messages::Model { project_id, job_id, text, failure, created_at, .. } = row;
        Self { project_id: project_id.0, job_id: job_id.0, text, failure, created_at }
    }
}

/// What differs between two versions.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersionDiffView {
    /// Number of the earlier version.
    from: i32,
    /// Number of the later version.
    to: i32,
    /// The files that differ, by path.
    files: Vec<FileDiffView>,
}

impl VersionDiffView {
    /// The differences between versions of these numbers.
    pub(crate) fn of(from: i32, to: i32, diffs: Vec<FileDiff>) -> Self {
        Self { from, to, files: diffs.into_iter().map(FileDiffView::from).collect() }
    }
}

/// What differs in one file.
#[derive(Serialize, ToSchema)]
pub(crate) struct FileDiffView {
    /// The path.
    path: String,
    /// What became of it.
    #[schema(value_type = sets::FileChange)]
    change: &'static str,
    /// Lines that only the later version has.
    added_lines: usize,
    /// Lines that only the earlier version has.
    removed_lines: usize,
    /// The difference in the unified format; null if it is too large.
    diff: Option<String>,
}

impl From<FileDiff> for FileDiffView {
    fn from(diff: FileDiff) -> Self {
        let FileDiff { path, change, added_lines, removed_lines, diff } = diff;
        Self { path, change, added_lines, removed_lines, diff }
    }
}

/// One file of a version.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersionFileView {
    /// The path.
    path: String,
    /// Its language by its path.
    #[schema(example = "javascript")]
    language: String,
    /// The text.
    content: String,
    /// Bytes.
    bytes: usize,
}

impl From<project_files::Model> for VersionFileView {
    fn from(row: project_files::Model) -> Self {
        let bytes = row.content.len();
        Self { path: row.path, language: row.language, content: row.content, bytes }
    }
}
