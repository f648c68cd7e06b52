//! Runs one attempt of a node: reads what it needs, evaluates its expressions, lets its type do
//! the work, and keeps what it gives.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use atelier_entities::workflow_runs;
use atelier_queue::{JobContext, JobError, Outcome, answered};
use serde_json::{Map, Value, json};

use super::{
    ActionStart, ChildRequest, NodeResult, RunNode, Stored, StoredValues, WorkOutcome,
    data::{Composer, SharedReads},
    store::{Place, find_version},
};
use crate::{
    engine::ScopePath,
    graph::Node,
    nodes::{
        AttemptError, Call, Definition, NodeFailure, NodeOutput, Run, Services, Wait, Work, check_approvers,
        find_definition,
    },
    workflows::versions::LoadedVersion,
};

mod context;
mod meter;
mod prepared;
mod store;

use context::AttemptReader;
use meter::Meter;
use prepared::Prepared;
use store::Store;

/// How much earlier than its job an attempt ends, so that it ends as a failure of the node and is
/// not repeated by the queue. Shorter for short timeouts.
const END_MARGIN: Duration = Duration::from_millis(500);
/// Most characters of the message of a failure.
const MAX_MESSAGE_CHARS: usize = 2_000;

/// Runs attempts of nodes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Execution {
    services: Services,
    store: Store,
    /// Attempts that run at the same time read their rows together.
    reads: SharedReads,
}

/// The attempt that a job is about, with what was read of it.
struct Attempt<'a> {
    args: &'a RunNode,
    run: workflow_runs::Model,
    version: Arc<LoadedVersion>,
    place: Place,
    deadline: Instant,
}

impl Execution {
    /// Runs attempts with these services, and keeps large values among these.
    #[must_use]
    pub fn new(services: Services, values: StoredValues) -> Self {
        let store = Store::new(values, services.queue.options().max_result_bytes);
        let reads = SharedReads::new(services.queue.db());
        Self { services, store, reads }
    }

    /// Runs one attempt. Its result is a [`NodeResult`]; a failure of the node fails the job. An
    /// attempt of a run that is paused or has ended, or that is not the current one, does nothing.
    ///
    /// # Errors
    /// Why the node failed, or why the job has to run again.
    pub async fn run_node(&self, ctx: &JobContext, args: RunNode) -> Result<Outcome, JobError> {
        let left = ctx.time_left();
        let limit = left.saturating_sub(END_MARGIN.min(left / 10));
        let deadline = Instant::now() + limit;
        let attempt = Box::pin(self.attempt(&args, deadline));
        let ended = tokio::select! {
            biased;
            () = ctx.stop().cancelled() => {
                return Err(JobError::retry("STOPPED", "the attempt was stopped"));
            }
            ended = tokio::time::timeout(limit, attempt) => ended,
        };
        match ended.unwrap_or_else(|_| Err(NodeFailure::timeout().into())) {
            Ok(result) => Ok(Outcome::Done(result_value(&result)?)),
            Err(AttemptError::Failed(failure)) => Err(job_error(failure)),
            Err(AttemptError::Again(error)) => Err(error),
        }
    }

    async fn attempt(&self, args: &RunNode, deadline: Instant) -> Result<NodeResult, AttemptError> {
        let Some(attempt) = answered(self.find_attempt(args, deadline)).await? else { return Ok(held()) };
        let Some(node) = attempt.version.graph.find_node(&args.node) else { return Ok(held()) };
        let definition = find_definition(&node.kind, node.type_version).ok_or_else(|| {
            NodeFailure::permanent(
                "TYPE_UNKNOWN",
                format!("This version does not know the type {}.", node.kind),
            )
        })?;
        let mut meter = Meter::new(definition.kind.name);
        let result = self.work(&attempt, node, definition).await;
        meter.note(&result);
        result
    }

    async fn work(
        &self,
        attempt: &Attempt<'_>,
        node: &Node,
        definition: &Definition,
    ) -> Result<NodeResult, AttemptError> {
        let prepared = Prepared::new(node, definition)?;
        let reader = AttemptReader::new(self, attempt);
        let Some(mut read) = reader.read(&prepared).await? else { return Ok(held()) };
        let output = self.run(attempt, definition, prepared, read.work).await?;
        reader.keep(output, &mut read.composer).await
    }

    /// The attempt, unless its run does not exist, is paused or has ended, or its owner has closed the account.
    async fn find_attempt<'a>(
        &self,
        args: &'a RunNode,
        deadline: Instant,
    ) -> Result<Option<Attempt<'a>>, AttemptError> {
        let db = self.services.queue.db();
        let run = self.reads.find_run(args.run_id).await?;
        let Some(run) = run.filter(|run| !run.paused && !run.status.is_final()) else { return Ok(None) };
        let version = find_version(db, run.version_id).await?.ok_or_else(|| {
            NodeFailure::permanent("VERSION_MISSING", "The version of the run cannot be loaded.")
        })?;
        let (Ok(scope), Some(node)) = (args.scope.parse::<ScopePath>(), version.plan.find_node(&args.node))
        else {
            return Ok(None);
        };
        if !version.plan.holds(&scope, node) {
            return Ok(None);
        }
        Ok(Some(Attempt { args, run, version, place: (scope, node), deadline }))
    }

    /// Evaluates the expressions and lets the type do its work.
    async fn run(
        &self,
        attempt: &Attempt<'_>,
        definition: &Definition,
        prepared: Prepared,
        work: Work,
    ) -> Result<NodeOutput, AttemptError> {
        match definition.run {
            Run::Compute(compute) => {
                let task = move || {
                    let (config, _) = prepared.open(&work.context, false)?;
                    compute(config, work)
                };
                Ok(blocking(task).await??)
            }
            Run::Act(act) => {
                let sends_secrets = definition.sends_secrets;
                let context = work.context;
                let opening = move || prepared.open(&context, sends_secrets);
                let (config, redactor) = blocking(opening).await??;
                let RunNode { run_id, scope, node, generation, round, .. } = attempt.args;
                let call = Call {
                    services: &self.services,
                    run_id: *run_id,
                    owner: attempt.run.user_id,
                    idempotency_key: format!("{run_id}:{scope}/{node}/{generation}.{round}"),
                    redactor: &redactor,
                };
                act(config, &call).await
            }
            Run::Engine => {
                let message = format!("Nodes of the type {} cannot run here.", definition.kind.name);
                Err(NodeFailure::permanent("TYPE_UNAVAILABLE", message).into())
            }
        }
    }
}

impl AttemptReader<'_> {
    /// Keeps what a node gives, and says how its attempt ended.
    async fn keep(&self, output: NodeOutput, composer: &mut Composer) -> Result<NodeResult, AttemptError> {
        let run = &self.attempt.run;
        let store = &self.execution.store;
        let (outcome, output) = match output {
            NodeOutput::Value(value) => {
                (WorkOutcome::Done { port: None }, Some(store.keep(run, value).await?))
            }
            NodeOutput::Input => (WorkOutcome::Done { port: None }, Some(self.pass_input(composer).await?)),
            NodeOutput::Port(port) => {
                (WorkOutcome::Done { port: Some(port) }, Some(self.pass_input(composer).await?))
            }
            NodeOutput::Items(items) => {
                let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
                (WorkOutcome::Items { count }, Some(store.keep_list(run, items).await?))
            }
            NodeOutput::Round(holds) => (WorkOutcome::Round { holds }, None),
            NodeOutput::Wait(Wait { kind, key, due, question }) => {
                if let Some(question) = &question {
                    check_approvers(self.execution.services.queue.db(), run.user_id, question).await?;
                }
                use atelier_entities::WaitKind::{Delay, Until};
                let passes = matches!(kind, Delay | Until);
                let output = if passes { Some(self.pass_input(composer).await?) } else { None };
                (WorkOutcome::Wait { kind, key, due, question }, output)
            }
            NodeOutput::Start { action, params, due } => {
                (WorkOutcome::Start(ActionStart { action: action.to_owned(), params, due }), None)
            }
            NodeOutput::Child { workflow_id, input } => {
                let input = match input {
                    Some(input) => store.keep(run, input).await?,
                    None => self.pass_input(composer).await?,
                };
                (WorkOutcome::Child(ChildRequest { workflow_id, input }), None)
            }
        };
        Ok(NodeResult { outcome, output })
    }

    /// The input of the node, to be given on: as it is kept already, if it is one value.
    async fn pass_input(&self, composer: &mut Composer) -> Result<Stored, AttemptError> {
        let (run, store) = (&self.attempt.run, &self.execution.store);
        let input = composer.input(&self.attempt.place);
        if let Some(stored) = input.to_stored(store.max_inline) {
            return Ok(stored);
        }
        let input = self.values.value_of(&input).await?;
        store.keep(run, Value::clone(&input)).await
    }
}

/// Nothing was done.
const fn held() -> NodeResult {
    NodeResult { outcome: WorkOutcome::Held, output: None }
}

/// Runs work that may take long on a thread that may block.
async fn blocking<T: Send + 'static>(task: impl FnOnce() -> T + Send + 'static) -> Result<T, AttemptError> {
    tokio::task::spawn_blocking(task).await.map_err(|error| {
        tracing::error!(%error, "the code of a node panicked");
        NodeFailure::permanent("NODE_PANICKED", "The node hit a bug of the platform.").into()
    })
}

fn result_value(result: &NodeResult) -> Result<Value, JobError> {
    serde_json::to_value(result).map_err(|error| {
        tracing::error!(%error, "the result of an attempt cannot be written");
        JobError::fail("RESULT_INVALID", "the result cannot be written")
    })
}

/// The failure of a job for the failure of a node.
fn job_error(failure: NodeFailure) -> JobError {
    let NodeFailure { code, message, status, retry_after, retryable } = failure;
    let message: String = message.chars().filter(|char| *char != '\0').take(MAX_MESSAGE_CHARS).collect();
    let seconds = retry_after.map(|pause| pause.as_secs());
    let details = [
        ("status", status.map(Value::from)),
        ("retry_after_secs", seconds.map(Value::from)),
        ("retryable", retryable.map(Value::from)),
    ];
    let details: Map<String, Value> =
        details.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    JobError::fail(code, message).with_details(json!(details))
}

#[cfg(test)]
mod tests;
