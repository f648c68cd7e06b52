use std::collections::BTreeSet;

use atelier_entities::{WorkflowId, workflows};
use atelier_foundation::{Actor, audit};
use atelier_queue::Transaction;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel};
use serde::Serialize;
use serde_json::json;

use super::{
    WorkflowError, Workflows,
    commands::{find, lock},
    rows, workflow_target,
};
use crate::graph::{Fault, FaultCode, Graph, GraphScope, Node, drawing, layout, validate};

/// The draft of a workflow, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The workflow. Its revision is that of the draft.
    pub workflow: workflows::Model,
    /// The nodes and edges.
    pub graph: Graph,
    /// Everything that is wrong with it.
    pub faults: Vec<Fault>,
}

/// Which revision of the draft a request replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whichever it is.
    Any,
    /// One of these.
    OneOf(Vec<i64>),
}

impl Expected {
    /// Refuses a draft at another revision.
    ///
    /// # Errors
    /// If the revision is another one.
    pub(super) fn check(&self, revision: i64) -> Result<(), WorkflowError> {
        match self {
            Self::Any => Ok(()),
            Self::OneOf(known) if known.contains(&revision) => Ok(()),
            Self::OneOf(_) => Err(WorkflowError::RevisionChanged(revision)),
        }
    }
}

/// A draft that is being changed, with its workflow locked.
pub(super) struct Edit {
    pub(super) tx: Transaction,
    pub(super) workflow: workflows::Model,
    pub(super) graph: Graph,
}

impl Workflows {
    /// The draft of a workflow with everything that is wrong with it.
    ///
    /// # Errors
    /// If there is no such workflow.
    pub async fn get_draft(&self, actor: &Actor, id: WorkflowId) -> Result<Draft, WorkflowError> {
        let (workflow, graph) = self.read_draft(actor, id).await?;
        let faults = self.list_faults(self.queue.db(), &workflow, &graph).await?;
        Ok(Draft { workflow, graph, faults })
    }

    /// The workflow with the nodes and edges of its draft.
    ///
    /// # Errors
    /// If there is no such workflow.
    pub async fn read_draft(
        &self,
        actor: &Actor,
        id: WorkflowId,
    ) -> Result<(workflows::Model, Graph), WorkflowError> {
        let user = actor.person()?;
        // A change in between raises the revision after it was read: who replaces the graph is refused.
        let workflow = find(self.queue.db(), user, id).await?;
        let graph = rows::read(self.queue.db(), workflow.draft_id).await?;
        Ok((workflow, graph))
    }

    /// Replaces the draft. What is wrong with it does not keep it from being stored.
    ///
    /// # Errors
    /// If the draft is at another revision, if the request does not say which one it replaces, or if the
    /// graph is too large or has two nodes with one key.
    pub async fn replace_graph(
        &self,
        actor: &Actor,
        id: WorkflowId,
        expected: Option<Expected>,
        graph: Graph,
    ) -> Result<Draft, WorkflowError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        let workflow = lock(&tx, user, id).await?;
        expected.ok_or(WorkflowError::RevisionMissing)?.check(workflow.revision)?;
        ensure_storable(&graph)?;
        rows::clear(&*tx, workflow.draft_id).await?;
        rows::write(&*tx, workflow.draft_id, &graph).await?;
        // As it is read the next time: a body that has nothing in it has no rows.
        let graph = rows::read(&*tx, workflow.draft_id).await?;
        let faults = self.list_faults(&*tx, &workflow, &graph).await?;
        let workflow = finish(tx, actor, workflow, "workflow.replace_graph").await?;
        Ok(Draft { workflow, graph, faults })
    }

    /// The draft as SVG.
    ///
    /// # Errors
    /// If there is no such workflow.
    pub async fn draw(&self, actor: &Actor, id: WorkflowId) -> Result<String, WorkflowError> {
        let (workflow, graph) = self.read_draft(actor, id).await?;
        let layout = self.lay_out(&graph);
        Ok(drawing::draw(&workflow.name, &graph, &layout, &std::collections::BTreeMap::new()))
    }

    /// Where the nodes and edges of a graph are drawn.
    #[must_use]
    pub fn lay_out(&self, graph: &Graph) -> layout::Layout {
        layout::layout(graph, &|node| {
            let kind = self.catalog.find(&node.kind, node.type_version);
            let shape = kind.and_then(|kind| (kind.read)(&node.config).ok());
            shape.map(|shape| shape.outputs.into_iter().map(|port| port.key).collect()).unwrap_or_default()
        })
    }

    /// Begins a change of a part of the draft.
    pub(super) async fn edit(&self, actor: &Actor, id: WorkflowId) -> Result<Edit, WorkflowError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        let workflow = lock(&tx, user, id).await?;
        let graph = rows::read(&*tx, workflow.draft_id).await?;
        Ok(Edit { tx, workflow, graph })
    }
}

impl Edit {
    /// Ends a change whose rows are written.
    pub(super) async fn finish(self, actor: &Actor, action: &str) -> Result<workflows::Model, WorkflowError> {
        finish(self.tx, actor, self.workflow, action).await
    }
}

async fn finish(
    tx: Transaction,
    actor: &Actor,
    workflow: workflows::Model,
    action: &str,
) -> Result<workflows::Model, WorkflowError> {
    let (id, revision) = (workflow.id, workflow.revision + 1);
    let mut row = workflow.into_active_model();
    row.revision = Set(revision);
    row.updated_at = Set(tx.now());
    let workflow = row.update(&*tx).await?;
    audit::record(&tx, actor, action, workflow_target(id), json!({"revision": revision})).await?;
    tx.commit().await?;
    Ok(workflow)
}

/// Refuses what rows cannot hold: more than a graph may have, two nodes with one key, and texts with a NUL.
pub(super) fn ensure_storable(graph: &Graph) -> Result<(), WorkflowError> {
    let mut faults = validate::size_faults(graph);
    if faults.is_empty() {
        let mut keys = BTreeSet::new();
        for GraphScope { graph: scope, .. } in graph.scopes() {
            for node in &scope.nodes {
                if !keys.insert(&node.key) {
                    let message = format!("More than one node has the key {}.", node.key);
                    faults.push(Fault::error(FaultCode::DuplicateKey, message).at_node(&node.key));
                }
                let alone = Node { body: None, ..node.clone() };
                faults.extend(nul_fault(&alone).map(|fault| fault.at_node(&node.key)));
            }
            faults.extend(scope.edges.iter().filter_map(|edge| Some(nul_fault(edge)?.at_edge(edge.id()))));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(WorkflowError::Faulty(faults)) }
}

fn nul_fault(part: &impl Serialize) -> Option<Fault> {
    let has_nul = serde_json::to_value(part).is_ok_and(|value| rows::has_nul(&value));
    has_nul.then(|| Fault::error(FaultCode::Malformed, "A text holds the character NUL."))
}
