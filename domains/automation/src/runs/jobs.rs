use std::time::Duration;

use atelier_entities::{RunId, WorkflowId, WorkflowScheduleId};
use atelier_queue::{Backoff, Job, Lane, Policy, QueueName};
use serde::{Deserialize, Serialize};

/// Starts a run that was admitted. Its effect is the first step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StartRun {
    /// The run.
    pub run_id: RunId,
}

impl Job for StartRun {
    const KIND: &'static str = "workflow.start_run";
    const QUEUE: QueueName = QueueName::Workflow;

    fn policy() -> Policy {
        Policy { max_attempts: 20, ..policy_of(Duration::from_secs(30)) }
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("start:{}", self.run_id))
    }
}

/// Runs one attempt of a node. The engine repeats a failed attempt by a job of its own; the
/// attempts of this job are for workers that die.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunNode {
    /// The run.
    pub run_id: RunId,
    /// The items around the node, such as `each[3]`; empty outside loops.
    pub scope: String,
    /// The key of the node.
    pub node: String,
    /// How often the run had been retried when the node became ready.
    pub generation: u32,
    /// The round of a while node.
    pub round: u32,
    /// The attempt of the node.
    pub attempt: u32,
}

impl RunNode {
    /// The attempt that a row names by its scope, its node, and its generation, round and attempt.
    pub(crate) fn of_row(run_id: RunId, scope: &str, node: &str, numbers: [i32; 3]) -> Self {
        let [generation, round, attempt] = numbers.map(|number| u32::try_from(number).unwrap_or_default());
        Self { run_id, scope: scope.to_owned(), node: node.to_owned(), generation, round, attempt }
    }

    /// The attempt in one text, unique in its run.
    #[must_use]
    pub fn attempt_key(&self) -> String {
        let Self { run_id: _, scope, node, generation, round, attempt } = self;
        format!("{scope}/{node}/{generation}.{round}.{attempt}")
    }

    /// The attempt of a run that has this [key](RunNode::attempt_key).
    #[must_use]
    pub fn parse(run_id: RunId, key: &str) -> Option<Self> {
        let (scope, rest) = key.split_once('/')?;
        let (node, numbers) = rest.split_once('/')?;
        let mut numbers = numbers.split('.').map(str::parse);
        let mut next = || numbers.next()?.ok();
        let (generation, round, attempt) = (next()?, next()?, next()?);
        Some(Self { run_id, scope: scope.to_owned(), node: node.to_owned(), generation, round, attempt })
    }
}

impl Job for RunNode {
    const KIND: &'static str = "workflow.run_node";
    const QUEUE: QueueName = QueueName::Workflow;

    /// The timeout is that of the node.
    fn policy() -> Policy {
        policy_of(Duration::from_secs(60))
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("node:{}:{}", self.run_id, self.attempt_key()))
    }
}

/// Ends a wait whose time has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WakeNode {
    /// The attempt that waits.
    #[serde(flatten)]
    pub at: RunNode,
}

impl Job for WakeNode {
    const KIND: &'static str = "workflow.wake_node";
    const QUEUE: QueueName = QueueName::Workflow;

    fn policy() -> Policy {
        Policy { max_attempts: 20, ..policy_of(Duration::from_secs(30)) }
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("wake:{}:{}", self.at.run_id, self.at.attempt_key()))
    }
}

/// Cancels the oldest runs of a workflow, so that a queued one may start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CancelOlder {
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// The queued run. Those before it are cancelled.
    pub run_id: RunId,
}

impl Job for CancelOlder {
    const KIND: &'static str = "workflow.make_room";
    const QUEUE: QueueName = QueueName::Workflow;

    fn policy() -> Policy {
        Policy { max_attempts: 20, ..policy_of(Duration::from_secs(30)) }
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("older:{}", self.run_id))
    }
}

/// Cancels the jobs of a run that it no longer needs, and that others had locked when it was
/// decided.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StopJobs {
    /// The run.
    pub run_id: RunId,
}

impl Job for StopJobs {
    const KIND: &'static str = "workflow.stop_jobs";
    const QUEUE: QueueName = QueueName::Workflow;

    fn policy() -> Policy {
        Policy { max_attempts: 20, lane: Lane::Urgent, ..policy_of(Duration::from_secs(30)) }
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("stop:{}", self.run_id))
    }
}

/// Ends runs that took too long, and repairs what no job moves.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ReconcileRuns {}

impl Job for ReconcileRuns {
    const KIND: &'static str = "workflow.reconcile";
    const QUEUE: QueueName = QueueName::Maintenance;

    fn policy() -> Policy {
        Policy { max_attempts: 3, ..policy_of(Duration::from_secs(300)) }
    }

    fn unique_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }
}

/// Starts what waits in a schedule once its runs have ended, and pauses it after too many failures. It is not
/// unique: each end of a run has its own, so that none is overlooked while another one runs.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct SettleSchedule {
    /// The schedule.
    pub schedule_id: WorkflowScheduleId,
}

impl Job for SettleSchedule {
    const KIND: &'static str = "workflow.settle_schedule";
    const QUEUE: QueueName = QueueName::Workflow;

    fn policy() -> Policy {
        Policy { max_attempts: 20, ..policy_of(Duration::from_secs(60)) }
    }
}

/// Computes the next fire times of schedules again: an upgrade of the program may have brought other rules of
/// time zones.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RecomputeSchedules {}

impl Job for RecomputeSchedules {
    const KIND: &'static str = "workflow.recompute_schedules";
    const QUEUE: QueueName = QueueName::Maintenance;

    fn policy() -> Policy {
        Policy { max_attempts: 3, lane: Lane::Bulk, ..policy_of(Duration::from_secs(300)) }
    }

    fn unique_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }
}

fn policy_of(timeout: Duration) -> Policy {
    Policy {
        max_attempts: 10,
        timeout,
        backoff: Backoff::Exponential { base: Duration::from_secs(1), max: Duration::from_secs(60) },
        lane: Lane::Normal,
    }
}
