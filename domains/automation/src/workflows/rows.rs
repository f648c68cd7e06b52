//! Graphs as rows of a version, and back.

use std::collections::BTreeMap;

use atelier_entities::{WorkflowVersionId, workflow_edges, workflow_nodes};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IdenStatic, Iterable, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait, Query},
};
use serde_json::{Map, Value};

use crate::graph::{Edge, Graph, GraphScope, Node, Policy, Position};

/// The graph of a version, in two statements.
pub(crate) async fn read(db: &impl ConnectionTrait, version: WorkflowVersionId) -> Result<Graph, DbErr> {
    let nodes = workflow_nodes::Entity::find()
        .filter(workflow_nodes::Column::VersionId.eq(version))
        .order_by_asc(workflow_nodes::Column::Position)
        .all(db)
        .await?;
    let edges = workflow_edges::Entity::find()
        .filter(workflow_edges::Column::VersionId.eq(version))
        .order_by_asc(workflow_edges::Column::Position)
        .all(db)
        .await?;
    let mut parts = Parts::default();
    for row in nodes {
        parts.nodes.entry(row.parent.clone()).or_default().push(node_of(row)?);
    }
    for row in edges {
        parts.edges.entry(row.parent.clone()).or_default().push(edge_of(row));
    }
    Ok(parts.take(None).unwrap_or_default())
}

/// Writes the graph of a version that has no rows yet, in two statements.
pub(super) async fn write(
    db: &impl ConnectionTrait,
    version: WorkflowVersionId,
    graph: &Graph,
) -> Result<(), DbErr> {
    let (nodes, edges) = rows_of(version, graph, Start::default())?;
    insert_nodes(db, nodes).await?;
    insert_edges(db, edges).await
}

/// Deletes the graph of a version.
pub(super) async fn clear(db: &impl ConnectionTrait, version: WorkflowVersionId) -> Result<(), DbErr> {
    let nodes = workflow_nodes::Entity::delete_many();
    nodes.filter(workflow_nodes::Column::VersionId.eq(version)).exec(db).await?;
    let edges = workflow_edges::Entity::delete_many();
    edges.filter(workflow_edges::Column::VersionId.eq(version)).exec(db).await?;
    Ok(())
}

/// Gives a version without rows the rows of another one. The graph does not leave the database.
pub(super) async fn copy(
    db: &impl ConnectionTrait,
    from: WorkflowVersionId,
    to: WorkflowVersionId,
) -> Result<(), DbErr> {
    copy_table::<workflow_nodes::Entity>(db, from, to).await?;
    copy_table::<workflow_edges::Entity>(db, from, to).await
}

async fn copy_table<E: EntityTrait>(
    db: &impl ConnectionTrait,
    from: WorkflowVersionId,
    to: WorkflowVersionId,
) -> Result<(), DbErr> {
    const VERSION: &str = "version_id";
    let mut rows = Query::select();
    rows.from(E::default()).and_where(Expr::col(VERSION).eq(from));
    for column in E::Column::iter() {
        if column.as_str() == VERSION {
            rows.expr(Expr::value(to));
        } else {
            rows.column(column);
        }
    }
    let mut insert = Query::insert();
    insert.into_table(E::default()).columns(E::Column::iter());
    insert
        .select_from(rows)
        .map_err(|error| DbErr::Query(sea_orm::RuntimeErr::Internal(error.to_string())))?;
    db.execute(&insert).await.map(drop)
}

/// The first free places of nodes and edges of a version, and the loop that they lie in.
#[derive(Clone, Debug, Default)]
pub(super) struct Start {
    pub(super) node: i32,
    pub(super) edge: i32,
    pub(super) parent: Option<String>,
}

type Rows = (Vec<workflow_nodes::ActiveModel>, Vec<workflow_edges::ActiveModel>);

/// The rows of a graph with its bodies, from the outside in.
pub(super) fn rows_of(version: WorkflowVersionId, graph: &Graph, start: Start) -> Result<Rows, DbErr> {
    let (mut nodes, mut edges) = (Vec::new(), Vec::new());
    let (mut node_place, mut edge_place) = (start.node, start.edge);
    for GraphScope { graph, owner, .. } in graph.scopes() {
        let parent = owner.map(str::to_owned).or_else(|| start.parent.clone());
        for node in &graph.nodes {
            nodes.push(node_row(version, node_place, parent.clone(), node)?);
            node_place += 1;
        }
        for edge in &graph.edges {
            edges.push(edge_row(version, edge_place, parent.clone(), edge));
            edge_place += 1;
        }
    }
    Ok((nodes, edges))
}

pub(super) async fn insert_nodes(
    db: &impl ConnectionTrait,
    rows: Vec<workflow_nodes::ActiveModel>,
) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    workflow_nodes::Entity::insert_many(rows).exec_without_returning(db).await.map(drop)
}

pub(super) async fn insert_edges(
    db: &impl ConnectionTrait,
    rows: Vec<workflow_edges::ActiveModel>,
) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    workflow_edges::Entity::insert_many(rows).exec_without_returning(db).await.map(drop)
}

/// Whether a value holds a NUL, which PostgreSQL stores in no text.
pub(super) fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(entries) => entries.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// A policy as its column holds it.
pub(super) fn policy_value(policy: &Policy) -> Result<Value, DbErr> {
    serde_json::to_value(policy).map_err(|error| DbErr::Json(error.to_string()))
}

fn node_row(
    version: WorkflowVersionId,
    place: i32,
    parent: Option<String>,
    node: &Node,
) -> Result<workflow_nodes::ActiveModel, DbErr> {
    Ok(workflow_nodes::ActiveModel {
        version_id: Set(version),
        key: Set(node.key.clone()),
        position: Set(place),
        parent: Set(parent),
        kind: Set(node.kind.clone()),
        type_version: Set(i32::try_from(node.type_version).unwrap_or(i32::MAX)),
        name: Set(node.name.clone()),
        x: Set(node.position.map(|position| position.x)),
        y: Set(node.position.map(|position| position.y)),
        disabled: Set(node.disabled),
        config: Set(Value::Object(node.config.clone())),
        policy: Set(policy_value(&node.policy)?),
    })
}

pub(super) fn edge_row(
    version: WorkflowVersionId,
    place: i32,
    parent: Option<String>,
    edge: &Edge,
) -> workflow_edges::ActiveModel {
    workflow_edges::ActiveModel {
        version_id: Set(version),
        position: Set(place),
        parent: Set(parent),
        from_node: Set(edge.from.clone()),
        from_port: Set(edge.from_port.clone()),
        to_node: Set(edge.to.clone()),
        to_port: Set(edge.to_port.clone()),
    }
}

fn node_of(row: workflow_nodes::Model) -> Result<Node, DbErr> {
    let policy = serde_json::from_value(row.policy).map_err(|error| DbErr::Json(error.to_string()))?;
    Ok(Node {
        key: row.key,
        kind: row.kind,
        type_version: u32::try_from(row.type_version).unwrap_or_default(),
        name: row.name,
        position: row.x.zip(row.y).map(|(x, y)| Position { x, y }),
        disabled: row.disabled,
        config: if let Value::Object(config) = row.config { config } else { Map::new() },
        policy,
        body: None,
    })
}

pub(super) fn edge_of(row: workflow_edges::Model) -> Edge {
    Edge { from: row.from_node, from_port: row.from_port, to: row.to_node, to_port: row.to_port }
}

/// The nodes and edges of each scope, by the key of its loop.
#[derive(Default)]
struct Parts {
    nodes: BTreeMap<Option<String>, Vec<Node>>,
    edges: BTreeMap<Option<String>, Vec<Edge>>,
}

impl Parts {
    /// The graph of a scope with the bodies in it; none where nothing lies in it.
    fn take(&mut self, scope: Option<&str>) -> Option<Graph> {
        let key = scope.map(str::to_owned);
        let (nodes, edges) = (self.nodes.remove(&key), self.edges.remove(&key));
        if nodes.is_none() && edges.is_none() {
            return None;
        }
        let mut graph = Graph { nodes: nodes.unwrap_or_default(), edges: edges.unwrap_or_default() };
        for node in &mut graph.nodes {
            node.body = self.take(Some(&node.key)).map(Box::new);
        }
        Some(graph)
    }
}
