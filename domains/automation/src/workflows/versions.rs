//! Versions: what a run walks, and what never changes.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use atelier_entities::{
    VersionKind, WorkflowId, WorkflowVersionId, workflow_edges, workflow_nodes, workflow_versions,
};
use hashlink::LruCache;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

use crate::{
    engine::{Plan, PlanError},
    graph::{Edge, Graph, Node, Position},
    nodes::catalog,
};

/// Most versions that a process keeps.
const MAX_CACHED: usize = 256;

/// A version in the form in which a run needs it.
#[derive(Debug)]
pub struct LoadedVersion {
    /// The version.
    pub id: WorkflowVersionId,
    /// Its workflow.
    pub workflow_id: WorkflowId,
    /// Its number, if it was published.
    pub number: Option<i32>,
    /// Its nodes and edges.
    pub graph: Graph,
    /// The same as the engine walks it.
    pub plan: Plan,
}

/// Why a version cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// No run can walk the graph: this process does not know one of its types.
    #[error("the version cannot be run: {0}")]
    Plan(#[from] PlanError),
}

static CACHE: LazyLock<Mutex<LruCache<WorkflowVersionId, Arc<LoadedVersion>>>> =
    LazyLock::new(|| Mutex::new(LruCache::new(MAX_CACHED)));

/// A published version, or the copy of a draft that a run of a test has. It is kept in the process, since it
/// never changes. None if there is none, and for a draft, which is never run.
///
/// # Errors
/// If the database fails, or if this process does not know a type of its nodes.
pub async fn load(
    db: &impl ConnectionTrait,
    id: WorkflowVersionId,
) -> Result<Option<Arc<LoadedVersion>>, LoadError> {
    let cache = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = cache().get(&id) {
        return Ok(Some(found.clone()));
    }
    let row = workflow_versions::Entity::find_by_id(id)
        .filter(workflow_versions::Column::Kind.ne(VersionKind::Draft))
        .one(db)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let graph = read_graph(db, id).await?;
    let plan = Plan::new(&graph, &catalog())?;
    let version =
        Arc::new(LoadedVersion { id, workflow_id: row.workflow_id, number: row.number, graph, plan });
    cache().insert(id, version.clone());
    Ok(Some(version))
}

async fn read_graph(db: &impl ConnectionTrait, id: WorkflowVersionId) -> Result<Graph, DbErr> {
    let nodes = workflow_nodes::Entity::find()
        .filter(workflow_nodes::Column::VersionId.eq(id))
        .order_by_asc(workflow_nodes::Column::Position);
    let nodes = nodes.all(db).await?;
    let edges = workflow_edges::Entity::find()
        .filter(workflow_edges::Column::VersionId.eq(id))
        .order_by_asc(workflow_edges::Column::Position);
    let homes: BTreeMap<String, Option<String>> =
        nodes.iter().map(|row| (row.key.clone(), row.parent.clone())).collect();
    let mut bodies: BTreeMap<Option<String>, Graph> = BTreeMap::new();
    for row in edges.all(db).await? {
        let home = homes.get(&row.from_node).cloned().flatten();
        let edge =
            Edge { from: row.from_node, from_port: row.from_port, to: row.to_node, to_port: row.to_port };
        bodies.entry(home).or_default().edges.push(edge);
    }
    for row in nodes {
        bodies.entry(row.parent.clone()).or_default().nodes.push(node_of(row)?);
    }
    Ok(assemble(None, &mut bodies))
}

/// A graph with the bodies of its loops.
fn assemble(parent: Option<String>, bodies: &mut BTreeMap<Option<String>, Graph>) -> Graph {
    let mut graph = bodies.remove(&parent).unwrap_or_default();
    for node in &mut graph.nodes {
        let key = Some(node.key.clone());
        if bodies.contains_key(&key) {
            node.body = Some(Box::new(assemble(key, bodies)));
        }
    }
    graph
}

fn node_of(row: workflow_nodes::Model) -> Result<Node, DbErr> {
    let unfit = |error: serde_json::Error| DbErr::Json(error.to_string());
    Ok(Node {
        key: row.key,
        kind: row.kind,
        type_version: u32::try_from(row.type_version).unwrap_or_default(),
        name: row.name,
        position: row.x.zip(row.y).map(|(x, y)| Position { x, y }),
        disabled: row.disabled,
        config: serde_json::from_value(row.config).map_err(unfit)?,
        policy: serde_json::from_value(row.policy).map_err(unfit)?,
        body: None,
    })
}
