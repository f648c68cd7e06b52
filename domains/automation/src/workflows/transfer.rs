use atelier_entities::{ProjectId, UserId, WorkflowId, users, workflows};
use atelier_foundation::{Actor, audit};
use sea_orm::{DbErr, EntityTrait};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    MAX_TIMEOUT_SECS, NewWorkflow, Settings, WorkflowError, Workflows, checks::installation_fields,
    commands::create_in, draft::ensure_storable, rows, workflow_target,
};
use crate::{
    graph::{Fault, FaultCode, Graph, pointer_of},
    import::n8n::{self, ImportReport},
};

/// Names the format of a document and its version.
pub const SCHEMA: &str = "https://atelier.dev/schemas/workflow-1.json";

/// A workflow as a document that any installation reads: it has no id of this one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "$schema")]
    schema: String,
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    settings: Settings,
    #[serde(default)]
    graph: Graph,
}

/// A workflow that was imported.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The workflow. It is disabled.
    pub workflow: workflows::Model,
    /// Everything that is wrong with its draft.
    pub faults: Vec<Fault>,
    /// What became of the parts of a document of another program; empty for one of ours.
    pub report: ImportReport,
}

impl Workflows {
    /// The draft and the settings of a workflow as a document. The same draft always gives the same bytes. What
    /// names something of this installation is empty: the error workflow, called workflows, projects.
    ///
    /// # Errors
    /// If there is no such workflow.
    pub async fn export(&self, actor: &Actor, id: WorkflowId) -> Result<String, WorkflowError> {
        let (workflow, mut graph) = self.read_draft(actor, id).await?;
        forget_installation(&mut graph);
        let settings = Settings { error_workflow_id: None, ..Settings::of(&workflow)? };
        let document = Document {
            schema: SCHEMA.to_owned(),
            name: workflow.name,
            description: workflow.description,
            settings,
            graph,
        };
        let text = serde_json::to_string_pretty(&document);
        Ok(text.map_err(|error| DbErr::Json(error.to_string()))? + "\n")
    }

    /// Creates a disabled workflow from a document of ours or of n8n. What is wrong with its graph does not keep
    /// it from being stored, and is listed.
    ///
    /// # Errors
    /// If the document has another format, if its graph is too large or has two nodes with one key, if a field
    /// is not valid, or if there are as many workflows as there may be.
    pub async fn import(
        &self,
        actor: &Actor,
        document: Value,
        project: Option<ProjectId>,
    ) -> Result<Imported, WorkflowError> {
        let user = actor.person()?;
        let (document, report) = if n8n::is_document(&document) {
            let owner = self.verified_addresses(user).await?;
            let draft = n8n::import(&document, &owner)?;
            (Document::of(draft.name, draft.description, draft.timeout_secs, draft.graph), draft.report)
        } else {
            (read(document)?, ImportReport::default())
        };
        ensure_storable(&document.graph)?;
        let tx = self.queue.begin().await?;
        let input = NewWorkflow {
            name: document.name,
            description: document.description,
            project,
            settings: document.settings,
        };
        let workflow = create_in(&tx, user, input).await?;
        rows::write(&*tx, workflow.draft_id, &document.graph).await?;
        let faults = self.list_faults(&*tx, &workflow, &document.graph).await?;
        let context = json!({"faults": faults.len()});
        audit::record(&tx, actor, "workflow.import", workflow_target(workflow.id), context).await?;
        tx.commit().await?;
        Ok(Imported { workflow, faults, report })
    }

    /// The verified address of a person, if there is one.
    async fn verified_addresses(&self, user: UserId) -> Result<Vec<String>, DbErr> {
        let found = users::Entity::find_by_id(user).one(self.queue.db()).await?;
        let verified = found.filter(|user| user.email_verified_at.is_some());
        Ok(verified.map(|user| user.email).into_iter().collect())
    }
}

impl Document {
    fn of(name: String, description: String, timeout_secs: Option<u32>, graph: Graph) -> Self {
        let settings = Settings::default();
        let timeout_secs = timeout_secs.map_or(settings.timeout_secs, |secs| secs.min(MAX_TIMEOUT_SECS));
        Self {
            schema: SCHEMA.to_owned(),
            name,
            description,
            settings: Settings { timeout_secs, ..settings },
            graph,
        }
    }
}

fn read(document: Value) -> Result<Document, Box<Fault>> {
    let malformed = |message: String, pointer: String| {
        Box::new(Fault::error(FaultCode::Malformed, message).at_pointer(pointer))
    };
    match document.get("$schema") {
        Some(Value::String(schema)) if schema == SCHEMA => {}
        _ => return Err(malformed(format!("The format must be {SCHEMA}."), "/$schema".to_owned())),
    }
    let read: Result<Document, _> = serde_path_to_error::deserialize(document);
    let read = read.map_err(|error| malformed(error.inner().to_string(), pointer_of(error.path())))?;
    if read.settings.error_workflow_id.is_some() {
        let message = "A document has no ids of workflows.".to_owned();
        return Err(malformed(message, "/settings/error_workflow_id".to_owned()));
    }
    Ok(read)
}

/// Empties what names something of this installation. Expressions stay.
fn forget_installation(graph: &mut Graph) {
    for node in &mut graph.nodes {
        for (_, field) in installation_fields().filter(|(kind, _)| *kind == node.kind) {
            if let Some(Value::String(text)) = node.config.get_mut(field)
                && !text.contains("{{")
            {
                text.clear();
            }
        }
        if let Some(body) = node.body.as_deref_mut() {
            forget_installation(body);
        }
    }
}
