//! The effects of the jobs of runs: the steps of the engine.

use async_trait::async_trait;
use atelier_entities::{JobState, RunId, RunStatus, workflow_runs};
use atelier_queue::{Effect, EffectError, EndedJob, Transaction};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::Value;
use std::time::Duration;

use super::{
    NodeResult, RunNode, WakeNode,
    advance::{NodePorts, advance, advance_with},
    event::RunEvent,
};
use crate::engine::NodeError;

/// Starts the run of the job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StartEnded;

/// Takes the end of an attempt into its run.
#[derive(Clone, Debug)]
pub(crate) struct NodeEnded(pub(crate) NodePorts);

/// Ends the wait whose time has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WakeEnded;

#[async_trait]
impl Effect for StartEnded {
    async fn on_end(&self, tx: &Transaction, job: &EndedJob) -> Result<(), EffectError> {
        self.on_ends(tx, std::slice::from_ref(job)).await
    }

    async fn on_ends(&self, tx: &Transaction, jobs: &[EndedJob]) -> Result<(), EffectError> {
        let events = jobs.iter().filter_map(|job| {
            let stopped = matches!(job.state, JobState::Cancelled | JobState::Discarded);
            Some((run_of(job)?, if stopped { RunEvent::Cancel } else { RunEvent::Start }, stopped))
        });
        let (stopped, started): (Vec<_>, Vec<_>) = events.partition(|(_, _, stopped)| *stopped);
        let mut events: Vec<_> = started.into_iter().map(|(run, event, _)| (run, event)).collect();
        // Whoever cancels the start of a run wants no run. One that has begun goes on.
        let queued = list_queued(tx, stopped.iter().map(|(run, ..)| *run).collect()).await?;
        events.extend(queued.into_iter().map(|run| (run, RunEvent::Cancel)));
        advance(tx, events).await?;
        Ok(())
    }
}

#[async_trait]
impl Effect for NodeEnded {
    async fn on_end(&self, tx: &Transaction, job: &EndedJob) -> Result<(), EffectError> {
        self.on_ends(tx, std::slice::from_ref(job)).await
    }

    async fn on_ends(&self, tx: &Transaction, jobs: &[EndedJob]) -> Result<(), EffectError> {
        let events = jobs.iter().filter_map(|job| {
            let run = run_of(job)?;
            let at: RunNode = read_args(job)?;
            let at = RunNode { run_id: run, ..at };
            Some((
                run,
                match (job.state, outcome_of(job)) {
                    (JobState::Cancelled | JobState::Discarded, Err(error)) => RunEvent::Stopped(at, error),
                    (_, outcome) => RunEvent::Ended(at, outcome),
                },
            ))
        });
        advance_with(tx, Some(&self.0), events.collect()).await?;
        Ok(())
    }
}

#[async_trait]
impl Effect for WakeEnded {
    async fn on_end(&self, tx: &Transaction, job: &EndedJob) -> Result<(), EffectError> {
        self.on_ends(tx, std::slice::from_ref(job)).await
    }

    async fn on_ends(&self, tx: &Transaction, jobs: &[EndedJob]) -> Result<(), EffectError> {
        let events = jobs.iter().filter_map(|job| {
            let run = run_of(job)?;
            let WakeNode { at } = read_args(job)?;
            Some((run, RunEvent::Wake(RunNode { run_id: run, ..at })))
        });
        advance(tx, events.collect()).await?;
        Ok(())
    }

    /// A wait whose job was cancelled is over, or gets another one from the reconciler.
    fn wants(&self, state: JobState) -> bool {
        matches!(state, JobState::Succeeded | JobState::Failed)
    }
}

fn run_of(job: &EndedJob) -> Option<RunId> {
    job.subject.map(RunId)
}

/// The attempt that a job is for. Where another version wrote args that this one cannot read, the end of
/// the job changes nothing, and the reconciler gives the node another job.
fn read_args<T: serde::de::DeserializeOwned>(job: &EndedJob) -> Option<T> {
    let args = T::deserialize(&*job.args);
    if let Err(error) = &args {
        tracing::error!(job.id = %job.id, job.kind = job.kind, %error, "the args of an ended job cannot be read");
    }
    args.ok()
}

/// How an attempt ended.
fn outcome_of(job: &EndedJob) -> Result<NodeResult, NodeError> {
    if job.state == JobState::Succeeded {
        let result = job.result.clone().unwrap_or_default();
        return serde_json::from_value(result).map_err(|_| {
            NodeError::permanent(NodeError::UNEXPECTED_OUTCOME, "The node gave a result that cannot be read.")
        });
    }
    Err(error_of(job.error.as_ref()))
}

/// The error of an attempt from that of its job.
pub(super) fn error_of(error: Option<&Value>) -> NodeError {
    let text = |name: &str| error?.get(name)?.as_str();
    let message = text("message").unwrap_or("The attempt failed.");
    let details = error.and_then(|error| error.get("details"));
    let detail = |name: &str| details?.get(name);
    match text("code").unwrap_or("FAILED") {
        "TIMED_OUT" => NodeError::new(NodeError::TIMEOUT, message),
        code @ ("CANCELLED" | "DISCARDED" | "EXPIRED") => NodeError::permanent(code, message),
        code => NodeError {
            status: detail("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok()),
            retry_after: detail("retry_after_secs").and_then(Value::as_u64).map(Duration::from_secs),
            retryable: detail("retryable").and_then(Value::as_bool),
            ..NodeError::new(code, message)
        },
    }
}

/// Those of the runs that have not begun.
async fn list_queued(tx: &Transaction, runs: Vec<RunId>) -> Result<Vec<RunId>, sea_orm::DbErr> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let queued = workflow_runs::Entity::find()
        .select_only()
        .column(workflow_runs::Column::Id)
        .filter(workflow_runs::Column::Id.is_in(runs))
        .filter(workflow_runs::Column::Status.eq(RunStatus::Queued));
    queued.into_tuple().all(&**tx).await
}
