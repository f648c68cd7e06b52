//! Jobs of runs, enqueued for all runs at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use atelier_entities::{JobId, RunId, Timestamp};
use atelier_queue::{Job, Lane, NewJob, QueueError, Sql, Transaction};
use sea_orm::{ConnectionTrait, DbErr};
use serde_json::Value;

use super::Advance;
use crate::{
    engine::NodeAt,
    runs::{
        RunNode, StopJobs, Stored, WakeNode,
        store::{Place, RunRow},
    },
};

/// Jobs that the runs want.
#[derive(Debug, Default)]
pub(super) struct Pending {
    starts: BTreeMap<(RunId, NodeAt), PendingJob>,
    wakes: BTreeMap<(RunId, NodeAt), (RunNode, Timestamp)>,
}

/// The job of an attempt.
#[derive(Debug)]
pub(super) struct PendingJob {
    pub(super) args: RunNode,
    pub(super) due: Option<Timestamp>,
    pub(super) timeout: Duration,
}

impl Pending {
    pub(super) fn start(&mut self, run: RunId, at: &NodeAt, job: PendingJob) {
        self.starts.insert((run, at.clone()), job);
    }

    /// Whether the job of the attempt was still to be enqueued.
    pub(super) fn forget_start(&mut self, run: RunId, at: &NodeAt) -> bool {
        self.starts.remove(&(run, at.clone())).is_some()
    }

    pub(super) fn wake(&mut self, run: RunId, at: &NodeAt, args: RunNode, due: Timestamp) {
        self.wakes.insert((run, at.clone()), (args, due));
    }

    /// Whether the job that wakes the attempt was still to be enqueued.
    pub(super) fn forget_wake(&mut self, run: RunId, at: &NodeAt) -> bool {
        self.wakes.remove(&(run, at.clone())).is_some()
    }
}

/// The job of an attempt of a node. It begins as often as its kind says, and has the timeout of the node.
fn node_job(row: &RunRow, args: &RunNode, due: Option<Timestamp>, timeout: Duration) -> NewJob {
    let job = of_run(NewJob::of(args), row).with_limits(RunNode::policy().max_attempts, timeout);
    match due {
        Some(due) => job.at(due),
        None => job,
    }
}

/// The job that wakes a node.
fn wake_job(row: &RunRow, args: &RunNode, due: Timestamp) -> NewJob {
    of_run(NewJob::of(&WakeNode { at: args.clone() }), row).at(due)
}

/// The job, as a job of that run.
fn of_run(job: NewJob, row: &RunRow) -> NewJob {
    job.owned_by(row.user_id).about(row.id).in_lane(Lane::from_number(row.lane))
}

impl Advance<'_> {
    /// Enqueues the jobs that are wanted, and writes what changed.
    pub(super) async fn flush(&mut self) -> Result<(), QueueError> {
        self.insert_runs().await?;
        self.give_payloads().await?;
        let starts = std::mem::take(&mut self.pending.starts);
        let wakes = std::mem::take(&mut self.pending.wakes);
        let mut jobs = Vec::with_capacity(starts.len() + wakes.len() + self.jobs.len());
        let mut targets: Vec<(RunId, Place, Target)> = Vec::with_capacity(jobs.capacity());
        for ((id, at), PendingJob { args, due, timeout }) in starts {
            if let Some(run) = self.runs.runs.get(&id) {
                jobs.push(node_job(&run.row, &args, due, timeout));
                targets.push((id, (at.scope, at.node), Target::Node));
            }
        }
        for ((id, at), (args, due)) in wakes {
            if let Some(run) = self.runs.runs.get(&id) {
                jobs.push(wake_job(&run.row, &args, due));
                targets.push((id, (at.scope, at.node), Target::Wait));
            }
        }
        jobs.append(&mut self.jobs);
        if !jobs.is_empty() {
            let enqueued = self.tx.enqueue_all(jobs).await?;
            for ((id, place, target), job) in targets.into_iter().zip(enqueued) {
                let Some(run) = self.runs.runs.get_mut(&id) else { continue };
                match target {
                    Target::Node => run.set_job(&place, job.id),
                    Target::Wait => run.set_wake_job(&place, job.id),
                }
            }
        }
        let now = self.now();
        Ok(self.runs.save(self.tx, now).await?)
    }

    /// Gives the payloads of signals to the nodes that took them.
    async fn give_payloads(&mut self) -> Result<(), QueueError> {
        let mut missing = Vec::new();
        for (id, run) in &mut self.runs.runs {
            for (signal, place) in run.taken_signals() {
                match run.payload_of(&signal) {
                    Some(payload) => run.set_output(place, Stored::inline(payload)),
                    None => missing.push((*id, signal, place)),
                }
            }
        }
        for (id, signal, place) in missing {
            let payload = read_payload(self.tx, id, &signal).await?;
            let run = self.runs.runs.get_mut(&id);
            if let Some((run, payload)) = run.zip(payload) {
                run.set_output(place, Stored::inline(payload));
            }
        }
        Ok(())
    }

    /// Cancels the jobs that nobody needs. Those that another transaction has locked are left to a job.
    pub(super) async fn cancel_unneeded(&mut self) -> Result<(), QueueError> {
        let unneeded = std::mem::take(&mut self.unneeded);
        let ids: Vec<JobId> = unneeded.iter().map(|(_, job)| *job).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let left = self.tx.cancel_many(&ids).await?.locked;
        let left: BTreeSet<_> = left.into_iter().map(|job| job.0).collect();
        let runs: BTreeSet<RunId> =
            unneeded.iter().filter(|(_, job)| left.contains(&job.0)).map(|(run, _)| *run).collect();
        let jobs: Vec<NewJob> = runs
            .into_iter()
            .filter_map(|id| {
                let run = self.runs.runs.get(&id)?;
                Some(NewJob::of(&StopJobs { run_id: id }).owned_by(run.row.user_id))
            })
            .collect();
        if !jobs.is_empty() {
            self.tx.enqueue_all(jobs).await?;
        }
        Ok(())
    }
}

/// What an enqueued job is for.
enum Target {
    Node,
    Wait,
}

async fn read_payload(tx: &Transaction, run: RunId, signal: &str) -> Result<Option<Value>, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT payload FROM workflow_signals WHERE run_id = ").bind(run);
    sql.push(" AND id = ").bind(signal);
    tx.query_one_raw(sql.build()).await?.map(|row| row.try_get_by_index(0)).transpose()
}
