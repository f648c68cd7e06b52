//! What an attempt reads, and what its expressions see.

use std::sync::Arc;

use atelier_entities::{NodeState, workflow_node_runs, workflows};
use sea_orm::EntityTrait;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Attempt, Execution,
    needs::{Flow, Needs, Place, SHOWN_INPUTS},
    prepared::Prepared,
    rows::Rows,
    values::Values,
};
use crate::{
    engine::ScopePath,
    expression::{Context, Root},
    graph::Behaviour,
    nodes::{AttemptError, Branch, Work},
};

/// Reads what one attempt needs.
pub(super) struct Reader<'a> {
    pub(super) execution: &'a Execution,
    pub(super) attempt: &'a Attempt<'a>,
    pub(super) flow: Flow<'a>,
}

/// What was read.
pub(super) struct Read<'a> {
    pub(super) work: Work,
    pub(super) values: Values<'a>,
}

impl<'a> Reader<'a> {
    /// Reads the rows and values of an attempt. None if it is not the current one.
    pub(super) async fn read(&self, prepared: &Prepared) -> Result<Option<Read<'a>>, AttemptError> {
        let (needs, named) = self.needs(prepared);
        let db = self.execution.services.queue.db();
        let rows = Rows::read(db, self.attempt.run.id, self.flow, &needs).await?;
        let place = &self.attempt.place;
        let Some(own) = rows.node(self.flow, place).filter(|row| self.is_current(row)) else {
            return Ok(None);
        };
        let ready_at = own.ready_at;
        let values = Values::new(self.execution, self.attempt, self.flow, rows);
        let mut context = Context::new(ready_at, self.seed());
        let reads_branches = prepared.reads_branches || prepared.names(Root::Inputs);
        let branches = if reads_branches { values.branches(place).await? } else { Vec::new() };
        let reads_input = prepared.reads_input || prepared.names(Root::Input);
        let input = if reads_input { values.input(place).await? } else { Arc::new(Value::Null) };
        if prepared.names(Root::Input) {
            context = context.with(Root::Input, Value::clone(&input));
        }
        if prepared.names(Root::Inputs) {
            context = context.with(Root::Inputs, inputs(&branches));
        }
        context = self.with_nodes(context, &named, &values).await?;
        context = self.with_item(context, prepared, &values).await?;
        context = self.with_run(context, prepared).await?;
        let work = Work {
            input,
            branches,
            context,
            now: self.execution.services.queue.now(),
            deadline: self.attempt.deadline,
        };
        Ok(Some(Read { work, values }))
    }

    /// The rows that the attempt needs, and the nodes that its expressions name.
    fn needs(&self, prepared: &Prepared) -> (Needs, Vec<Place>) {
        let (flow, place) = (self.flow, &self.attempt.place);
        let mut needs = Needs::default();
        needs.nodes.insert(place.clone());
        needs.add_input(flow, place, SHOWN_INPUTS);
        let scopes = place.0.items().chain([ScopePath::root()]);
        let named: Vec<Place> = if prepared.reads_any_node {
            let all = scopes.flat_map(|scope| {
                let nodes = flow.plan.nodes_of(&scope).iter().copied();
                nodes.map(move |node| (scope.clone(), node)).collect::<Vec<_>>()
            });
            all.filter(|other| other != place).collect()
        } else {
            let found = prepared.nodes().filter_map(|key| flow.plan.find_node(key));
            found.filter_map(|node| Some((flow.scope_of(&place.0, node)?, node))).collect()
        };
        for other in &named {
            needs.add_output(flow, other, SHOWN_INPUTS);
        }
        if prepared.names(Root::Item) {
            match flow.plan.behaviour(place.1) {
                Behaviour::While(_) => needs.add_round(flow, place, self.attempt.args.round),
                _ => needs.add_item(flow, &place.0),
            }
        }
        if prepared.names(Root::Loop)
            && let Some((around, _)) = flow.loop_of(&place.0)
        {
            needs.lists.insert(around);
        }
        (needs, named)
    }

    /// Whether the row is that of this attempt, and its work is still to be done.
    fn is_current(&self, row: &workflow_node_runs::Model) -> bool {
        let args = self.attempt.args;
        let same = |stored: i32, asked: u32| u32::try_from(stored) == Ok(asked);
        let is_waited_for = matches!(row.state, NodeState::Ready | NodeState::Running | NodeState::Retrying);
        is_waited_for
            && same(row.generation, args.generation)
            && same(row.round, args.round)
            && same(row.attempt, args.attempt)
    }

    /// The same for all attempts of the node, so that `uuid()` gives a retry the same ids.
    fn seed(&self) -> Uuid {
        let args = self.attempt.args;
        let text = format!("{}/{}/{}/{}.{}", args.run_id, args.scope, args.node, args.generation, args.round);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
        Uuid::from_bytes(bytes)
    }

    async fn with_nodes(
        &self,
        context: Context,
        named: &[Place],
        values: &Values<'_>,
    ) -> Result<Context, AttemptError> {
        let mut context = context.with(Root::Nodes, Value::Object(Map::new()));
        for place in named {
            if let Some(output) = values.output(place).await? {
                context = context.with_output(self.flow.plan.key(place.1), Value::clone(&output));
            }
        }
        Ok(context)
    }

    async fn with_item(
        &self,
        mut context: Context,
        prepared: &Prepared,
        values: &Values<'_>,
    ) -> Result<Context, AttemptError> {
        let place = &self.attempt.place;
        let round = self.attempt.args.round;
        let is_round = matches!(self.flow.plan.behaviour(place.1), Behaviour::While(_));
        let around = self.flow.loop_of(&place.0);
        let number = if is_round { Some(round) } else { around.as_ref().map(|(_, item)| *item) };
        if let Some(number) = number {
            context = context.with(Root::Index, number.into());
        }
        if prepared.names(Root::Item) {
            let item = match (is_round, &around) {
                (true, _) => Some(values.round(place, round).await?),
                (false, Some(_)) => Some(values.item(&place.0).await?),
                (false, None) => None,
            };
            if let Some(item) = item {
                context = context.with(Root::Item, Value::clone(&item));
            }
        }
        if prepared.names(Root::Loop)
            && let Some((around, item)) = around
        {
            let length = values.length(&around);
            let is_last = length.map(|length| item + 1 == length);
            context =
                context.with(Root::Loop, json!({"first": item == 0, "last": is_last, "length": length}));
        }
        Ok(context)
    }

    async fn with_run(&self, mut context: Context, prepared: &Prepared) -> Result<Context, AttemptError> {
        let run = &self.attempt.run;
        if prepared.names(Root::Run) {
            let value = json!({
                "id": run.id, "started_at": run.started_at, "trigger": run.trigger_node,
                "attempt": self.attempt.args.attempt,
            });
            context = context.with(Root::Run, value);
        }
        if !prepared.names(Root::Workflow) && !prepared.names(Root::Vars) {
            return Ok(context);
        }
        let db = self.execution.services.queue.db();
        let Some(workflow) = workflows::Entity::find_by_id(run.workflow_id).one(db).await? else {
            return Ok(context);
        };
        let vars = workflow.settings.get("vars").cloned().unwrap_or_else(|| json!({}));
        let about = json!({
            "id": workflow.id, "name": workflow.name, "version": self.attempt.version.number,
        });
        Ok(context.with(Root::Workflow, about).with(Root::Vars, vars))
    }
}

/// `inputs.KEY.taken` and `inputs.KEY.output` for each source. Of several edges from one source a
/// taken one counts.
fn inputs(branches: &[Branch]) -> Value {
    let mut all = Map::new();
    for Branch { source, value } in branches {
        let is_taken = all.get(source).is_some_and(|found| found["taken"] == true);
        if !is_taken {
            let output = value.as_ref().map(|value| Value::clone(value));
            all.insert(source.clone(), json!({"taken": output.is_some(), "output": output}));
        }
    }
    Value::Object(all)
}
