//! Workflows, their settings and their versions.

use atelier_automation::{
    engine::{Concurrency, WhenFull},
    workflows::{DEFAULT_TIMEOUT_SECS, NewWorkflow, RunLane, Settings, WorkflowChanges},
};
use atelier_entities::{ProjectId, WorkflowId, workflow_versions, workflows};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    dto::page::pages,
    schema::{IntoParams, ToSchema, free::JsonObject, sets},
};

pages! {
    /// A page of workflows.
    WorkflowPage of WorkflowView;
    /// A page of published versions.
    WorkflowVersionPage of WorkflowVersionView;
}

/// Which workflows are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WorkflowFilterParams {
    /// Only those of this project.
    pub(crate) project: Option<Uuid>,
    /// Only those whose triggers fire, or do not.
    pub(crate) enabled: Option<bool>,
    /// Only those whose names contain this text, in any case.
    #[param(max_length = 120)]
    pub(crate) search: Option<String>,
}

/// A new workflow, or all that is said of one.
#[derive(Deserialize, ToSchema)]
pub(crate) struct WorkflowInput {
    /// 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120, example = "Weekly report")]
    name: String,
    /// At most 5,000 characters.
    #[serde(default)]
    #[schema(max_length = 5000)]
    description: String,
    /// The project that it belongs to; none where it is left out.
    project_id: Option<Uuid>,
    /// Limits and variables; the defaults where they are left out.
    #[schema(value_type = Option<WorkflowSettingsInput>)]
    settings: Option<WorkflowSettingsInput>,
}

impl From<WorkflowInput> for NewWorkflow {
    fn from(input: WorkflowInput) -> Self {
        Self {
            name: input.name,
            description: input.description,
            project: input.project_id.map(ProjectId),
            settings: input.settings.map(Settings::from).unwrap_or_default(),
        }
    }
}

impl From<WorkflowInput> for WorkflowChanges {
    fn from(input: WorkflowInput) -> Self {
        let NewWorkflow { name, description, project, settings } = input.into();
        Self {
            name: Some(name),
            description: Some(description),
            project: Some(project),
            settings: Some(settings),
        }
    }
}

/// What to change of a workflow; what is left out stays.
#[derive(Deserialize, ToSchema)]
pub(crate) struct UpdateWorkflowInput {
    /// 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    /// At most 5,000 characters.
    #[schema(max_length = 5000)]
    description: Option<String>,
    /// The project that it moves to; null takes it out of its project.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Uuid>)]
    project_id: Option<Option<Uuid>>,
    /// All limits and variables.
    settings: Option<WorkflowSettingsInput>,
}

/// Tells a null from a field that was left out.
pub(super) fn present<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

impl From<UpdateWorkflowInput> for WorkflowChanges {
    fn from(input: UpdateWorkflowInput) -> Self {
        Self {
            name: input.name,
            description: input.description,
            project: input.project_id.map(|project| project.map(ProjectId)),
            settings: input.settings.map(Settings::from),
        }
    }
}

/// Limits and variables of a workflow. What is left out is the default. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkflowSettingsInput {
    /// How many runs are under way at once.
    concurrency: Option<WorkflowConcurrencyInput>,
    /// The longest time of a run in seconds, without waiting; a day where it is left out.
    #[schema(minimum = 1, maximum = 2_592_000)]
    timeout_secs: Option<u32>,
    /// How urgent the jobs of its runs are.
    #[schema(value_type = Option<sets::Lane>)]
    lane: Option<RunLane>,
    /// What expressions read as vars, at most 16 KiB as JSON.
    #[schema(value_type = Option<JsonObject>)]
    vars: Option<Map<String, Value>>,
    /// Another workflow of yours, which runs when a run fails.
    error_workflow_id: Option<Uuid>,
}

impl From<WorkflowSettingsInput> for Settings {
    fn from(input: WorkflowSettingsInput) -> Self {
        Self {
            concurrency: input.concurrency.map(Concurrency::from).unwrap_or_default(),
            timeout_secs: input.timeout_secs.unwrap_or(DEFAULT_TIMEOUT_SECS),
            lane: input.lane.unwrap_or_default(),
            vars: input.vars.unwrap_or_default(),
            error_workflow_id: input.error_workflow_id.map(WorkflowId),
        }
    }
}

/// How many runs of a workflow are under way at once.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkflowConcurrencyInput {
    /// The number; no limit where it is left out.
    #[schema(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// What becomes of a run beyond it.
    #[schema(value_type = Option<sets::WhenFull>)]
    when_full: Option<WhenFull>,
    /// Whether a run counts that only waits; true where it is left out.
    count_waiting: Option<bool>,
    /// Most runs that are queued; 100 where it is left out.
    #[schema(maximum = 10_000)]
    max_queued: Option<u32>,
}

impl From<WorkflowConcurrencyInput> for Concurrency {
    fn from(input: WorkflowConcurrencyInput) -> Self {
        let default = Self::default();
        Self {
            limit: input.limit,
            when_full: input.when_full.unwrap_or(default.when_full),
            count_waiting: input.count_waiting.unwrap_or(default.count_waiting),
            max_queued: input.max_queued.unwrap_or(default.max_queued),
        }
    }
}

/// A workflow.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkflowView {
    /// UUIDv7.
    id: Uuid,
    /// The project that it belongs to.
    project_id: Option<Uuid>,
    /// Its name.
    name: String,
    /// What it is for.
    description: String,
    /// Whether its triggers fire.
    enabled: bool,
    /// Limits and variables.
    settings: WorkflowSettingsView,
    /// Counts the changes of its draft.
    revision: i64,
    /// The number of the version that new runs walk; null before the first.
    version: Option<i32>,
    /// The id of that version.
    version_id: Option<Uuid>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it last changed, its draft included.
    updated_at: DateTime<Utc>,
}

impl From<workflows::Model> for WorkflowView {
    fn from(workflow: workflows::Model) -> Self {
        let settings = Settings::known(&workflow);
        Self {
            id: workflow.id.0,
            project_id: workflow.project_id.map(|id| id.0),
            name: workflow.name,
            description: workflow.description,
            enabled: workflow.enabled,
            settings: settings.into(),
            revision: workflow.revision,
            version: workflow.published_id.map(|_| workflow.last_number),
            version_id: workflow.published_id.map(|id| id.0),
            created_at: workflow.created_at,
            updated_at: workflow.updated_at,
        }
    }
}

/// Limits and variables of a workflow.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkflowSettingsView {
    /// How many runs are under way at once.
    concurrency: WorkflowConcurrencyView,
    /// The longest time of a run in seconds, without waiting.
    timeout_secs: u32,
    /// How urgent the jobs of its runs are.
    #[schema(value_type = sets::Lane)]
    lane: &'static str,
    /// What expressions read as vars.
    #[schema(value_type = JsonObject)]
    vars: Map<String, Value>,
    /// The workflow that runs when a run fails.
    error_workflow_id: Option<Uuid>,
}

/// How many runs of a workflow are under way at once.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkflowConcurrencyView {
    /// The number; no limit where it is null.
    limit: Option<u32>,
    /// What becomes of a run beyond it.
    #[schema(value_type = sets::WhenFull)]
    when_full: WhenFull,
    /// Whether a run counts that only waits.
    count_waiting: bool,
    /// Most runs that are queued.
    max_queued: u32,
}

impl From<Settings> for WorkflowSettingsView {
    fn from(settings: Settings) -> Self {
        let Concurrency { limit, when_full, count_waiting, max_queued } = settings.concurrency;
        Self {
            concurrency: WorkflowConcurrencyView { limit, when_full, count_waiting, max_queued },
            timeout_secs: settings.timeout_secs,
            lane: settings.lane.as_str(),
            vars: settings.vars,
            error_workflow_id: settings.error_workflow_id.map(|id| id.0),
        }
    }
}

/// What is said of a version.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct PublishInput {
    /// What is new in it, at most 500 characters.
    #[schema(max_length = 500)]
    pub(crate) note: Option<String>,
}

/// A published version of a workflow. It never changes.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkflowVersionView {
    /// UUIDv7.
    id: Uuid,
    /// 1, 2, 3 … within the workflow.
    number: i32,
    /// What is new in it.
    note: Option<String>,
    /// Who published it.
    created_by: Uuid,
    /// When it was published.
    created_at: DateTime<Utc>,
}

impl From<workflow_versions::Model> for WorkflowVersionView {
    fn from(version: workflow_versions::Model) -> Self {
        Self {
            id: version.id.0,
            number: version.number.unwrap_or_default(),
            note: version.note,
            created_by: version.created_by.0,
            created_at: version.created_at,
        }
    }
}

/// Where an import goes.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportParams {
    /// The project that the workflow is to belong to.
    pub(crate) project: Option<Uuid>,
}

/// A workflow in an export of personal data.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedWorkflowView {
    #[serde(flatten)]
    workflow: WorkflowView,
    /// Where its draft can be read as a document.
    document_url: String,
}

impl From<workflows::Model> for ExportedWorkflowView {
    fn from(workflow: workflows::Model) -> Self {
        let document_url = format!("/api/v1/automation/workflows/{}/export/", workflow.id);
        Self { workflow: workflow.into(), document_url }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_takes_a_workflow_out_of_its_project_and_silence_leaves_it() {
        let read =
            |json: &str| serde_json::from_str::<UpdateWorkflowInput>(json).expect("an input").project_id;

        assert_eq!((read("{}"), read("{\"project_id\": null}")), (None, Some(None)));
    }

    #[test]
    fn unknown_settings_are_refused() {
        let input = "{\"name\": \"a\", \"settings\": {\"colour\": 1}}";

        assert!(serde_json::from_str::<WorkflowInput>(input).is_err());
    }
}
