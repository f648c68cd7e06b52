//! Ends of the platform's jobs: what they mean for nodes that wait, and for triggers.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use atelier_entities::{RunId, UserId, WorkflowId};
use atelier_foundation::job_ends::{EndListener, Ended, event_of};
use atelier_queue::{EffectError, EndedJob, QueueError, Sql, Transaction, metrics::workflows as metrics};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};
use serde_json::{Value, json};

use super::{
    MAX_INLINE_BYTES,
    advance::{Fired, start_triggered},
    awaited::end_waits,
};
use crate::nodes::platform_event;

/// Most triggers that the ends of one transaction pull. It is far above what a person has.
const MAX_FIRED: usize = 1_000;

/// Ends waits for jobs, and starts the runs of triggers that wait for these ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JobsEnded;

#[async_trait]
impl EndListener for JobsEnded {
    async fn on_ends(
        &self,
        tx: &Transaction,
        topic: &'static str,
        jobs: &[EndedJob],
    ) -> Result<(), EffectError> {
        end_waits(tx, jobs).await?;
        fire(tx, topic, jobs).await?;
        Ok(())
    }
}

/// A trigger that waits for an event.
#[derive(Clone, Debug, FromQueryResult)]
struct Trigger {
    workflow_id: WorkflowId,
    node: String,
    user_id: UserId,
    event: String,
}

/// Pulls the triggers of the owners of jobs: one statement where nobody has any.
async fn fire(tx: &Transaction, topic: &str, jobs: &[EndedJob]) -> Result<(), QueueError> {
    let owners: BTreeSet<UserId> = jobs.iter().filter_map(|job| job.owner).collect();
    if owners.is_empty() {
        return Ok(());
    }
    let names: BTreeSet<String> = jobs.iter().flat_map(|job| names_of(topic, job)).collect();
    let triggers = list_triggers(tx, owners.into_iter().collect(), names).await?;
    if triggers.is_empty() {
        return Ok(());
    }
    let causes: Vec<RunId> = jobs.iter().filter_map(|job| job.awaited_by().map(RunId)).collect();
    let lines = list_lines(tx, &causes).await?;
    let mut fired = Vec::new();
    for job in jobs {
        let cause = job.awaited_by().map(RunId);
        let line = cause.and_then(|run| lines.get(&run));
        let names = names_of(topic, job);
        let is_of_job = |trigger: &&Trigger| {
            Some(trigger.user_id) == job.owner
                && names.contains(&trigger.event)
                && line.is_none_or(|line| !line.workflows.contains(&trigger.workflow_id))
        };
        fired.extend(triggers.iter().filter(is_of_job).map(|trigger| Fired {
            workflow: trigger.workflow_id,
            node: trigger.node.clone(),
            input: input_of(&trigger.event, job),
            caused_by: cause.zip(line.map(|line| line.depth)),
        }));
    }
    start_triggered(tx, fired).await
}

/// The names of the event that the end of a job is.
fn names_of(topic: &str, job: &EndedJob) -> [String; 2] {
    let event = event_of(job.state);
    [format!("{topic}.{event}"), format!("job.{event}")]
}

/// What the trigger of an event gives.
fn input_of(event: &str, job: &EndedJob) -> Value {
    let job = Ended::from(job);
    let input = json!({"event": event, "data": job.outcome()});
    if input.to_string().len() <= MAX_INLINE_BYTES {
        input
    } else {
        json!({"event": event, "data": job.ids()})
    }
}

async fn list_triggers(
    tx: &Transaction,
    owners: Vec<UserId>,
    names: BTreeSet<String>,
) -> Result<Vec<Trigger>, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT workflow_id, node, user_id, event FROM workflow_triggers WHERE type = ")
        .bind(platform_event::DEFINITION.kind.name)
        .push(" AND user_id ")
        .among(&owners)
        .push(" AND event IN (")
        .bind_list(names)
        .push(") ORDER BY workflow_id, node LIMIT ")
        .push(&(MAX_FIRED + 1).to_string());
    let mut triggers = Trigger::find_by_statement(sql.build()).all(&**tx).await?;
    if triggers.len() > MAX_FIRED {
        triggers.truncate(MAX_FIRED);
        tracing::error!(most = MAX_FIRED, "events pull more triggers than they may: the others start no run");
        metrics::triggers_left_out();
    }
    Ok(triggers)
}

/// A run with everything that led to it.
#[derive(Debug, Default)]
struct Line {
    depth: i32,
    /// The workflows of the run, of its parents, and of the runs whose events led to them.
    workflows: BTreeSet<WorkflowId>,
}

/// What led to these runs. An event that a run caused does not start a workflow of that line again.
async fn list_lines(tx: &Transaction, runs: &[RunId]) -> Result<BTreeMap<RunId, Line>, DbErr> {
    let mut lines: BTreeMap<RunId, Line> = BTreeMap::new();
    if runs.is_empty() {
        return Ok(lines);
    }
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("WITH RECURSIVE line(origin, workflow_id, depth, cause) AS (SELECT id, workflow_id, depth, COALESCE(parent_id, caused_by) FROM workflow_runs WHERE id ")
        .among(runs)
        .push(" UNION ALL SELECT line.origin, runs.workflow_id, runs.depth, COALESCE(runs.parent_id, runs.caused_by) FROM workflow_runs AS runs JOIN line ON runs.id = line.cause) SELECT origin, workflow_id, depth FROM line");
    for row in tx.query_all_raw(sql.build()).await? {
        let line = lines.entry(row.try_get_by_index(0)?).or_default();
        line.workflows.insert(row.try_get_by_index(1)?);
        line.depth = line.depth.max(row.try_get_by_index(2)?);
    }
    Ok(lines)
}
