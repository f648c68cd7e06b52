//! The rows of a run that an attempt needs, read in one statement a table.

use std::collections::{BTreeMap, BTreeSet};

use atelier_entities::{ItemState, RunId, workflow_edge_runs, workflow_loop_runs, workflow_node_runs};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use serde_json::Value;

use super::needs::{Flow, Needs, Place};
use crate::{
    engine::EdgeId,
    graph::{Edge, INPUT},
};

/// Rows by their scope and the key of their node or edge.
type ByPlace<T> = BTreeMap<(String, String), T>;

/// How an edge was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) taken: bool,
    pub(super) error: bool,
}

/// An item of a loop.
#[derive(Clone, Debug)]
pub(super) struct ItemRow {
    pub(super) item: u32,
    pub(super) state: ItemState,
    pub(super) failure: Option<Value>,
}

/// The rows that were read.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) nodes: ByPlace<workflow_node_runs::Model>,
    pub(super) edges: ByPlace<Decision>,
    pub(super) lists: ByPlace<workflow_loop_runs::Model>,
    /// The items of loops, by the scope and the key of the loop.
    pub(super) items: ByPlace<Vec<ItemRow>>,
    /// The beginnings of the scopes of which all items were read.
    pub(super) read_below: Vec<String>,
}

/// The edge as the rows name it.
pub(super) fn edge_name(flow: Flow<'_>, edge: EdgeId) -> String {
    let (from, port, to) = flow.plan.ends(edge);
    let end = |key: &str| key.to_owned();
    Edge {
        from: end(flow.plan.key(from)),
        from_port: end(port),
        to: end(flow.plan.key(to)),
        to_port: end(INPUT),
    }
    .id()
}

fn places(flow: Flow<'_>, places: &BTreeSet<Place>) -> (BTreeSet<String>, BTreeSet<String>) {
    places.iter().map(|(scope, node)| (scope.to_string(), flow.plan.key(*node).to_owned())).unzip()
}

impl Rows {
    /// Reads what is needed. A few rows beside it may be read too.
    pub(super) async fn read(
        db: &impl ConnectionTrait,
        run: RunId,
        flow: Flow<'_>,
        needs: &Needs,
    ) -> Result<Self, DbErr> {
        let mut rows = Self::default();
        if !needs.nodes.is_empty() {
            let (scopes, nodes) = places(flow, &needs.nodes);
            let found = workflow_node_runs::Entity::find()
                .filter(workflow_node_runs::Column::RunId.eq(run))
                .filter(workflow_node_runs::Column::Scope.is_in(scopes))
                .filter(workflow_node_runs::Column::Node.is_in(nodes));
            rows.add_nodes(found.all(db).await?);
        }
        if !needs.targets.is_empty() {
            let scopes: BTreeSet<String> = needs.targets.iter().map(|(scope, _)| scope.to_string()).collect();
            let inbound = needs.targets.iter().flat_map(|(_, node)| flow.plan.inbound(*node));
            let edges: BTreeSet<String> = inbound.map(|edge| edge_name(flow, *edge)).collect();
            let found = workflow_edge_runs::Entity::find()
                .filter(workflow_edge_runs::Column::RunId.eq(run))
                .filter(workflow_edge_runs::Column::Scope.is_in(scopes))
                .filter(workflow_edge_runs::Column::Edge.is_in(edges));
            rows.add_edges(found.all(db).await?);
        }
        if !needs.lists.is_empty() {
            let (scopes, nodes) = places(flow, &needs.lists);
            let found = workflow_loop_runs::Entity::find()
                .filter(workflow_loop_runs::Column::RunId.eq(run))
                .filter(workflow_loop_runs::Column::Scope.is_in(scopes))
                .filter(workflow_loop_runs::Column::Node.is_in(nodes));
            rows.add_lists(found.all(db).await?);
        }
        Ok(rows)
    }

    pub(super) fn add_nodes(&mut self, rows: Vec<workflow_node_runs::Model>) {
        self.nodes.extend(rows.into_iter().map(|row| ((row.scope.clone(), row.node.clone()), row)));
    }

    pub(super) fn add_edges(&mut self, rows: Vec<workflow_edge_runs::Model>) {
        self.edges.extend(
            rows.into_iter()
                .map(|row| ((row.scope, row.edge), Decision { taken: row.taken, error: row.error })),
        );
    }

    pub(super) fn add_lists(&mut self, rows: Vec<workflow_loop_runs::Model>) {
        self.lists.extend(rows.into_iter().map(|row| ((row.scope.clone(), row.node.clone()), row)));
    }

    /// The row of a node.
    pub(super) fn node(&self, flow: Flow<'_>, place: &Place) -> Option<&workflow_node_runs::Model> {
        self.nodes.get(&key(flow, place))
    }

    /// The row of a loop.
    pub(super) fn list(&self, flow: Flow<'_>, place: &Place) -> Option<&workflow_loop_runs::Model> {
        self.lists.get(&key(flow, place))
    }
}

/// The place as the rows name it.
pub(super) fn key(flow: Flow<'_>, (scope, node): &Place) -> (String, String) {
    (scope.to_string(), flow.plan.key(*node).to_owned())
}
