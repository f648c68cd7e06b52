//! Outputs from rows that were read.

use std::collections::{BTreeSet, HashMap, HashSet};

use atelier_entities::{ItemState, NodeState, RunId};
use atelier_queue::Sql;
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, JsonValue};
use serde_json::{Value, json};

use super::{Piece, body_of, ends_of, may_pass};
use crate::{
    engine::{NodeId, Plan, ScopePath},
    graph::Behaviour,
    runs::{RunNode, store::edge_name},
};

/// Keys of nodes in one statement.
const KEYS: usize = 1_000;

/// The rows that outputs are made of.
#[derive(Debug, Default)]
pub(super) struct Rows {
    nodes: HashMap<(RunId, String, String), NodeOutput>,
    taken: HashSet<(RunId, String, String)>,
    items: HashMap<(RunId, String, String), Vec<Item>>,
}

#[derive(Debug, FromQueryResult)]
struct NodeOutput {
    run_id: RunId,
    scope: String,
    node: String,
    state: NodeState,
    generation: i32,
    round: i32,
    attempt: i32,
    passed: bool,
    output: Option<JsonValue>,
    output_object: Option<String>,
    output_bytes: i64,
}

#[derive(Debug, FromQueryResult)]
struct Item {
    run_id: RunId,
    loop_scope: String,
    loop_node: String,
    item: i32,
    state: ItemState,
    failure: Option<JsonValue>,
}

impl Rows {
    /// Loads what the outputs of these nodes of the runs are made of.
    pub(super) async fn load(
        db: &impl ConnectionTrait,
        wanted: &[(RunId, &Plan, Vec<NodeId>)],
    ) -> Result<Self, DbErr> {
        let mut rows = Self::default();
        let runs: Vec<RunId> = wanted.iter().map(|(run, ..)| *run).collect();
        let (mut keys, mut loops, mut edges) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (_, plan, nodes) in wanted {
            for node in relevant(plan, nodes) {
                keys.insert(plan.key(node).to_owned());
                if plan.behaviour(node).has_body() {
                    loops.insert(plan.key(node).to_owned());
                }
                if may_pass(plan, node) {
                    edges.extend(plan.inbound(node).iter().map(|edge| edge_name(plan, *edge)));
                }
            }
        }
        rows.load_nodes(db, &runs, &keys.into_iter().collect::<Vec<_>>()).await?;
        rows.load_items(db, &runs, &loops.into_iter().collect::<Vec<_>>()).await?;
        rows.load_edges(db, &runs, &edges.into_iter().collect::<Vec<_>>()).await?;
        Ok(rows)
    }

    async fn load_nodes(
        &mut self,
        db: &impl ConnectionTrait,
        runs: &[RunId],
        keys: &[String],
    ) -> Result<(), DbErr> {
        for some in keys.chunks(KEYS) {
            let mut sql = Sql::new(db.get_database_backend());
            sql.push("SELECT run_id, scope, node, state, generation, round, attempt, passed, output, output_object, output_bytes FROM workflow_node_runs WHERE run_id ")
                .among(runs)
                .push(" AND node IN (")
                .bind_list(some.iter().map(String::as_str))
                .push(")");
            for row in NodeOutput::find_by_statement(sql.build()).all(db).await? {
                self.nodes.insert((row.run_id, row.scope.clone(), row.node.clone()), row);
            }
        }
        Ok(())
    }

    async fn load_items(
        &mut self,
        db: &impl ConnectionTrait,
        runs: &[RunId],
        loops: &[String],
    ) -> Result<(), DbErr> {
        for some in loops.chunks(KEYS) {
            let mut sql = Sql::new(db.get_database_backend());
            sql.push("SELECT run_id, loop_scope, loop_node, item, state, failure FROM workflow_item_runs WHERE run_id ")
                .among(runs)
                .push(" AND loop_node IN (")
                .bind_list(some.iter().map(String::as_str))
                .push(") ORDER BY item");
            for row in Item::find_by_statement(sql.build()).all(db).await? {
                let key = (row.run_id, row.loop_scope.clone(), row.loop_node.clone());
                self.items.entry(key).or_default().push(row);
            }
        }
        Ok(())
    }

    async fn load_edges(
        &mut self,
        db: &impl ConnectionTrait,
        runs: &[RunId],
        edges: &[String],
    ) -> Result<(), DbErr> {
        for some in edges.chunks(KEYS) {
            let mut sql = Sql::new(db.get_database_backend());
            sql.push(
                "SELECT run_id, scope, edge FROM workflow_edge_runs WHERE taken AND NOT error AND run_id ",
            )
            .among(runs)
            .push(" AND edge IN (")
            .bind_list(some.iter().map(String::as_str))
            .push(")");
            for row in db.query_all_raw(sql.build()).await? {
                let key = (row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
                self.taken.insert(key);
            }
        }
        Ok(())
    }

    /// What a run, or an item of a loop, gave. None where nothing ran that gives something.
    pub(super) fn of_scope(&self, run: RunId, plan: &Plan, scope: &ScopePath) -> Option<Piece> {
        let ends = ends_of(plan, plan.nodes_of(scope));
        if let [end] = ends[..] {
            return self.of_node(run, plan, scope, end);
        }
        let parts = ends
            .into_iter()
            .filter_map(|end| Some((plan.key(end).to_owned(), self.of_node(run, plan, scope, end)?)));
        Some(Piece::Map(parts.collect()))
    }

    /// What a node gave. None where it did not run, or failed.
    pub(super) fn of_node(&self, run: RunId, plan: &Plan, scope: &ScopePath, node: NodeId) -> Option<Piece> {
        let key = plan.key(node);
        let row = self.nodes.get(&(run, scope.to_string(), key.to_owned()))?;
        if row.state != NodeState::Succeeded {
            return None;
        }
        if row.passed {
            return Some(self.of_passed(run, plan, scope, node));
        }
        Some(match plan.behaviour(node) {
            Behaviour::Trigger => Piece::Input(run),
            Behaviour::Loop(_) | Behaviour::While(_) => self.of_loop(run, plan, scope, key),
            Behaviour::Child(_) if row.output.is_none() && row.output_object.is_none() => {
                let number = |value: i32| u32::try_from(value).unwrap_or_default();
                let at = RunNode {
                    run_id: run,
                    scope: row.scope.clone(),
                    node: row.node.clone(),
                    generation: number(row.generation),
                    round: number(row.round),
                    attempt: number(row.attempt),
                };
                Piece::Child { parent: run, attempt: at.attempt_key() }
            }
            _ => match &row.output_object {
                Some(object) => Piece::Object {
                    key: object.clone(),
                    bytes: u64::try_from(row.output_bytes).unwrap_or_default(),
                },
                None => Piece::Value(row.output.clone().unwrap_or_default()),
            },
        })
    }

    /// The input of a node that passed it on: of the only taken edge, or a list of several.
    fn of_passed(&self, run: RunId, plan: &Plan, scope: &ScopePath, node: NodeId) -> Piece {
        let is_taken = |edge: &&_| self.taken.contains(&(run, scope.to_string(), edge_name(plan, **edge)));
        let taken: Vec<_> = plan.inbound(node).iter().filter(is_taken).collect();
        let mut inputs = taken.into_iter().map(|edge| {
            self.of_node(run, plan, scope, plan.ends(*edge).0).unwrap_or(Piece::Value(Value::Null))
        });
        match (inputs.next(), inputs.next()) {
            (None, _) => Piece::Value(Value::Null),
            (Some(only), None) => only,
            (Some(first), Some(second)) => Piece::List([first, second].into_iter().chain(inputs).collect()),
        }
    }

    fn of_loop(&self, run: RunId, plan: &Plan, scope: &ScopePath, node: &str) -> Piece {
        let none = Vec::new();
        let items = self.items.get(&(run, scope.to_string(), node.to_owned())).unwrap_or(&none);
        let (mut results, mut errors, mut succeeded) = (Vec::with_capacity(items.len()), Vec::new(), 0_u32);
        for item in items {
            let number = u32::try_from(item.item).unwrap_or_default();
            let result = (item.state == ItemState::Succeeded)
                .then(|| self.of_scope(run, plan, &scope.item(node, number)))
                .flatten();
            results.push(result.unwrap_or(Piece::Value(Value::Null)));
            succeeded += u32::from(item.state == ItemState::Succeeded);
            if item.state == ItemState::Failed {
                errors.push(json!({"index": item.item, "error": item.failure}));
            }
        }
        let failed = errors.len();
        let fields = [
            ("results", Piece::List(results)),
            ("errors", Piece::Value(Value::Array(errors))),
            ("total", Piece::Value(items.len().into())),
            ("succeeded", Piece::Value(succeeded.into())),
            ("failed", Piece::Value(failed.into())),
        ];
        Piece::Map(fields.map(|(name, piece)| (name.to_owned(), piece)).into())
    }
}

/// The nodes whose rows the outputs of these nodes are made of.
fn relevant(plan: &Plan, nodes: &[NodeId]) -> BTreeSet<NodeId> {
    let mut found = BTreeSet::new();
    let mut open = nodes.to_vec();
    while let Some(node) = open.pop() {
        if !found.insert(node) {
            continue;
        }
        if may_pass(plan, node) {
            open.extend(plan.inbound(node).iter().map(|edge| plan.ends(*edge).0));
        }
        if plan.behaviour(node).has_body() {
            open.extend(ends_of(plan, body_of(plan, node)));
        }
    }
    found
}
