//! The rows that values are made of, read in one statement for each table.

use std::collections::HashMap;

use atelier_entities::{
    ItemState, RunId, workflow_edge_runs, workflow_item_runs, workflow_loop_runs, workflow_node_runs,
};
use sea_orm::DbErr;
use serde_json::Value;

use super::{Needs, Piece, source::ReadRows};
use crate::{
    engine::{EdgeId, Plan, ScopePath},
    runs::store::{Place, edge_name, find_edge},
};

/// Rows of one run.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(super) nodes: HashMap<Place, workflow_node_runs::Model>,
    pub(super) edges: HashMap<(ScopePath, EdgeId), Decided>,
    pub(super) lists: HashMap<Place, workflow_loop_runs::Model>,
    /// The items of loops, in their order.
    pub(super) items: HashMap<Place, Vec<Item>>,
    /// The loop of which all items were read, with the loops in them.
    pub(super) inside: Option<Place>,
    /// The input of the run, if it was read.
    pub(super) input: Option<Piece>,
}

/// How an edge was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decided {
    pub(super) taken: bool,
    pub(super) error: bool,
}

/// An item of a loop.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) number: u32,
    pub(super) state: ItemState,
    pub(super) failure: Option<Value>,
}

impl Rows {
    /// Reads the rows of one run.
    pub(crate) async fn read(
        source: &impl ReadRows,
        run: RunId,
        plan: &Plan,
        needs: Needs,
    ) -> Result<Self, DbErr> {
        let mut rows = Self::read_all(source, &[(run, plan, needs)]).await?;
        Ok(rows.remove(&run).unwrap_or_default())
    }

    /// Reads the rows of several runs.
    pub(super) async fn read_all(
        source: &impl ReadRows,
        wanted: &[(RunId, &Plan, Needs)],
    ) -> Result<HashMap<RunId, Self>, DbErr> {
        let (mut nodes, mut edges, mut lists) = (Vec::new(), Vec::new(), Vec::new());
        for (run, plan, needs) in wanted {
            let key = |(scope, node): &Place| (*run, scope.to_string(), plan.key(*node).to_owned());
            nodes.extend(needs.nodes.iter().map(key));
            lists.extend(needs.lists.iter().map(key));
            edges.extend(needs.targets.iter().flat_map(|(scope, node)| {
                let inbound = plan.inbound(*node).iter();
                inbound.map(move |edge| (*run, scope.to_string(), edge_name(plan, *edge)))
            }));
        }
        let plans: HashMap<RunId, &Plan> = wanted.iter().map(|(run, plan, _)| (*run, *plan)).collect();
        let mut found: HashMap<RunId, Self> = HashMap::new();
        for row in source.nodes(nodes).await? {
            if let Some(plan) = plans.get(&row.run_id) {
                found.entry(row.run_id).or_default().add_node(plan, row);
            }
        }
        for row in source.edges(edges).await? {
            if let Some(plan) = plans.get(&row.run_id) {
                found.entry(row.run_id).or_default().add_edge(plan, &row);
            }
        }
        for row in source.lists(lists).await? {
            if let Some(plan) = plans.get(&row.run_id) {
                found.entry(row.run_id).or_default().add_list(plan, row);
            }
        }
        Ok(found)
    }

    /// The same with the input of the run.
    pub(crate) fn with_input(self, input: Option<Piece>) -> Self {
        Self { input: Some(input.unwrap_or_else(Piece::null)), ..self }
    }

    pub(super) fn add_node(&mut self, plan: &Plan, row: workflow_node_runs::Model) {
        if let Some(place) = place_of(plan, &row.scope, &row.node) {
            self.nodes.insert(place, row);
        }
    }

    /// Adds an edge. One that was taken after its target had been decided brings nothing.
    pub(super) fn add_edge(&mut self, plan: &Plan, row: &workflow_edge_runs::Model) {
        if let Some((scope, edge)) = row.scope.parse().ok().zip(find_edge(plan, &row.edge)) {
            let taken = row.taken && !row.late;
            self.edges.insert((scope, edge), Decided { taken, error: row.error });
        }
    }

    pub(super) fn add_list(&mut self, plan: &Plan, row: workflow_loop_runs::Model) {
        if let Some(place) = place_of(plan, &row.scope, &row.node) {
            self.lists.insert(place, row);
        }
    }

    pub(super) fn add_item(&mut self, plan: &Plan, row: workflow_item_runs::Model) {
        if let Some(place) = place_of(plan, &row.loop_scope, &row.loop_node) {
            let number = u32::try_from(row.item).unwrap_or_default();
            let item = Item { number, state: row.state, failure: row.failure };
            self.items.entry(place).or_default().push(item);
        }
    }

    /// Whether all items of a loop were read.
    pub(super) fn has_items_of(&self, plan: &Plan, place: &Place) -> bool {
        let Some(outer) = &self.inside else { return false };
        let step = place.0.steps().get(outer.0.steps().len());
        let is_below = step.is_some_and(|step| step.node == plan.key(outer.1)) && place.0.is_within(&outer.0);
        place == outer || is_below
    }
}

/// The node of a row.
fn place_of(plan: &Plan, scope: &str, node: &str) -> Option<Place> {
    Some((scope.parse().ok()?, plan.find_node(node)?))
}
