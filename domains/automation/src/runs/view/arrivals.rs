//! What arrived at the nodes of a page, as far as a preview shows it: from a bounded number of rows, and from
//! no value that is larger than a preview.

use std::collections::{BTreeSet, HashMap};

use atelier_entities::{NodeState, RunId, workflow_edge_runs, workflow_loop_runs, workflow_node_runs};
use atelier_queue::Sql;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, JsonValue, QueryFilter};
use serde_json::{Map, Value, json};

use super::{PREVIEW_BYTES, Preview};
use crate::{
    engine::{EdgeId, NodeId, Plan, ScopePath},
    graph::Behaviour,
    runs::store::edge_name,
};

/// Nodes of one statement: two parameters each, of the 32,766 that SQLite allows.
const NODES: usize = 5_000;

/// A node in a scope, or an edge in it.
type Name = (String, String);
/// A node in a scope.
type Place = (ScopePath, NodeId);

/// What arrived at the nodes of a page.
pub(super) struct Arrivals<'a> {
    plan: Option<&'a Plan>,
    /// The taken edges, and whether each carries an error.
    taken: HashMap<Name, bool>,
    sources: HashMap<Name, Source>,
    /// The short lists of loops.
    lists: HashMap<Name, Option<JsonValue>>,
}

/// A node that gave something on.
#[derive(Debug, FromQueryResult)]
struct Source {
    scope: String,
    node: String,
    passed: bool,
    attempt: i32,
    error: Option<JsonValue>,
    output: Option<JsonValue>,
    output_bytes: i64,
}

/// A value that was not read.
const fn unread(bytes: u64) -> Preview {
    Preview { value: None, truncated: true, bytes }
}

fn null() -> Preview {
    Preview { value: Some(Value::Null), truncated: false, bytes: 4 }
}

fn place_of(plan: &Plan, row: &workflow_node_runs::Model) -> Option<Place> {
    Some((row.scope.parse().ok()?, plan.find_node(&row.node)?))
}

fn name_of(plan: &Plan, (scope, node): &Place) -> Name {
    (scope.to_string(), plan.key(*node).to_owned())
}

/// The nodes whose outputs may have arrived at `place`: through nodes that pass their input on, too.
fn add_sources(plan: &Plan, place: &Place, found: &mut BTreeSet<Place>) {
    for edge in plan.inbound(place.1) {
        let source = (place.0.clone(), plan.ends(*edge).0);
        let passes = plan.is_disabled(source.1) || plan.behaviour(source.1) == Behaviour::Pass;
        if found.insert(source.clone()) && passes {
            add_sources(plan, &source, found);
        }
    }
}

impl<'a> Arrivals<'a> {
    /// Reads what arrived at nodes of a run. Without a plan nothing is known of it.
    pub(super) async fn load(
        db: &impl ConnectionTrait,
        run: RunId,
        plan: Option<&'a Plan>,
        nodes: &[workflow_node_runs::Model],
    ) -> Result<Self, DbErr> {
        let mut arrivals =
            Self { plan, taken: HashMap::new(), sources: HashMap::new(), lists: HashMap::new() };
        let Some(plan) = plan else { return Ok(arrivals) };
        let places: Vec<Place> = nodes.iter().filter_map(|row| place_of(plan, row)).collect();
        let mut sources = BTreeSet::new();
        for place in &places {
            add_sources(plan, place, &mut sources);
        }
        let names: Vec<Name> = sources.iter().map(|place| name_of(plan, place)).collect();
        arrivals.load_sources(db, run, &names).await?;
        let targets = places.iter().chain(&sources);
        let edges = targets.flat_map(|place| plan.inbound(place.1).iter().map(|edge| edge_name(plan, *edge)));
        let edges: BTreeSet<String> = edges.collect();
        let scopes: BTreeSet<String> = places.iter().map(|place| place.0.to_string()).collect();
        arrivals.load_edges(db, run, (scopes, edges)).await?;
        arrivals.load_lists(db, run, &places).await?;
        Ok(arrivals)
    }

    async fn load_sources(
        &mut self,
        db: &impl ConnectionTrait,
        run: RunId,
        names: &[Name],
    ) -> Result<(), DbErr> {
        for some in names.chunks(NODES) {
            let mut sql = Sql::new(db.get_database_backend());
            sql.push("SELECT scope, node, passed, attempt, error, output_bytes, CASE WHEN output_bytes <= ")
                .push(&PREVIEW_BYTES.to_string())
                .push(" THEN output END AS output FROM workflow_node_runs WHERE run_id = ")
                .bind(run)
                .push(" AND (scope, node) IN (VALUES ");
            for (index, (scope, node)) in some.iter().enumerate() {
                sql.push(if index == 0 { "(" } else { ", (" });
                sql.bind(scope.as_str()).push(", ").bind(node.as_str()).push(")");
            }
            sql.push(")");
            for row in Source::find_by_statement(sql.build()).all(db).await? {
                self.sources.insert((row.scope.clone(), row.node.clone()), row);
            }
        }
        Ok(())
    }

    async fn load_edges(
        &mut self,
        db: &impl ConnectionTrait,
        run: RunId,
        (scopes, edges): (BTreeSet<String>, BTreeSet<String>),
    ) -> Result<(), DbErr> {
        use workflow_edge_runs::Column as C;
        if edges.is_empty() {
            return Ok(());
        }
        let taken = workflow_edge_runs::Entity::find()
            .filter(C::RunId.eq(run))
            .filter(C::Scope.is_in(scopes))
            .filter(C::Edge.is_in(edges))
            .filter(C::Taken.eq(true));
        let taken = taken.all(db).await?.into_iter().map(|row| ((row.scope, row.edge), row.error));
        self.taken = taken.collect();
        Ok(())
    }

    /// Reads the lists of the loops in whose bodies nodes come first.
    async fn load_lists(
        &mut self,
        db: &impl ConnectionTrait,
        run: RunId,
        places: &[Place],
    ) -> Result<(), DbErr> {
        use workflow_loop_runs::Column as C;
        let Some(plan) = self.plan else { return Ok(()) };
        let first = places.iter().filter(|place| plan.inbound(place.1).is_empty());
        let loops: BTreeSet<Name> = first
            .filter_map(|(scope, _)| {
                scope.split().map(|(outer, step)| (outer.to_string(), step.node.clone()))
            })
            .collect();
        if loops.is_empty() {
            return Ok(());
        }
        let (scopes, nodes): (BTreeSet<String>, BTreeSet<String>) = loops.into_iter().unzip();
        let lists = workflow_loop_runs::Entity::find()
            .filter(C::RunId.eq(run))
            .filter(C::Scope.is_in(scopes))
            .filter(C::Node.is_in(nodes));
        let lists = lists.all(db).await?.into_iter().map(|row| ((row.scope, row.node), row.items));
        self.lists = lists.collect();
        Ok(())
    }

    /// The taken edges that lead to a node, in the order of the graph.
    pub(super) fn edges_to(&self, row: &workflow_node_runs::Model) -> Vec<String> {
        let Some((plan, place)) = self.plan.and_then(|plan| Some((plan, place_of(plan, row)?))) else {
            return Vec::new();
        };
        let names = plan.inbound(place.1).iter().map(|edge| edge_name(plan, *edge));
        names.filter(|edge| self.taken.contains_key(&(row.scope.clone(), edge.clone()))).collect()
    }

    /// What arrived at a node of the page. `input` is that of the run.
    pub(super) fn input_of(
        &self,
        row: &workflow_node_runs::Model,
        input: Option<&Preview>,
    ) -> Option<Preview> {
        let plan = self.plan?;
        self.arrived(plan, &place_of(plan, row)?, input)
    }

    /// What a node of the page gave. `input` is that of the run.
    pub(super) fn output_of(
        &self,
        row: &mut workflow_node_runs::Model,
        input: Option<&Preview>,
    ) -> Option<Preview> {
        let own = Preview::of(row.output.take(), row.output_object.as_deref(), row.output_bytes);
        let plan = self.plan.filter(|_| row.state == NodeState::Succeeded);
        let Some((plan, place)) = plan.and_then(|plan| Some((plan, place_of(plan, row)?))) else {
            return own;
        };
        let behaviour = plan.behaviour(place.1);
        if row.passed {
            self.arrived(plan, &place, input)
        } else if behaviour == Behaviour::Trigger {
            input.cloned()
        } else if behaviour.has_body() {
            Some(unread(0))
        } else {
            own
        }
    }

    fn arrived(&self, plan: &Plan, place: &Place, input: Option<&Preview>) -> Option<Preview> {
        let inbound = plan.inbound(place.1);
        if inbound.is_empty() {
            return self.arrived_first(plan, place, input);
        }
        let by_edge = |edge: &EdgeId| {
            let is_error = *self.taken.get(&(place.0.to_string(), edge_name(plan, *edge)))?;
            let source = (place.0.clone(), plan.ends(*edge).0);
            Some(if is_error { self.error_of(plan, &source) } else { self.given(plan, &source, input) })
        };
        let mut arrived: Vec<Preview> = inbound.iter().filter_map(by_edge).collect();
        if arrived.len() > 1 { Some(list_of(arrived)) } else { arrived.pop() }
    }

    /// What arrived at a node to which no edge leads: the run's input, or the item of a loop.
    fn arrived_first(&self, plan: &Plan, (scope, node): &Place, input: Option<&Preview>) -> Option<Preview> {
        let Some((outer, step)) = scope.split() else {
            return input.filter(|_| plan.behaviour(*node) == Behaviour::Trigger).cloned();
        };
        if plan.find_node(&step.node).is_some_and(|node| matches!(plan.behaviour(node), Behaviour::While(_)))
        {
            return Some(unread(0));
        }
        let list = self.lists.get(&(outer.to_string(), step.node.clone()))?;
        let Some(list) = list else { return Some(unread(0)) };
        let item = list.get(usize::try_from(step.item).unwrap_or(usize::MAX)).cloned().unwrap_or_default();
        Preview::of(Some(item), None, 0)
    }

    /// What a node gave to those that follow.
    fn given(&self, plan: &Plan, place: &Place, input: Option<&Preview>) -> Preview {
        let Some(source) = self.sources.get(&name_of(plan, place)) else { return unread(0) };
        let behaviour = plan.behaviour(place.1);
        if source.passed {
            return self.arrived(plan, place, input).unwrap_or_else(null);
        }
        if behaviour == Behaviour::Trigger {
            return input.cloned().unwrap_or_else(null);
        }
        match (&source.output, u64::try_from(source.output_bytes).unwrap_or_default()) {
            (Some(output), _) => Preview::of(Some(output.clone()), None, 0).unwrap_or_else(null),
            (None, 0) if behaviour.has_body() || matches!(behaviour, Behaviour::Child(_)) => unread(0),
            (None, 0) => null(),
            (None, bytes) => unread(bytes),
        }
    }

    /// What an edge carries for a node that failed, without what the node had got.
    fn error_of(&self, plan: &Plan, place: &Place) -> Preview {
        let source = self.sources.get(&name_of(plan, place));
        let stored = source.and_then(|source| source.error.as_ref());
        let mut error = Map::new();
        for field in ["code", "message", "status"] {
            error.extend(stored.and_then(|stored| Some((field.to_owned(), stored.get(field)?.clone()))));
        }
        error.insert("node".to_owned(), plan.key(place.1).into());
        error.insert("attempt".to_owned(), source.map(|source| source.attempt).into());
        Preview {
            truncated: true,
            ..Preview::of(Some(json!({"error": error})), None, 0).unwrap_or_else(null)
        }
    }
}

/// Several values as a list.
fn list_of(parts: Vec<Preview>) -> Preview {
    let bytes = parts.iter().map(|part| part.bytes).sum();
    let is_whole = parts.iter().all(|part| !part.truncated);
    let values: Option<Vec<Value>> = parts.into_iter().map(|part| part.value).collect();
    match values {
        Some(values) if is_whole => Preview::of(Some(values.into()), None, 0).unwrap_or_else(null),
        _ => unread(bytes),
    }
}
