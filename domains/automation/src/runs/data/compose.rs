//! Inputs, outputs and results from rows that were read.

use std::{collections::HashMap, sync::Arc};

use atelier_entities::{ItemState, NodeState, RunId, workflow_node_runs};
use serde_json::{Map, Value, json};

use super::{
    Piece, Rows,
    needs::SHOWN_INPUTS,
    piece::LoopAt,
    rows::{Decided, Item},
};
use crate::{
    engine::{EdgeId, ScopePath},
    graph::Behaviour,
    runs::{RunNode, store::Place},
    workflows::versions::LoadedVersion,
};

/// Makes pieces of the rows of one run. Each is made once.
#[derive(Debug)]
pub(crate) struct Composer {
    run: RunId,
    version: Arc<LoadedVersion>,
    rows: Rows,
    outputs: HashMap<(Place, u8), Option<Piece>>,
    /// What the rounds of while nodes begin with.
    rounds: HashMap<(Place, u32), Piece>,
}

impl Composer {
    pub(crate) fn new(run: RunId, version: Arc<LoadedVersion>, rows: Rows) -> Self {
        Self { run, version, rows, outputs: HashMap::new(), rounds: HashMap::new() }
    }

    /// The row of a node.
    pub(crate) fn node(&self, place: &Place) -> Option<&workflow_node_runs::Model> {
        self.rows.nodes.get(place)
    }

    /// How many items a loop has. None for a while node.
    pub(crate) fn length(&self, around: &Place) -> Option<u32> {
        self.rows.lists.get(around)?.total.and_then(|total| u32::try_from(total).ok())
    }

    /// What a node gave. None if it did not succeed, or gave nothing.
    pub(crate) fn output(&mut self, place: &Place) -> Option<Piece> {
        self.output_of(place, SHOWN_INPUTS)
    }

    /// What arrived at a node: the only taken branch, or a list of all that were taken; in the body of a loop
    /// the item, if no edge leads to the node.
    pub(crate) fn input(&mut self, place: &Place) -> Piece {
        self.input_of(place, SHOWN_INPUTS)
    }

    /// What the edges that lead to a node brought, in their order. None of those that were not taken.
    pub(crate) fn branches(&mut self, place: &Place) -> Vec<(EdgeId, Option<Piece>)> {
        self.branches_of(place, SHOWN_INPUTS)
    }

    /// What a node was given. None if it did not run, or begins the run.
    pub(crate) fn given(&mut self, place: &Place) -> Option<Piece> {
        let has_run = self.node(place).is_some_and(|row| row.state != NodeState::Skipped);
        let is_first = self.version.plan.inbound(place.1).is_empty();
        let is_given = if is_first { !place.0.is_root() } else { !self.taken(place).is_empty() };
        (has_run && is_given).then(|| self.input(place))
    }

    fn output_of(&mut self, place: &Place, errors: u8) -> Option<Piece> {
        let key = (place.clone(), errors);
        if let Some(known) = self.outputs.get(&key) {
            return known.clone();
        }
        let made = self.make_output(place, errors);
        self.outputs.insert(key, made.clone());
        made
    }

    fn make_output(&mut self, place: &Place, errors: u8) -> Option<Piece> {
        let source = self.source_of(place);
        if source != *place {
            return Some(self.output_of(&source, errors).unwrap_or_else(Piece::null));
        }
        if !self.has_succeeded(place) {
            None
        } else if self.version.plan.passes(place.1) {
            Some(self.input_of(place, errors))
        } else {
            self.own_output(place)
        }
    }

    /// The node whose output a node passes on, or the node itself: nodes that pass one input on are followed up,
    /// so that no call goes deep.
    fn source_of(&self, place: &Place) -> Place {
        let plan = &self.version.plan;
        let mut place = place.clone();
        while plan.passes(place.1) && self.has_succeeded(&place) {
            let [(edge, false)] = self.taken(&place)[..] else { break };
            place.1 = plan.ends(edge).0;
        }
        place
    }

    fn has_succeeded(&self, place: &Place) -> bool {
        self.node(place).is_some_and(|row| row.state == NodeState::Succeeded)
    }

    /// What a node gave that succeeded and passed nothing on.
    fn own_output(&mut self, place: &Place) -> Option<Piece> {
        let behaviour = self.version.plan.behaviour(place.1);
        if self.version.plan.iterates(place.1) {
            return Some(self.loop_output(place));
        }
        if behaviour == Behaviour::Trigger {
            return Some(self.rows.input.clone().unwrap_or(Piece::Input(self.run)));
        }
        let row = self.node(place)?;
        let own = Piece::of_columns(row.output.as_ref(), row.output_object.as_deref(), row.output_bytes);
        own.or_else(|| {
            let numbers = [row.generation, row.round, row.attempt];
            let at = RunNode::of_row(self.run, &row.scope, &row.node, numbers);
            let is_child = matches!(behaviour, Behaviour::Child(_));
            is_child.then(|| Piece::Child { parent: self.run, attempt: at.attempt_key().into() })
        })
    }

    fn input_of(&mut self, place: &Place, errors: u8) -> Piece {
        if self.version.plan.inbound(place.1).is_empty() {
            return self.item(&place.0);
        }
        let branches = self.branches_of(place, errors);
        let mut taken: Vec<Piece> = branches.into_iter().filter_map(|(_, piece)| piece).collect();
        match taken.len() {
            0 => Piece::null(),
            1 => taken.remove(0),
            _ => Piece::List(taken.into()),
        }
    }

    fn branches_of(&mut self, place: &Place, errors: u8) -> Vec<(EdgeId, Option<Piece>)> {
        let version = self.version.clone();
        let mut branches = Vec::new();
        for &edge in version.plan.inbound(place.1) {
            let from = (place.0.clone(), version.plan.ends(edge).0);
            let piece = match self.decision(place, edge) {
                Decided { taken: false, .. } => None,
                Decided { error: true, .. } => Some(self.error_of(&from, errors)),
                Decided { error: false, .. } => {
                    Some(self.output_of(&from, errors).unwrap_or_else(Piece::null))
                }
            };
            branches.push((edge, piece));
        }
        branches
    }

    /// The taken edges that lead to a node, and whether each carries an error.
    pub(crate) fn taken(&self, place: &Place) -> Vec<(EdgeId, bool)> {
        let decided =
            self.version.plan.inbound(place.1).iter().map(|edge| (*edge, self.decision(place, *edge)));
        decided.filter(|(_, decided)| decided.taken).map(|(edge, decided)| (edge, decided.error)).collect()
    }

    /// How an edge was decided. One that was not read was taken if it stands alone, carries no error and leads
    /// to a node that has run: otherwise the node would not have.
    fn decision(&self, place: &Place, edge: EdgeId) -> Decided {
        if let Some(decided) = self.rows.edges.get(&(place.0.clone(), edge)) {
            return *decided;
        }
        let plan = &self.version.plan;
        let stands_alone = plan.inbound(place.1).len() == 1 && !plan.may_carry_error(plan.ends(edge).0);
        let has_run = self.node(place).is_some_and(|row| row.state != NodeState::Skipped);
        Decided { taken: stands_alone && has_run, error: false }
    }

    /// The error of a failed node, with what the node had got.
    fn error_of(&mut self, place: &Place, errors: u8) -> Piece {
        let row = self.node(place);
        let stored = row.and_then(|row| row.error.as_ref());
        let mut error = Map::new();
        for field in ["code", "message", "status"] {
            if let Some(value) = stored.and_then(|stored| stored.get(field)) {
                error.insert(field.to_owned(), value.clone());
            }
        }
        error.insert("node".to_owned(), self.version.plan.key(place.1).into());
        error.insert("attempt".to_owned(), row.map(|row| row.attempt).into());
        let mut fields = vec![("error".to_owned(), Piece::of(error))];
        if let Some(errors) = errors.checked_sub(1) {
            fields.push(("input".to_owned(), self.input_of(place, errors)));
        }
        if let Some((_, item)) = self.version.plan.loop_of(&place.0) {
            fields.push(("index".to_owned(), Piece::of(item)));
        }
        Piece::Map(fields.into())
    }

    /// The item that a scope is. Null for the run.
    pub(crate) fn item(&mut self, scope: &ScopePath) -> Piece {
        let Some((around, number)) = self.version.plan.loop_of(scope) else { return Piece::null() };
        if matches!(self.version.plan.behaviour(around.1), Behaviour::While(_)) {
            return self.round(&around, number);
        }
        let Some(row) = self.rows.lists.get(&around) else { return Piece::null() };
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        match &row.items_object {
            Some(key) => Piece::Element { key: key.as_str().into(), index },
            None => {
                let item = row.items.as_ref().and_then(|items| items.get(index)).cloned();
                Piece::of(item.unwrap_or_default())
            }
        }
    }

    /// What a round of a while node begins with: what the round before gave, or the input of the node. The
    /// rounds before are looked at in their order, so that no call goes deep.
    pub(crate) fn round(&mut self, around: &Place, round: u32) -> Piece {
        let version = self.version.clone();
        let known = (0..=round).rev().find(|number| self.rounds.contains_key(&(around.clone(), *number)));
        if known.is_none() {
            let first = self.input(around);
            self.rounds.insert((around.clone(), 0), first);
        }
        for earlier in known.unwrap_or(0)..round {
            let scope = around.0.item(version.plan.key(around.1), earlier);
            let result = self.result_of(&scope).unwrap_or_else(Piece::null);
            self.rounds.insert((around.clone(), earlier + 1), result);
        }
        self.rounds.get(&(around.clone(), round)).cloned().unwrap_or_else(Piece::null)
    }

    /// What an item gave, or the run: the output of the only node that no edge leaves, or an object with the
    /// outputs of all of these that gave one.
    pub(crate) fn result_of(&mut self, scope: &ScopePath) -> Option<Piece> {
        let version = self.version.clone();
        let last = version.plan.last_nodes(scope);
        if let [] | [_] = last[..] {
            return last.first().and_then(|node| self.output_of(&(scope.clone(), *node), 0));
        }
        let mut fields = Vec::with_capacity(last.len());
        for node in last {
            if let Some(output) = self.output_of(&(scope.clone(), node), 0) {
                fields.push((version.plan.key(node).to_owned(), output));
            }
        }
        Some(Piece::Map(fields.into()))
    }

    /// `results` in the order of the items, null for those that gave nothing, the `errors` of those that failed,
    /// and how many there are.
    pub(super) fn loop_output(&mut self, place: &Place) -> Piece {
        let version = self.version.clone();
        if !self.rows.has_items_of(&version.plan, place) {
            let at = LoopAt { run: self.run, version, place: place.clone() };
            return Piece::Loop(Arc::new(at));
        }
        let items = self.rows.items.get(place).cloned().unwrap_or_default();
        let started = items.last().map_or(0, |item| item.number + 1);
        let total = std::cmp::max(self.length(place).unwrap_or_default(), started);
        let mut results = vec![Piece::null(); usize::try_from(total).unwrap_or_default()];
        let (mut errors, mut succeeded) = (Vec::new(), 0_u32);
        for Item { number, state, failure } in items {
            match state {
                ItemState::Succeeded => {
                    succeeded += 1;
                    let result = self.result_of(&place.0.item(version.plan.key(place.1), number));
                    let slot = results.get_mut(usize::try_from(number).unwrap_or(usize::MAX));
                    if let Some((slot, result)) = slot.zip(result) {
                        *slot = result;
                    }
                }
                ItemState::Failed => errors.push(json!({"index": number, "error": failure})),
                ItemState::Queued | ItemState::Running | ItemState::Cancelled => {}
            }
        }
        let failed = errors.len();
        let fields = [
            ("results", Piece::List(results.into())),
            ("errors", Piece::of(Value::Array(errors))),
            ("total", Piece::of(total)),
            ("succeeded", Piece::of(succeeded)),
            ("failed", Piece::of(failed)),
        ];
        Piece::Map(fields.map(|(name, piece)| (name.to_owned(), piece)).into())
    }
}
