//! Versions as graphs and plans. A published version and a copy for a test never change, so that they are
//! kept in memory.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use atelier_entities::{
    UserId, VersionKind, WorkflowId, WorkflowVersionId, workflow_edges, workflow_nodes, workflow_versions,
    workflows,
};
use atelier_queue::Transaction;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

use crate::{
    engine::{Plan, PlanError},
    graph::{Edge, Fault, Graph, Node, Position, Severity, validate},
    nodes::catalog,
};

/// Most versions that a process keeps. The largest has 1 MiB as JSON, nearly all a few KiB.
const KEPT: usize = 256;

/// A version that can be run.
#[derive(Clone, Debug)]
pub struct LoadedVersion {
    /// The version.
    pub id: WorkflowVersionId,
    /// Its workflow.
    pub workflow_id: WorkflowId,
    /// Its number, where it is published.
    pub number: Option<i32>,
    /// Its graph.
    pub graph: Graph,
    /// How a run walks it.
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

/// A published version, or the copy of a draft for a test. None if there is none, and for a draft, which
/// changes.
///
/// # Errors
/// If the database fails, or if this process does not know a type of its nodes.
pub async fn load(
    db: &impl ConnectionTrait,
    id: WorkflowVersionId,
) -> Result<Option<Arc<LoadedVersion>>, LoadError> {
    if let Some(kept) = KEPT_VERSIONS.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
        return Ok(Some(kept));
    }
    let Some(row) = workflow_versions::Entity::find_by_id(id).one(db).await? else { return Ok(None) };
    if row.kind == VersionKind::Draft {
        return Ok(None);
    }
    let graph = load_graph(db, id).await?;
    let plan = Plan::new(&graph, &catalog())?;
    let loaded =
        Arc::new(LoadedVersion { id, workflow_id: row.workflow_id, number: row.number, graph, plan });
    KEPT_VERSIONS.lock().unwrap_or_else(PoisonError::into_inner).insert(loaded.clone());
    Ok(Some(loaded))
}

/// Copies the draft of a locked workflow to a version for a test, unless its graph has errors: then all of
/// its faults.
///
/// # Errors
/// If the database fails.
pub(crate) async fn create_test(
    tx: &Transaction,
    user: UserId,
    workflow: &workflows::Model,
) -> Result<Result<WorkflowVersionId, Vec<Fault>>, DbErr> {
    let graph = load_graph(&**tx, workflow.draft_id).await?;
    let faults = validate(&graph, &catalog());
    if faults.iter().any(|fault| fault.severity == Severity::Error) {
        return Ok(Err(faults));
    }
    let id = WorkflowVersionId::new();
    let row = workflow_versions::ActiveModel {
        id: Set(id),
        workflow_id: Set(workflow.id),
        kind: Set(VersionKind::Test),
        number: Set(None),
        note: Set(None),
        created_by: Set(user),
        created_at: Set(tx.now()),
    };
    workflow_versions::Entity::insert(row).exec_without_returning(&**tx).await?;
    for (table, columns) in [
        ("workflow_nodes", "key, position, parent, type, type_version, name, x, y, disabled, config, policy"),
        ("workflow_edges", "position, from_node, from_port, to_node, to_port"),
    ] {
        let mut sql = atelier_queue::Sql::new(tx.get_database_backend());
        sql.push("INSERT INTO ").push(table).push(" (version_id, ").push(columns).push(") SELECT ");
        // PostgreSQL takes a parameter without a column for a text.
        sql.push("CAST(").bind(id).push(if sql_is_postgres(tx) { " AS uuid), " } else { " AS blob), " });
        sql.push(columns).push(" FROM ").push(table).push(" WHERE version_id = ").bind(workflow.draft_id);
        tx.execute_raw(sql.build()).await?;
    }
    Ok(Ok(id))
}

fn sql_is_postgres(tx: &Transaction) -> bool {
    tx.get_database_backend() == sea_orm::DatabaseBackend::Postgres
}

async fn load_graph(db: &impl ConnectionTrait, id: WorkflowVersionId) -> Result<Graph, DbErr> {
    let nodes = workflow_nodes::Entity::find()
        .filter(workflow_nodes::Column::VersionId.eq(id))
        .order_by_asc(workflow_nodes::Column::Position);
    let edges = workflow_edges::Entity::find()
        .filter(workflow_edges::Column::VersionId.eq(id))
        .order_by_asc(workflow_edges::Column::Position);
    Ok(graph_of(nodes.all(db).await?, edges.all(db).await?))
}

fn graph_of(nodes: Vec<workflow_nodes::Model>, edges: Vec<workflow_edges::Model>) -> Graph {
    let homes: HashMap<String, Option<String>> =
        nodes.iter().map(|row| (row.key.clone(), row.parent.clone())).collect();
    let mut bodies: BTreeMap<Option<String>, Graph> = BTreeMap::new();
    for row in nodes {
        let parent = row.parent.clone();
        bodies.entry(parent).or_default().nodes.push(node_of(row));
    }
    for row in edges {
        let home = homes.get(&row.from_node).cloned().unwrap_or_default();
        let edge =
            Edge { from: row.from_node, from_port: row.from_port, to: row.to_node, to_port: row.to_port };
        bodies.entry(home).or_default().edges.push(edge);
    }
    assemble(None, &mut bodies)
}

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

fn node_of(row: workflow_nodes::Model) -> Node {
    Node {
        key: row.key,
        kind: row.kind,
        type_version: u32::try_from(row.type_version).unwrap_or_default(),
        name: row.name,
        position: row.x.zip(row.y).map(|(x, y)| Position { x, y }),
        disabled: row.disabled,
        config: serde_json::from_value(row.config).unwrap_or_default(),
        policy: serde_json::from_value(row.policy).unwrap_or_default(),
        body: None,
    }
}

static KEPT_VERSIONS: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

/// Versions by their last use.
#[derive(Default)]
struct Kept {
    clock: u64,
    versions: HashMap<WorkflowVersionId, (u64, Arc<LoadedVersion>)>,
}

impl Kept {
    fn get(&mut self, id: WorkflowVersionId) -> Option<Arc<LoadedVersion>> {
        self.clock += 1;
        let (used, version) = self.versions.get_mut(&id)?;
        *used = self.clock;
        Some(version.clone())
    }

    fn insert(&mut self, version: Arc<LoadedVersion>) {
        self.clock += 1;
        if self.versions.len() >= KEPT {
            let oldest = self.versions.iter().min_by_key(|(_, (used, _))| *used).map(|(id, _)| *id);
            oldest.map(|id| self.versions.remove(&id));
        }
        self.versions.insert(version.id, (self.clock, version));
    }
}
