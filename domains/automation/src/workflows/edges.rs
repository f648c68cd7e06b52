use std::collections::BTreeMap;

use atelier_entities::{WorkflowId, workflow_edges};
use atelier_foundation::Actor;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{WorkflowError, Workflows, draft::ensure_storable, nodes::first_free, rows};
use crate::graph::{Catalog, Edge, Fault, FaultCode, Graph, GraphScope, validate};

/// An edge of a draft and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeAt {
    /// The key of the loop whose body it lies in.
    pub parent: Option<String>,
    /// The edge.
    pub edge: Edge,
}

impl Workflows {
    /// The edges of a draft, from the outside in.
    ///
    /// # Errors
    /// If there is no such workflow.
    pub async fn list_edges(&self, actor: &Actor, id: WorkflowId) -> Result<Vec<EdgeAt>, WorkflowError> {
        let (_, graph) = self.read_draft(actor, id).await?;
        let edges = graph.scopes().into_iter().flat_map(|GraphScope { graph, owner, .. }| {
            let at = move |edge: &Edge| EdgeAt { parent: owner.map(str::to_owned), edge: edge.clone() };
            graph.edges.iter().map(at)
        });
        Ok(edges.collect())
    }

    /// Adds an edge to a draft.
    ///
    /// # Errors
    /// If it is there already, if a node or port does not exist, if the nodes do not lie in one scope, if the
    /// edges would lead in a circle, or if the draft has as many edges as it may.
    pub async fn create_edge(
        &self,
        actor: &Actor,
        id: WorkflowId,
        edge: Edge,
    ) -> Result<EdgeAt, WorkflowError> {
        let mut edit = self.edit(actor, id).await?;
        let parent = add(&mut edit.graph, &edge, &self.catalog).map_err(WorkflowError::Faulty)?;
        ensure_storable(&edit.graph)?;
        let start = first_free(&*edit.tx, &edit, parent.clone()).await?;
        let row = rows::edge_row(edit.workflow.draft_id, start.edge, parent.clone(), &edge);
        rows::insert_edges(&*edit.tx, vec![row]).await?;
        edit.finish(actor, "workflow.create_edge").await?;
        Ok(EdgeAt { parent, edge })
    }

    /// Deletes an edge of a draft by its id, such as `check.true>send.in`.
    ///
    /// # Errors
    /// If there is no such edge.
    pub async fn delete_edge(&self, actor: &Actor, id: WorkflowId, edge: &str) -> Result<(), WorkflowError> {
        let edit = self.edit(actor, id).await?;
        let mut known = edit.graph.scopes().into_iter().flat_map(|scope| &scope.graph.edges);
        let found = known.find(|known| known.id() == edge).cloned();
        let found = found.ok_or_else(|| WorkflowError::NoEdge(edge.to_owned()))?;
        workflow_edges::Entity::delete_many()
            .filter(workflow_edges::Column::VersionId.eq(edit.workflow.draft_id))
            .filter(workflow_edges::Column::FromNode.eq(found.from))
            .filter(workflow_edges::Column::FromPort.eq(found.from_port))
            .filter(workflow_edges::Column::ToNode.eq(found.to))
            .filter(workflow_edges::Column::ToPort.eq(found.to_port))
            .exec(&*edit.tx)
            .await?;
        edit.finish(actor, "workflow.delete_edge").await?;
        Ok(())
    }
}

/// Adds an edge to the scope of its ends, and gives the key of the loop that this is the body of; or what is
/// wrong with it.
fn add(graph: &mut Graph, edge: &Edge, catalog: &Catalog) -> Result<Option<String>, Vec<Fault>> {
    let scopes = graph.scopes();
    let home = |key: &str| {
        let is_there = |scope: &&GraphScope<'_>| scope.graph.nodes.iter().any(|node| node.key == key);
        scopes.iter().find(is_there).map(|scope| scope.owner)
    };
    let (from, to) = (home(&edge.from), home(&edge.to));
    let missing: Vec<_> = [(from, &edge.from), (to, &edge.to)]
        .into_iter()
        .filter(|(home, _)| home.is_none())
        .map(|(_, key)| {
            let fault = Fault::error(FaultCode::DanglingEdge, format!("There is no node {key}."));
            fault.at_node(key).at_edge(edge.id())
        })
        .collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    if from != to {
        let message = format!("{} and {} do not lie in the same loop.", edge.from, edge.to);
        return Err(vec![Fault::error(FaultCode::LoopBodyEscapes, message).at_edge(edge.id())]);
    }
    let parent = from.flatten().map(str::to_owned);
    let scope = scope_mut(graph, parent.as_deref()).ok_or_else(Vec::new)?;
    let circle = find_path(scope, &edge.to, &edge.from);
    scope.edges.push(edge.clone());
    let mut faults = validate(graph, catalog);
    faults.retain(|fault| is_of_edge(fault, edge));
    if let Some(path) = circle {
        let message = format!("The edges lead in a circle: {} > {}.", edge.from, path.join(" > "));
        faults.push(Fault::error(FaultCode::Cycle, message).at_node(&edge.from).at_edge(edge.id()));
    }
    if faults.is_empty() { Ok(parent) } else { Err(faults) }
}

/// Whether a fault is there because of an edge, and no other change could mend it.
fn is_of_edge(fault: &Fault, edge: &Edge) -> bool {
    use FaultCode::{DuplicateEdge, PortArity, TriggerHasInput, UnknownPort};
    let at_edge = fault.edge.as_deref() == Some(&*edge.id());
    let at_end = fault.node.as_deref() == Some(&*edge.to);
    match fault.code {
        DuplicateEdge | UnknownPort => at_edge,
        PortArity | TriggerHasInput => at_end,
        _ => false,
    }
}

fn scope_mut<'a>(graph: &'a mut Graph, owner: Option<&str>) -> Option<&'a mut Graph> {
    let Some(owner) = owner else { return Some(graph) };
    for node in &mut graph.nodes {
        let is_owner = node.key == owner;
        if let Some(body) = node.body.as_deref_mut() {
            if is_owner {
                return Some(body);
            }
            if let Some(found) = scope_mut(body, Some(owner)) {
                return Some(found);
            }
        }
    }
    None
}

/// The keys on a way from a node to another one along the edges of a scope, both included.
fn find_path(scope: &Graph, from: &str, to: &str) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = vec![from];
    while let Some(key) = open.pop() {
        if key == to {
            let before = |key: &&str| came_from.get(key).copied().filter(|_| *key != from);
            let mut path: Vec<_> = std::iter::successors(Some(key), before).map(str::to_owned).collect();
            path.reverse();
            return Some(path);
        }
        for edge in scope.edges.iter().filter(|edge| edge.from == key) {
            if edge.to != from && !came_from.contains_key(edge.to.as_str()) {
                came_from.insert(&edge.to, &edge.from);
                open.push(&edge.to);
            }
        }
    }
    None
}
