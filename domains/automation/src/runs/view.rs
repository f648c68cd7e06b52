//! What people see of runs: lists, a run with its nodes, failed attempts.

mod arrivals;

use std::collections::HashSet;

use atelier_entities::{
    CancelCause, JobId, JobState, NodeState, ProjectId, RunCause, RunId, RunStatus, Timestamp, WorkflowId,
    WorkflowVersionId, jobs, workflow_node_attempts, workflow_node_runs, workflow_runs, workflow_waits,
};
use atelier_foundation::{Actor, COUNT_LIMIT, Page, paging};
use sea_orm::{
    ColumnTrait, Condition, DbErr, DerivePartialModel, EntityTrait, JsonValue, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use serde_json::Value;

use super::{RunError, Runs, store::find_version};
use arrivals::Arrivals;

/// Most bytes of a value in a view, as JSON: 8 KiB. The whole value has a request of its own.
pub const PREVIEW_BYTES: usize = 8 * 1024;
/// Most open waits of a view.
const MAX_WAITS: u64 = 100;

/// Which runs are listed. A field that is none matches all.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Of this workflow.
    pub workflow: Option<WorkflowId>,
    /// In one of these states; in any if there are none.
    pub statuses: Vec<RunStatus>,
    /// Started by this.
    pub cause: Option<RunCause>,
    /// Of this project.
    pub project: Option<ProjectId>,
    /// Accepted at this moment or later.
    pub from: Option<Timestamp>,
    /// Accepted before this moment.
    pub before: Option<Timestamp>,
    /// Child runs of this run.
    pub parent: Option<RunId>,
}

/// A run in a list: its row without its input.
#[derive(Clone, Debug, PartialEq, DerivePartialModel)]
#[sea_orm(entity = "workflow_runs::Entity")]
#[allow(missing_docs, reason = "the columns of the entity")]
pub struct RunSummary {
    pub id: RunId,
    pub workflow_id: WorkflowId,
    pub version_id: WorkflowVersionId,
    pub project_id: Option<ProjectId>,
    pub root_id: RunId,
    pub parent_id: Option<RunId>,
    pub cause: RunCause,
    pub trigger_node: String,
    pub status: RunStatus,
    pub paused: bool,
    pub generation: i32,
    pub working: i32,
    pub waiting: i32,
    pub failure: Option<JsonValue>,
    pub rerun_of: Option<RunId>,
    pub deadline_at: Option<Timestamp>,
    pub revision: i64,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub updated_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

impl From<workflow_runs::Model> for RunSummary {
    fn from(row: workflow_runs::Model) -> Self {
        Self {
            id: row.id,
            workflow_id: row.workflow_id,
            version_id: row.version_id,
            project_id: row.project_id,
            root_id: row.root_id,
            parent_id: row.parent_id,
            cause: row.cause,
            trigger_node: row.trigger_node,
            status: row.status,
            paused: row.paused,
            generation: row.generation,
            working: row.working,
            waiting: row.waiting,
            failure: row.failure,
            rerun_of: row.rerun_of,
            deadline_at: row.deadline_at,
            revision: row.revision,
            created_at: row.created_at,
            started_at: row.started_at,
            updated_at: row.updated_at,
            finished_at: row.finished_at,
        }
    }
}

/// How a node of a run is: its row without its output.
#[derive(Clone, Debug, PartialEq, DerivePartialModel)]
#[sea_orm(entity = "workflow_node_runs::Entity")]
#[allow(missing_docs, reason = "the columns of the entity")]
pub struct NodeSummary {
    pub scope: String,
    pub node: String,
    pub state: NodeState,
    pub generation: i32,
    pub round: i32,
    pub attempt: i32,
    pub port: Option<String>,
    pub error: Option<JsonValue>,
    pub handled: bool,
    pub retry_at: Option<Timestamp>,
    pub cause: Option<CancelCause>,
    pub job_id: Option<JobId>,
    pub revision: i64,
    pub ready_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

impl From<workflow_node_runs::Model> for NodeSummary {
    fn from(row: workflow_node_runs::Model) -> Self {
        Self {
            scope: row.scope,
            node: row.node,
            state: row.state,
            generation: row.generation,
            round: row.round,
            attempt: row.attempt,
            port: row.port,
            error: row.error,
            handled: row.handled,
            retry_at: row.retry_at,
            cause: row.cause,
            job_id: row.job_id,
            revision: row.revision,
            ready_at: row.ready_at,
            finished_at: row.finished_at,
        }
    }
}

/// A value as a view shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// The value, or the beginning of its JSON as a text. None of a value that was not read: it is in the
    /// object store, or is made of the rows of many items.
    pub value: Option<Value>,
    /// Whether this is not the whole value.
    pub truncated: bool,
    /// The bytes of the whole value as JSON; 0 where they are not known.
    pub bytes: u64,
}

impl Preview {
    /// The preview of a stored value; none if there is no value.
    #[must_use]
    pub fn of(value: Option<Value>, object: Option<&str>, bytes: i64) -> Option<Self> {
        let bytes = u64::try_from(bytes).unwrap_or_default();
        if object.is_some() {
            return Some(Self { value: None, truncated: true, bytes });
        }
        let value = value?;
        let text = value.to_string();
        let bytes = text.len() as u64;
        if text.len() <= PREVIEW_BYTES {
            return Some(Self { value: Some(value), truncated: false, bytes });
        }
        let end = (0..=PREVIEW_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        Some(Self { value: Some(Value::String(text[..end].to_owned())), truncated: true, bytes })
    }
}

/// A node of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeView {
    /// How it is. A node whose job a worker has is running.
    pub summary: NodeSummary,
    /// What arrived at it.
    pub input: Option<Preview>,
    /// The output.
    pub output: Option<Preview>,
    /// The inbound edges that were taken, such as `check.true>send.in`: their sources gave its input.
    pub inputs: Vec<String>,
}

/// A run with a page of its nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct RunView {
    /// The run.
    pub run: RunSummary,
    /// The input.
    pub input: Option<Preview>,
    /// The nodes of the page, in the order in which they became ready.
    pub nodes: Vec<NodeView>,
    /// How many nodes there are on all pages, counted up to a bound.
    pub node_count: u64,
    /// The open waits.
    pub waits: Vec<workflow_waits::Model>,
}

impl Runs {
    /// A page of the actor's runs, newest first, and their number up to [`COUNT_LIMIT`].
    ///
    /// # Errors
    /// If nobody acts, or the database fails.
    pub async fn list(
        &self,
        actor: &Actor,
        filter: &RunFilter,
        page: Page,
    ) -> Result<(Vec<RunSummary>, u64), RunError> {
        use workflow_runs::Column as C;
        let own = workflow_runs::Entity::find()
            .filter(C::UserId.eq(actor.person()?))
            .filter(condition(filter))
            .order_by_desc(C::Id);
        let rows = own.clone().offset(page.offset()).limit(page.size).into_partial_model::<RunSummary>();
        let rows = rows.all(self.queue.db()).await?;
        let total = match page.total(rows.len()) {
            Some(total) => total,
            None => own.select_only().column(C::Id).limit(COUNT_LIMIT).count(self.queue.db()).await?,
        };
        Ok((rows, total))
    }

    /// A run of the actor.
    ///
    /// # Errors
    /// If there is no such run.
    pub async fn get_summary(&self, actor: &Actor, run: RunId) -> Result<RunSummary, RunError> {
        let own =
            workflow_runs::Entity::find_by_id(run).filter(workflow_runs::Column::UserId.eq(actor.person()?));
        let found = own.into_partial_model::<RunSummary>().one(self.queue.db()).await?;
        found.ok_or(RunError::NotFound("run"))
    }

    /// A run of the actor with a page of its nodes; with `changed_since`, only those that changed after that
    /// revision of the run.
    ///
    /// # Errors
    /// If there is no such run.
    pub async fn get(
        &self,
        actor: &Actor,
        run: RunId,
        changed_since: Option<i64>,
        page: Page,
    ) -> Result<RunView, RunError> {
        use workflow_node_runs::Column as C;
        let mut row = self.find_own(actor, run).await?;
        let input = Preview::of(row.input.take(), row.input_object.as_deref(), 0);
        let nodes = workflow_node_runs::Entity::find()
            .filter(C::RunId.eq(run))
            .filter(Condition::all().add_option(changed_since.map(|revision| C::Revision.gt(revision))))
            .order_by_asc(C::ReadyAt)
            .order_by_asc(C::Scope)
            .order_by_asc(C::Node);
        let db = self.queue.db();
        let (nodes, node_count) = paging::fetch(db, nodes, page).await?;
        let running = list_running(db, &nodes).await?;
        let version = find_version(db, row.version_id).await?;
        let plan = version.as_ref().map(|version| &version.plan);
        let arrivals = Arrivals::load(db, run, plan, &nodes).await?;
        let nodes = nodes.into_iter().map(|mut node| {
            if node.state == NodeState::Ready && node.job_id.is_some_and(|job| running.contains(&job)) {
                node.state = NodeState::Running;
            }
            NodeView {
                input: arrivals.input_of(&node, input.as_ref()),
                output: arrivals.output_of(&mut node, input.as_ref()),
                inputs: arrivals.edges_to(&node),
                summary: node.into(),
            }
        });
        let nodes = nodes.collect();
        let waits = workflow_waits::Entity::find()
            .filter(workflow_waits::Column::RunId.eq(run))
            .filter(workflow_waits::Column::Closed.eq(false))
            .order_by_asc(workflow_waits::Column::OpenedAt)
            .limit(MAX_WAITS);
        let waits = waits.all(db).await?;
        Ok(RunView { run: row.into(), input, nodes, node_count, waits })
    }

    /// The failed attempts of a node, in their order. `scope` names the items around it.
    ///
    /// # Errors
    /// If there is no such run.
    pub async fn list_attempts(
        &self,
        actor: &Actor,
        run: RunId,
        (scope, node): (&str, &str),
    ) -> Result<Vec<workflow_node_attempts::Model>, RunError> {
        use workflow_node_attempts::Column as C;
        self.find_own(actor, run).await?;
        let attempts = workflow_node_attempts::Entity::find()
            .filter(C::RunId.eq(run))
            .filter(C::Scope.eq(scope))
            .filter(C::Node.eq(node))
            .order_by_asc(C::Generation)
            .order_by_asc(C::Round)
            .order_by_asc(C::Attempt)
            .limit(COUNT_LIMIT);
        Ok(attempts.all(self.queue.db()).await?)
    }

    /// The whole output of a node; none where it did not run, or failed.
    ///
    /// # Errors
    /// If there is no such run or node, or its version is missing.
    pub async fn get_output(
        &self,
        actor: &Actor,
        run: RunId,
        (scope, node): (&str, &str),
    ) -> Result<Option<Value>, RunError> {
        let own = self.find_own(actor, run).await?;
        let version = super::store::find_version(self.queue.db(), own.version_id).await?;
        let version = version.ok_or(RunError::VersionMissing)?;
        let scope = scope.parse().map_err(|_| RunError::NoNode)?;
        let node = version.plan.find_node(node).ok_or(RunError::NoNode)?;
        let mut outputs = self.reader().node_outputs(run, &version, &[(scope, node)]).await?;
        Ok(outputs.pop().flatten())
    }

    /// The whole input of a run.
    ///
    /// # Errors
    /// If there is no such run.
    pub async fn get_input(&self, actor: &Actor, run: RunId) -> Result<Value, RunError> {
        self.find_own(actor, run).await?;
        Ok(self.reader().run_input(run).await?)
    }
}

/// Those of the jobs of these nodes that a worker has.
async fn list_running(
    db: &sea_orm::DatabaseConnection,
    nodes: &[workflow_node_runs::Model],
) -> Result<HashSet<JobId>, DbErr> {
    let ready = nodes.iter().filter(|node| node.state == NodeState::Ready);
    let ids: Vec<JobId> = ready.filter_map(|node| node.job_id).collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let running = jobs::Entity::find()
        .select_only()
        .column(jobs::Column::Id)
        .filter(jobs::Column::Id.is_in(ids))
        .filter(jobs::Column::State.eq(JobState::Running));
    let running: Vec<JobId> = running.into_tuple().all(db).await?;
    Ok(running.into_iter().collect())
}

fn condition(filter: &RunFilter) -> Condition {
    use workflow_runs::Column as C;
    let RunFilter { workflow, statuses, cause, project, from, before, parent } = filter;
    Condition::all()
        .add_option(workflow.map(|workflow| C::WorkflowId.eq(workflow)))
        .add_option((!statuses.is_empty()).then(|| C::Status.is_in(statuses.iter().copied())))
        .add_option(cause.map(|cause| C::Cause.eq(cause)))
        .add_option(project.map(|project| C::ProjectId.eq(project)))
        .add_option(from.map(|from| C::CreatedAt.gte(from)))
        .add_option(before.map(|before| C::CreatedAt.lt(before)))
        .add_option(parent.map(|parent| C::ParentId.eq(parent)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let long = Value::String("é".repeat(PREVIEW_BYTES));
        let cut = Preview::of(Some(long), None, 0).expect("a preview");
        let text = cut.value.as_ref().and_then(Value::as_str).expect("a text");

        assert!(cut.truncated && text.len() <= PREVIEW_BYTES && text.ends_with('é'));
        assert_eq!(cut.bytes, PREVIEW_BYTES as u64 * 2 + 2);
        let short = Preview::of(Some(json!({"a": 1})), None, 7);
        assert_eq!(short, Some(Preview { value: Some(json!({"a": 1})), truncated: false, bytes: 7 }));
        let stored = Preview::of(None, Some("runs/x"), 70_000);
        assert_eq!(stored, Some(Preview { value: None, truncated: true, bytes: 70_000 }));
        assert_eq!(Preview::of(None, None, 0), None);
    }
}
