//! The values behind the rows: inputs, outputs and items.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use atelier_entities::NodeState;
use futures::future::{BoxFuture, FutureExt};
use serde_json::{Map, Value, json};

use super::{
    Attempt, Execution,
    needs::{Flow, Place, SHOWN_INPUTS},
    rows::{Decision, Rows, edge_name},
};
use crate::{
    engine::{EdgeId, ScopePath},
    graph::Behaviour,
    nodes::{AttemptError, Branch},
    runs::Stored,
};

type Found<'v, T> = BoxFuture<'v, Result<T, AttemptError>>;

/// The values behind the rows that were read.
pub(super) struct Values<'a> {
    pub(super) execution: &'a Execution,
    pub(super) attempt: &'a Attempt<'a>,
    pub(super) flow: Flow<'a>,
    pub(super) rows: Rows,
    /// The outputs of loops that were made.
    loops: Mutex<BTreeMap<Place, Arc<Value>>>,
}

impl<'a> Values<'a> {
    pub(super) fn new(
        execution: &'a Execution,
        attempt: &'a Attempt<'a>,
        flow: Flow<'a>,
        rows: Rows,
    ) -> Self {
        Self { execution, attempt, flow, rows, loops: Mutex::default() }
    }

    /// What a node gave. Nothing if it did not succeed, or gave nothing.
    pub(super) async fn output(&self, place: &Place) -> Result<Option<Arc<Value>>, AttemptError> {
        self.output_of(place, SHOWN_INPUTS).await
    }

    /// What arrived at a node: the only taken branch, or a list of all that were taken; in the body
    /// of a loop the item, if nothing leads to the node.
    pub(super) async fn input(&self, place: &Place) -> Result<Arc<Value>, AttemptError> {
        self.input_of(place, SHOWN_INPUTS).await
    }

    /// The branches that lead to a node.
    pub(super) async fn branches(&self, place: &Place) -> Result<Vec<Branch>, AttemptError> {
        self.branches_of(place, SHOWN_INPUTS).await
    }

    fn output_of<'v>(&'v self, place: &'v Place, errors: u8) -> Found<'v, Option<Arc<Value>>> {
        async move {
            let Some(row) = self.rows.node(self.flow, place) else { return Ok(None) };
            if row.state != NodeState::Succeeded {
                return Ok(None);
            }
            if self.flow.passes(place.1) {
                return self.input_of(place, errors).await.map(Some);
            }
            if self.flow.iterates(place.1) {
                return self.loop_output(place).await.map(Some);
            }
            if self.flow.plan.behaviour(place.1) == Behaviour::Trigger {
                return self.run_input().await.map(Some);
            }
            match (&row.output_object, &row.output) {
                (Some(key), _) => self.execution.store.load(key).await.map(Some),
                (None, Some(value)) => Ok(Some(Arc::new(value.clone()))),
                (None, None) if matches!(self.flow.plan.behaviour(place.1), Behaviour::Child(_)) => {
                    self.child_output(row).await.map(Some)
                }
                (None, None) => Ok(None),
            }
        }
        .boxed()
    }

    async fn loop_output(&self, place: &Place) -> Result<Arc<Value>, AttemptError> {
        let made = || self.loops.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = made().get(place) {
            return Ok(found.clone());
        }
        let output = Arc::new(self.make_loop_output(place).await?);
        made().insert(place.clone(), output.clone());
        Ok(output)
    }

    async fn run_input(&self) -> Result<Arc<Value>, AttemptError> {
        let run = &self.attempt.run;
        match (&run.input_object, &run.input) {
            (Some(key), _) => self.execution.store.load(key).await,
            (None, input) => Ok(Arc::new(input.clone().unwrap_or_default())),
        }
    }

    fn input_of<'v>(&'v self, place: &'v Place, errors: u8) -> Found<'v, Arc<Value>> {
        async move {
            if self.flow.plan.inbound(place.1).is_empty() {
                return self.item(&place.0).await;
            }
            let branches = self.branches_of(place, errors).await?;
            let mut taken: Vec<Arc<Value>> = branches.into_iter().filter_map(|branch| branch.value).collect();
            match taken.len() {
                0 => Ok(Arc::default()),
                1 => Ok(taken.remove(0)),
                _ => {
                    let all = taken.iter().map(|value| Value::clone(value));
                    Ok(Arc::new(Value::Array(all.collect())))
                }
            }
        }
        .boxed()
    }

    async fn branches_of(&self, place: &Place, errors: u8) -> Result<Vec<Branch>, AttemptError> {
        let mut branches = Vec::new();
        for &edge in self.flow.plan.inbound(place.1) {
            let from = (place.0.clone(), self.flow.plan.ends(edge).0);
            let value = match self.decision(place, edge) {
                Decision { taken: false, .. } => None,
                Decision { error: true, .. } => Some(self.error_of(&from, errors).await?),
                Decision { error: false, .. } => {
                    Some(self.output_of(&from, errors).await?.unwrap_or_default())
                }
            };
            branches.push(Branch { source: self.flow.plan.key(from.1).to_owned(), value });
        }
        Ok(branches)
    }

    /// How an edge to a node that runs was decided. An edge that stands alone and carries no error
    /// was taken: otherwise the node would not run.
    fn decision(&self, place: &Place, edge: EdgeId) -> Decision {
        let from = self.flow.plan.ends(edge).0;
        if self.flow.plan.inbound(place.1).len() == 1 && !self.flow.may_carry_error(from) {
            return Decision { taken: true, error: false };
        }
        let key = (place.0.to_string(), edge_name(self.flow, edge));
        self.rows.edges.get(&key).copied().unwrap_or(Decision { taken: false, error: false })
    }

    /// The error of a failed node, with what the node had got.
    async fn error_of(&self, place: &Place, errors: u8) -> Result<Arc<Value>, AttemptError> {
        let row = self.rows.node(self.flow, place);
        let stored = row.and_then(|row| row.error.as_ref());
        let mut error = Map::new();
        for field in ["code", "message", "status"] {
            if let Some(value) = stored.and_then(|stored| stored.get(field)) {
                error.insert(field.to_owned(), value.clone());
            }
        }
        error.insert("node".to_owned(), self.flow.plan.key(place.1).into());
        error.insert("attempt".to_owned(), row.map(|row| row.attempt).into());
        let mut carried = json!({"error": error});
        if let Some(errors) = errors.checked_sub(1) {
            carried["input"] = Value::clone(&*self.input_of(place, errors).await?);
        }
        if let Some((_, item)) = self.flow.loop_of(&place.0) {
            carried["index"] = item.into();
        }
        Ok(Arc::new(carried))
    }

    /// The item that a scope is. Null for the run.
    pub(super) async fn item(&self, scope: &ScopePath) -> Result<Arc<Value>, AttemptError> {
        let Some((around, item)) = self.flow.loop_of(scope) else { return Ok(Arc::default()) };
        if matches!(self.flow.plan.behaviour(around.1), Behaviour::While(_)) {
            return self.round(&around, item).await;
        }
        let Some(row) = self.rows.list(self.flow, &around) else { return Ok(Arc::default()) };
        let place = usize::try_from(item).unwrap_or(usize::MAX);
        let found = match (&row.items_object, &row.items) {
            (Some(key), _) => self.execution.store.load(key).await?.get(place).cloned(),
            (None, items) => items.as_ref().and_then(|items| items.get(place)).cloned(),
        };
        Ok(Arc::new(found.unwrap_or_default()))
    }

    /// What a round of a while node begins with: what the round before gave, or the input of the
    /// node.
    pub(super) async fn round(&self, around: &Place, round: u32) -> Result<Arc<Value>, AttemptError> {
        match self.flow.earlier_round(around, round) {
            None => self.input(around).await,
            Some(earlier) => self.result_of(&earlier).await.map(Arc::new),
        }
    }

    /// What an item gave: the output of the only node that nothing follows, or an object with the
    /// outputs of all of these that gave one.
    pub(super) async fn result_of(&self, scope: &ScopePath) -> Result<Value, AttemptError> {
        let last = self.flow.last_nodes(scope);
        let mut outputs = Map::new();
        for node in &last {
            let output = self.output_of(&(scope.clone(), *node), 0).await?;
            match (output, last.len()) {
                (Some(output), 1) => return Ok(Value::clone(&output)),
                (Some(output), _) => {
                    outputs.insert(self.flow.plan.key(*node).to_owned(), Value::clone(&output));
                }
                (None, _) => {}
            }
        }
        Ok(if last.len() > 1 { Value::Object(outputs) } else { Value::Null })
    }

    /// How many items a loop has. Nothing for a while node.
    pub(super) fn length(&self, around: &Place) -> Option<u32> {
        self.rows
            .list(self.flow, around)
            .and_then(|row| row.total)
            .and_then(|total| u32::try_from(total).ok())
    }

    /// Where the input of a node is kept already, if it is one value that was kept.
    pub(super) fn stored_input(&self, place: &Place) -> Option<Stored> {
        let inbound = self.flow.plan.inbound(place.1).iter();
        let mut taken = inbound.filter_map(|edge| {
            let decision = self.decision(place, *edge);
            decision.taken.then(|| (self.flow.plan.ends(*edge).0, decision.error))
        });
        match (taken.next(), taken.next()) {
            (Some((from, false)), None) => self.stored_output(&(place.0.clone(), from)),
            _ => None,
        }
    }

    fn stored_output(&self, place: &Place) -> Option<Stored> {
        let row = self.rows.node(self.flow, place).filter(|row| row.state == NodeState::Succeeded)?;
        if self.flow.passes(place.1) {
            return self.stored_input(place);
        }
        if self.flow.iterates(place.1) {
            return None;
        }
        let run = &self.attempt.run;
        let is_trigger = self.flow.plan.behaviour(place.1) == Behaviour::Trigger;
        let (value, object, bytes) = if is_trigger {
            let bytes = run.input.as_ref().map_or(0, |input| input.to_string().len() as u64);
            (&run.input, &run.input_object, bytes)
        } else {
            (&row.output, &row.output_object, u64::try_from(row.output_bytes).unwrap_or_default())
        };
        match (object, value) {
            (Some(key), _) => Some(Stored { value: None, object: Some(key.clone()), bytes }),
            (None, Some(value)) => Some(Stored { value: Some(value.clone()), object: None, bytes }),
            (None, None) => None,
        }
    }
}
