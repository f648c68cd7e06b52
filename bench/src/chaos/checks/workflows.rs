//! Checks of the runs of workflows.

mod decided;
mod ends;
mod joins;
mod limits;
mod once;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use atelier_entities::{RunId, WorkflowVersionId};

use super::evidence::Check;
use crate::chaos::workflows::{
    Record, Rows, Watch,
    rows::{Edge, GraphEdge, GraphNode, Node, Run},
};

/// Every check of the runs of workflows.
pub(in crate::chaos) fn check(rows: &Rows, record: &Record, watch: Watch) -> Vec<Check> {
    let scopes = Scopes::of(rows);
    let mut checks = ends::check(rows, record);
    checks.push(decided::check(&scopes, rows));
    checks.extend(once::check(rows));
    checks.push(joins::check(&scopes, rows));
    checks.extend(limits::check(rows, record, watch));
    checks
}

/// A run, or an item of a loop in it, with what its graph says of it.
struct Scope<'a> {
    run: &'a Run,
    path: &'a str,
    /// Its nodes in the version, and its edges with their names.
    graph: &'a Body<'a>,
    nodes: HashMap<&'a str, &'a Node>,
    edges: HashMap<&'a str, &'a Edge>,
}

/// The nodes and edges of a version, or of the body of a loop in it.
#[derive(Default)]
struct Body<'a> {
    nodes: Vec<&'a GraphNode>,
    edges: Vec<(&'a GraphEdge, String)>,
}

/// The scopes of all runs that have ended.
struct Scopes<'a> {
    rows: &'a Rows,
    bodies: HashMap<(WorkflowVersionId, Option<&'a str>), Body<'a>>,
    nodes: HashMap<(RunId, &'a str), HashMap<&'a str, &'a Node>>,
    edges: HashMap<(RunId, &'a str), HashMap<&'a str, &'a Edge>>,
}

impl<'a> Scopes<'a> {
    fn of(rows: &'a Rows) -> Self {
        let mut scopes = Self { rows, bodies: HashMap::new(), nodes: HashMap::new(), edges: HashMap::new() };
        for node in &rows.graph_nodes {
            let body = scopes.bodies.entry((node.version_id, node.parent.as_deref())).or_default();
            body.nodes.push(node);
        }
        for edge in &rows.graph_edges {
            let body = scopes.bodies.entry((edge.version_id, edge.parent.as_deref())).or_default();
            body.edges.push((edge, edge.name()));
        }
        for node in &rows.nodes {
            scopes.nodes.entry((node.run_id, &node.scope)).or_default().insert(&node.node, node);
        }
        for edge in &rows.edges {
            scopes.edges.entry((edge.run_id, &edge.scope)).or_default().insert(&edge.edge, edge);
        }
        scopes
    }

    /// Each ended run and each item in one.
    fn ended(&self) -> impl Iterator<Item = Scope<'_>> {
        let runs = self.rows.runs.values().map(|run| (run, "", None));
        let items = self.rows.items.iter().filter_map(|item| {
            Some((self.rows.runs.get(&item.run_id)?, item.scope.as_str(), Some(item.loop_node.as_str())))
        });
        let ended = runs.chain(items).filter(|(run, ..)| run.status.is_final());
        ended.filter_map(|(run, path, parent)| {
            let rows_of = (run.id, path);
            Some(Scope {
                run,
                path,
                graph: self.bodies.get(&(run.version_id, parent))?,
                nodes: self.nodes.get(&rows_of).cloned().unwrap_or_default(),
                edges: self.edges.get(&rows_of).cloned().unwrap_or_default(),
            })
        })
    }
}

/// A node of a run, for people.
fn place(run: RunId, scope: &str, node: &str) -> String {
    format!("{scope}/{node} of run {run}")
}
