//! What an attempt reads, and what its expressions see.

use std::sync::Arc;

use atelier_entities::{NodeState, workflow_node_runs, workflows};
use atelier_queue::answered;
use sea_orm::EntityTrait;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Attempt, Execution, prepared::Prepared};
use crate::{
    engine::{Plan, ScopePath},
    expression::{Context, Root},
    graph::Behaviour,
    nodes::{AttemptError, Branch, Work},
    runs::{
        data::{Composer, Needs, Piece, Reader, Rows},
        store::Place,
    },
    workflows::Settings,
};

/// Reads what one attempt needs.
pub(super) struct AttemptReader<'a> {
    pub(super) execution: &'a Execution,
    pub(super) attempt: &'a Attempt<'a>,
    pub(super) values: Reader<'a>,
}

/// What was read.
pub(super) struct Read {
    pub(super) work: Work,
    /// What the rows that were read say.
    pub(super) composer: Composer,
}

impl<'a> AttemptReader<'a> {
    pub(super) fn new(execution: &'a Execution, attempt: &'a Attempt<'a>) -> Self {
        let values = Reader::new(execution.services.queue.db(), &execution.store.values);
        Self { execution, attempt, values }
    }

    /// Reads the rows and values of an attempt. None if it is not the current one.
    pub(super) async fn read(&self, prepared: &Prepared) -> Result<Option<Read>, AttemptError> {
        let Attempt { run, version, place, .. } = self.attempt;
        let (needs, named) = self.needs(prepared);
        let rows = Rows::read(&self.execution.reads, run.id, self.plan(), needs).await?;
        let rows = rows.with_input(Piece::of_columns(run.input.as_ref(), run.input_object.as_deref(), 0));
        let mut composer = Composer::new(run.id, version.clone(), rows);
        let Some(own) = composer.node(place).filter(|row| self.is_current(row)) else { return Ok(None) };
        let mut context = Context::new(own.ready_at, self.seed());
        let reads_branches = prepared.reads_branches || prepared.names(Root::Inputs);
        let branches = if reads_branches { self.branches(&mut composer).await? } else { Vec::new() };
        let reads_input = prepared.reads_input || prepared.names(Root::Input);
        let input = if reads_input {
            self.values.value_of(&composer.input(place)).await?
        } else {
            Arc::new(Value::Null)
        };
        if prepared.names(Root::Input) {
            context = context.with(Root::Input, Value::clone(&input));
        }
        if prepared.names(Root::Inputs) {
            context = context.with(Root::Inputs, inputs(&branches));
        }
        context = self.with_nodes(context, &named, &mut composer).await?;
        context = self.with_item(context, prepared, &mut composer).await?;
        context = self.with_run(context, prepared).await?;
        let work = Work {
            input,
            branches,
            context,
            now: self.execution.services.queue.now(),
            deadline: self.attempt.deadline,
        };
        Ok(Some(Read { work, composer }))
    }

    fn plan(&self) -> &'a Plan {
        &self.attempt.version.plan
    }

    /// The branches that lead to the node.
    async fn branches(&self, composer: &mut Composer) -> Result<Vec<Branch>, AttemptError> {
        let pieces = composer.branches(&self.attempt.place);
        let mut branches = Vec::with_capacity(pieces.len());
        for (edge, piece) in pieces {
            let value = match piece {
                Some(piece) => Some(self.values.value_of(&piece).await?),
                None => None,
            };
            let source = self.plan().key(self.plan().ends(edge).0).to_owned();
            branches.push(Branch { source, value });
        }
        Ok(branches)
    }

    /// The rows that the attempt needs, and the nodes that its expressions name.
    fn needs(&self, prepared: &Prepared) -> (Needs, Vec<Place>) {
        let (plan, place) = (self.plan(), &self.attempt.place);
        let mut needs = Needs::default();
        needs.add_input(plan, place);
        let scopes = place.0.items().chain([ScopePath::root()]);
        let named: Vec<Place> = if prepared.reads_any_node {
            let all = scopes.flat_map(|scope| {
                let nodes = plan.nodes_of(&scope).iter().copied();
                nodes.map(move |node| (scope.clone(), node)).collect::<Vec<_>>()
            });
            all.filter(|other| other != place).collect()
        } else {
            let found = prepared.nodes().filter_map(|key| plan.find_node(key));
            found.filter_map(|node| Some((plan.scope_of(&place.0, node)?, node))).collect()
        };
        for other in &named {
            needs.add_output(plan, other);
        }
        if prepared.names(Root::Item) {
            match plan.behaviour(place.1) {
                Behaviour::While(_) => needs.add_round(plan, place, self.attempt.args.round),
                _ => needs.add_item(plan, &place.0),
            }
        }
        if prepared.names(Root::Loop)
            && let Some((around, _)) = plan.loop_of(&place.0)
        {
            needs.add_list(around);
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
        composer: &mut Composer,
    ) -> Result<Context, AttemptError> {
        let mut context = context.with(Root::Nodes, Value::Object(Map::new()));
        for place in named {
            if let Some(output) = composer.output(place) {
                let output = self.values.value_of(&output).await?;
                context = context.with_output(self.plan().key(place.1), Value::clone(&output));
            }
        }
        Ok(context)
    }

    async fn with_item(
        &self,
        mut context: Context,
        prepared: &Prepared,
        composer: &mut Composer,
    ) -> Result<Context, AttemptError> {
        let place = &self.attempt.place;
        let round = self.attempt.args.round;
        let is_round = matches!(self.plan().behaviour(place.1), Behaviour::While(_));
        let around = self.plan().loop_of(&place.0);
        let number = if is_round { Some(round) } else { around.as_ref().map(|(_, item)| *item) };
        if let Some(number) = number {
            context = context.with(Root::Index, number.into());
        }
        if prepared.names(Root::Item) {
            let item = match (is_round, &around) {
                (true, _) => Some(composer.round(place, round)),
                (false, Some(_)) => Some(composer.item(&place.0)),
                (false, None) => None,
            };
            if let Some(item) = item {
                let item = self.values.value_of(&item).await?;
                context = context.with(Root::Item, Value::clone(&item));
            }
        }
        if prepared.names(Root::Loop)
            && let Some((around, item)) = around
        {
            let length = composer.length(&around);
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
        let Some(workflow) = answered(workflows::Entity::find_by_id(run.workflow_id).one(db)).await? else {
            return Ok(context);
        };
        let vars = Value::Object(Settings::known(&workflow).vars);
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
