use atelier_entities::{WorkflowId, workflow_edges, workflow_nodes};
use atelier_foundation::{Actor, FieldErrors};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait,
    QueryFilter, QuerySelect,
};
use serde_json::{Map, Value};

use super::{
    WorkflowError, Workflows,
    draft::{Edit, ensure_storable},
    rows::{self, Start},
};
use crate::graph::{Catalog, Fault, FaultCode, Graph, GraphScope, Node, Policy, Position, validate};

/// A node that is added to a draft.
#[derive(Clone, Debug, PartialEq)]
pub struct NewNode {
    /// The key of the loop whose body it joins, if it joins one.
    pub parent: Option<String>,
    /// The node, with its body if it is a loop.
    pub node: Node,
}

/// A node of a draft, without its body, and where it lies.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeAt {
    /// The key of the loop whose body it lies in.
    pub parent: Option<String>,
    /// The node.
    pub node: Node,
}

/// The changes of a node. A field that is none stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeChanges {
    /// Another version of its type.
    pub type_version: Option<u32>,
    /// Its name, or none for the key.
    pub name: Option<Option<String>>,
    /// Where it is drawn, or none to have a place found.
    pub position: Option<Option<Position>>,
    /// Whether it is disabled.
    pub disabled: Option<bool>,
    /// All that its type is told.
    pub config: Option<Map<String, Value>>,
    /// All of how it treats failures, times and joins.
    pub policy: Option<Policy>,
}

impl Workflows {
    /// The nodes of a draft, from the outside in.
    ///
    /// # Errors
    /// If there is no such workflow.
    pub async fn list_nodes(&self, actor: &Actor, id: WorkflowId) -> Result<Vec<NodeAt>, WorkflowError> {
        let (_, graph) = self.read_draft(actor, id).await?;
        let nodes = graph.scopes().into_iter().flat_map(|GraphScope { graph, owner, .. }| {
            let at = move |node: &Node| NodeAt { parent: owner.map(str::to_owned), node: without_body(node) };
            graph.nodes.iter().map(at)
        });
        Ok(nodes.collect())
    }

    /// Adds a node to a draft.
    ///
    /// # Errors
    /// If its key or type is not valid, if the key is taken, if the parent takes no node, or if the draft has
    /// as many nodes as it may.
    pub async fn create_node(
        &self,
        actor: &Actor,
        id: WorkflowId,
        new: NewNode,
    ) -> Result<NodeAt, WorkflowError> {
        let mut edit = self.edit(actor, id).await?;
        let NewNode { parent, node } = new;
        place(&mut edit.graph, parent.as_deref(), node.clone(), &self.catalog)?;
        ensure_storable(&edit.graph)?;
        self.ensure_known(&edit.graph, &node)?;
        let version = edit.workflow.draft_id;
        let start = first_free(&*edit.tx, &edit, parent.clone()).await?;
        let alone = Graph { nodes: vec![node.clone()], edges: Vec::new() };
        let (nodes, edges) = rows::rows_of(version, &alone, start)?;
        rows::insert_nodes(&*edit.tx, nodes).await?;
        rows::insert_edges(&*edit.tx, edges).await?;
        edit.finish(actor, "workflow.create_node").await?;
        Ok(NodeAt { parent, node: without_body(&node) })
    }

    /// Changes a node of a draft.
    ///
    /// # Errors
    /// If there is no such node, if its type has no such version, or if the draft becomes too large.
    pub async fn update_node(
        &self,
        actor: &Actor,
        id: WorkflowId,
        key: &str,
        changes: NodeChanges,
    ) -> Result<NodeAt, WorkflowError> {
        let mut edit = self.edit(actor, id).await?;
        let (parent, node) =
            find_node(&mut edit.graph, None, key).ok_or_else(|| WorkflowError::NoNode(key.to_owned()))?;
        apply(node, changes);
        let node = node.clone();
        ensure_storable(&edit.graph)?;
        self.ensure_known(&edit.graph, &node)?;
        let row = workflow_nodes::ActiveModel {
            version_id: Set(edit.workflow.draft_id),
            key: Set(node.key.clone()),
            type_version: Set(i32::try_from(node.type_version).unwrap_or(i32::MAX)),
            name: Set(node.name.clone()),
            x: Set(node.position.map(|position| position.x)),
            y: Set(node.position.map(|position| position.y)),
            disabled: Set(node.disabled),
            config: Set(Value::Object(node.config.clone())),
            policy: Set(rows::policy_value(&node.policy)?),
            ..Default::default()
        };
        row.update(&*edit.tx).await?;
        edit.finish(actor, "workflow.update_node").await?;
        Ok(NodeAt { parent, node: without_body(&node) })
    }

    /// Deletes a node of a draft with its body, and the edges at them.
    ///
    /// # Errors
    /// If there is no such node.
    pub async fn delete_node(&self, actor: &Actor, id: WorkflowId, key: &str) -> Result<(), WorkflowError> {
        let mut edit = self.edit(actor, id).await?;
        let (_, node) =
            find_node(&mut edit.graph, None, key).ok_or_else(|| WorkflowError::NoNode(key.to_owned()))?;
        let gone = keys_of(node);
        let version = edit.workflow.draft_id;
        workflow_nodes::Entity::delete_many()
            .filter(workflow_nodes::Column::VersionId.eq(version))
            .filter(workflow_nodes::Column::Key.is_in(gone.clone()))
            .exec(&*edit.tx)
            .await?;
        let at_them = Condition::any()
            .add(workflow_edges::Column::FromNode.is_in(gone.clone()))
            .add(workflow_edges::Column::ToNode.is_in(gone.clone()))
            .add(workflow_edges::Column::Parent.is_in(gone));
        workflow_edges::Entity::delete_many()
            .filter(workflow_edges::Column::VersionId.eq(version))
            .filter(at_them)
            .exec(&*edit.tx)
            .await?;
        edit.finish(actor, "workflow.delete_node").await?;
        Ok(())
    }

    /// Refuses a node, or one in its body, whose key or type is not valid.
    fn ensure_known(&self, graph: &Graph, node: &Node) -> Result<(), WorkflowError> {
        use FaultCode::{BadKey, TypeVersionUnsupported, UnknownType};
        let keys = keys_of(node);
        let mut faults = validate(graph, &self.catalog);
        faults.retain(|fault| {
            matches!(fault.code, BadKey | TypeVersionUnsupported | UnknownType)
                && fault.node.as_ref().is_some_and(|key| keys.contains(key))
        });
        if faults.is_empty() { Ok(()) } else { Err(WorkflowError::Faulty(faults)) }
    }
}

fn apply(node: &mut Node, changes: NodeChanges) {
    let NodeChanges { type_version, name, position, disabled, config, policy } = changes;
    node.type_version = type_version.unwrap_or(node.type_version);
    node.disabled = disabled.unwrap_or(node.disabled);
    if let Some(name) = name {
        node.name = name;
    }
    if let Some(position) = position {
        node.position = position;
    }
    if let Some(config) = config {
        node.config = config;
    }
    if let Some(policy) = policy {
        node.policy = policy;
    }
}

/// Puts a node into its scope.
fn place(
    graph: &mut Graph,
    parent: Option<&str>,
    node: Node,
    catalog: &Catalog,
) -> Result<(), WorkflowError> {
    let Some(parent) = parent else {
        graph.nodes.push(node);
        return Ok(());
    };
    let (_, owner) = find_node(graph, None, parent)
        .ok_or_else(|| FieldErrors::of("parent", "is no node of this draft"))?;
    let shape =
        catalog.find(&owner.kind, owner.type_version).and_then(|kind| (kind.read)(&owner.config).ok());
    if shape.is_some_and(|shape| !shape.behaviour.has_body()) {
        let message = format!("{parent} is no loop, but has a body.");
        let fault = Fault::error(FaultCode::BodyNotAllowed, message).at_node(parent).at_pointer("/body");
        return Err(WorkflowError::Faulty(vec![fault]));
    }
    owner.body.get_or_insert_default().nodes.push(node);
    Ok(())
}

/// The node of a key, with the key of the loop that it lies in.
fn find_node<'a>(
    graph: &'a mut Graph,
    parent: Option<String>,
    key: &str,
) -> Option<(Option<String>, &'a mut Node)> {
    for node in &mut graph.nodes {
        if node.key == key {
            return Some((parent, node));
        }
        let inner = Some(node.key.clone());
        if let Some(body) = node.body.as_deref_mut()
            && let Some(found) = find_node(body, inner, key)
        {
            return Some(found);
        }
    }
    None
}

/// The keys of a node and of those in its body.
fn keys_of(node: &Node) -> Vec<String> {
    let inner = node.body.iter().flat_map(|body| body.all_nodes());
    std::iter::once(node).chain(inner).map(|node| node.key.clone()).collect()
}

fn without_body(node: &Node) -> Node {
    Node { body: None, ..node.clone() }
}

/// The first places of a draft that no node and no edge has.
pub(super) async fn first_free(
    db: &impl ConnectionTrait,
    edit: &Edit,
    parent: Option<String>,
) -> Result<Start, DbErr> {
    let version = edit.workflow.draft_id;
    let node: Option<Option<i32>> = workflow_nodes::Entity::find()
        .select_only()
        .column_as(workflow_nodes::Column::Position.max(), "place")
        .filter(workflow_nodes::Column::VersionId.eq(version))
        .into_tuple()
        .one(db)
        .await?;
    let edge: Option<Option<i32>> = workflow_edges::Entity::find()
        .select_only()
        .column_as(workflow_edges::Column::Position.max(), "place")
        .filter(workflow_edges::Column::VersionId.eq(version))
        .into_tuple()
        .one(db)
        .await?;
    let after = |last: Option<Option<i32>>| last.flatten().map_or(0, |last| last.saturating_add(1));
    Ok(Start { node: after(node), edge: after(edge), parent })
}
