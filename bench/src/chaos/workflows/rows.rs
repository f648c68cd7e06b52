//! What the rows of workflows say at the end.

use std::collections::HashMap;

use atelier_entities::{
    JobId, JobState, NodeState, RunId, RunStatus, Timestamp, WorkflowId, WorkflowScheduleId,
    WorkflowVersionId,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, FromQueryResult};
use serde_json::Value;

use crate::chaos::tables::statement;

/// A run.
#[derive(Clone, Debug, FromQueryResult)]
pub(in crate::chaos) struct Run {
    pub(in crate::chaos) id: RunId,
    pub(in crate::chaos) workflow_id: WorkflowId,
    pub(in crate::chaos) version_id: WorkflowVersionId,
    pub(in crate::chaos) parent_id: Option<RunId>,
    pub(in crate::chaos) parent_attempt: Option<String>,
    pub(in crate::chaos) schedule_id: Option<WorkflowScheduleId>,
    pub(in crate::chaos) status: RunStatus,
    pub(in crate::chaos) generation: i32,
    pub(in crate::chaos) failure: Option<Value>,
    pub(in crate::chaos) input: Option<Value>,
    pub(in crate::chaos) started_at: Option<Timestamp>,
    pub(in crate::chaos) finished_at: Option<Timestamp>,
}

/// A node of a run.
#[derive(Clone, Debug, FromQueryResult)]
pub(in crate::chaos) struct Node {
    pub(in crate::chaos) run_id: RunId,
    pub(in crate::chaos) scope: String,
    pub(in crate::chaos) node: String,
    pub(in crate::chaos) state: NodeState,
    pub(in crate::chaos) generation: i32,
    pub(in crate::chaos) round: i32,
    pub(in crate::chaos) attempt: i32,
    pub(in crate::chaos) output: Option<Value>,
}

/// A decided edge of a run.
#[derive(Clone, Debug, FromQueryResult)]
pub(in crate::chaos) struct Edge {
    pub(in crate::chaos) run_id: RunId,
    pub(in crate::chaos) scope: String,
    pub(in crate::chaos) edge: String,
    pub(in crate::chaos) taken: bool,
    pub(in crate::chaos) late: bool,
}

/// An item of a loop.
#[derive(Clone, Debug, FromQueryResult)]
pub(in crate::chaos) struct Item {
    pub(in crate::chaos) run_id: RunId,
    pub(in crate::chaos) scope: String,
    pub(in crate::chaos) loop_node: String,
}

/// A failed attempt of a node.
#[derive(Clone, Debug, FromQueryResult)]
pub(in crate::chaos) struct Attempt {
    pub(in crate::chaos) run_id: RunId,
    pub(in crate::chaos) scope: String,
    pub(in crate::chaos) node: String,
    pub(in crate::chaos) generation: i32,
    pub(in crate::chaos) round: i32,
    pub(in crate::chaos) attempt: i32,
}

/// A state of a node, as a trigger recorded it: new to the node, or written after its end.
#[derive(Clone, Debug, FromQueryResult)]
pub(in crate::chaos) struct End {
    pub(in crate::chaos) run_id: RunId,
    pub(in crate::chaos) scope: String,
    pub(in crate::chaos) node: String,
    pub(in crate::chaos) generation: i32,
    pub(in crate::chaos) round: i32,
    pub(in crate::chaos) was: Option<NodeState>,
    pub(in crate::chaos) state: NodeState,
    /// How often the run had been retried.
    pub(in crate::chaos) run_generation: i32,
}

/// A job of a run.
#[derive(Clone, Debug, FromQueryResult)]
pub(in crate::chaos) struct NodeJob {
    pub(in crate::chaos) id: JobId,
    pub(in crate::chaos) kind: String,
    pub(in crate::chaos) state: JobState,
    pub(in crate::chaos) unique_key: Option<String>,
    pub(in crate::chaos) result: Option<Value>,
}

/// A node of a version.
#[derive(Clone, Debug, FromQueryResult)]
pub(in crate::chaos) struct GraphNode {
    pub(in crate::chaos) version_id: WorkflowVersionId,
    pub(in crate::chaos) key: String,
    /// The key of the loop whose body it lies in.
    pub(in crate::chaos) parent: Option<String>,
    pub(in crate::chaos) policy: Value,
}

/// An edge of a version.
#[derive(Clone, Debug, FromQueryResult)]
pub(in crate::chaos) struct GraphEdge {
    pub(in crate::chaos) version_id: WorkflowVersionId,
    pub(in crate::chaos) parent: Option<String>,
    pub(in crate::chaos) from_node: String,
    pub(in crate::chaos) from_port: String,
    pub(in crate::chaos) to_node: String,
    pub(in crate::chaos) to_port: String,
}

impl GraphEdge {
    /// The name by which runs know it.
    pub(in crate::chaos) fn name(&self) -> String {
        let Self { from_node, from_port, to_node, to_port, .. } = self;
        format!("{from_node}.{from_port}>{to_node}.{to_port}")
    }
}

/// Everything that the checks read.
#[derive(Clone, Debug, Default)]
pub(in crate::chaos) struct Rows {
    pub(in crate::chaos) runs: HashMap<RunId, Run>,
    pub(in crate::chaos) nodes: Vec<Node>,
    pub(in crate::chaos) edges: Vec<Edge>,
    pub(in crate::chaos) items: Vec<Item>,
    pub(in crate::chaos) attempts: Vec<Attempt>,
    pub(in crate::chaos) states: Vec<End>,
    /// Edges that changed after they had been decided, with their runs.
    pub(in crate::chaos) changed_edges: Vec<String>,
    pub(in crate::chaos) jobs: Vec<NodeJob>,
    pub(in crate::chaos) graph_nodes: Vec<GraphNode>,
    pub(in crate::chaos) graph_edges: Vec<GraphEdge>,
}

impl Rows {
    /// Reads them from the product's database.
    pub(in crate::chaos) async fn read(product: &DatabaseConnection) -> Result<Self, DbErr> {
        let runs: Vec<Run> = all(
            product,
            "SELECT id, workflow_id, version_id, parent_id, parent_attempt, schedule_id, status, generation, failure, input, started_at, finished_at FROM workflow_runs",
        )
        .await?;
        let changed = "SELECT run_id, scope, edge FROM chaos_edge_changes";
        let changed = product.query_all_raw(statement(product, changed, [])).await?;
        let changed_edges = changed.iter().map(|row| {
            let (run, scope, edge): (RunId, String, String) =
                (row.try_get("", "run_id")?, row.try_get("", "scope")?, row.try_get("", "edge")?);
            Ok(format!("edge {scope}/{edge} of run {run} changed"))
        });
        Ok(Self {
            runs: runs.into_iter().map(|run| (run.id, run)).collect(),
            nodes: all(
                product,
                "SELECT run_id, scope, node, state, generation, round, attempt, output FROM workflow_node_runs",
            )
            .await?,
            edges: all(product, "SELECT run_id, scope, edge, taken, late FROM workflow_edge_runs").await?,
            items: all(product, "SELECT run_id, scope, loop_node FROM workflow_item_runs").await?,
            attempts: all(
                product,
                "SELECT run_id, scope, node, generation, round, attempt FROM workflow_node_attempts",
            )
            .await?,
            states: all(
                product,
                "SELECT run_id, scope, node, generation, round, was, state, run_generation FROM chaos_node_states",
            )
            .await?,
            changed_edges: changed_edges.collect::<Result<_, DbErr>>()?,
            jobs: all(
                product,
                "SELECT id, kind, state, unique_key, result FROM jobs WHERE queue = 'workflow' AND kind <> 'webhook.deliver'",
            )
            .await?,
            graph_nodes: all(product, "SELECT version_id, key, parent, policy FROM workflow_nodes").await?,
            graph_edges: all(
                product,
                "SELECT version_id, parent, from_node, from_port, to_node, to_port FROM workflow_edges",
            )
            .await?,
        })
    }
}

/// All rows of a statement.
pub(in crate::chaos) async fn all<T: FromQueryResult>(
    product: &DatabaseConnection,
    sql: &str,
) -> Result<Vec<T>, DbErr> {
    T::find_by_statement(statement(product, sql, [])).all(product).await
}
