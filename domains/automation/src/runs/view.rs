//! What people see of runs: lists, a run with its nodes, failed attempts.

mod summary;

use std::{collections::HashSet, sync::Arc};

use atelier_entities::{
    JobId, JobState, NodeState, ProjectId, RunCause, RunId, RunStatus, Timestamp, WorkflowId, jobs,
    workflow_node_attempts, workflow_node_runs, workflow_runs, workflow_waits,
};
use atelier_foundation::{Actor, COUNT_LIMIT, Page, paging};
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::Value;

use super::{
    MAX_INLINE_BYTES, RunError, Runs,
    data::{Budget, Composer, Needs, Piece, Rows},
    store::{Place, edge_name, find_version},
};
use crate::workflows::versions::LoadedVersion;
pub use summary::{NodeSummary, RunSummary};

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

/// A value as a view shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// The value, or the beginning of its JSON as a text. None of a value in the object store, and of one that
    /// is made of many parts.
    pub value: Option<Value>,
    /// Whether this is not the whole value.
    pub truncated: bool,
    /// The bytes of the whole value as JSON; 0 where they are known only once it is made.
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

    /// The preview of a value whose parts are in several rows.
    fn of_piece(piece: &Piece) -> Option<Self> {
        let value = match piece {
            Piece::Object { bytes, .. } => {
                return Some(Self { value: None, truncated: true, bytes: *bytes });
            }
            Piece::Value(value) => Some(Value::clone(value)),
            piece => piece.to_value(&mut Budget::new(MAX_INLINE_BYTES)),
        };
        match value {
            Some(value) => Self::of(Some(value), None, 0),
            None => Some(Self { value: None, truncated: true, bytes: 0 }),
        }
    }
}

/// A node of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeView {
    /// How it is. A node whose job a worker has is running.
    pub summary: NodeSummary,
    /// The output. None if it gave nothing, or has not succeeded.
    pub output: Option<Preview>,
    /// What it was given. None if it did not run, or begins the run.
    pub input: Option<Preview>,
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
        let given = Piece::of_columns(row.input.as_ref(), row.input_object.as_deref(), 0);
        let input = Preview::of(row.input.take(), row.input_object.as_deref(), 0);
        let nodes = workflow_node_runs::Entity::find()
            .filter(C::RunId.eq(run))
            .filter(Condition::all().add_option(changed_since.map(|revision| C::Revision.gt(revision))))
            .order_by_asc(C::ReadyAt)
            .order_by_asc(C::Scope)
            .order_by_asc(C::Node);
        let db = self.queue.db();
        let (mut nodes, node_count) = paging::fetch(db, nodes, page).await?;
        let running = list_running(db, &nodes).await?;
        for node in &mut nodes {
            if node.state == NodeState::Ready && node.job_id.is_some_and(|job| running.contains(&job)) {
                node.state = NodeState::Running;
            }
        }
        let nodes = self.view_nodes(&row, given, nodes).await?;
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
    /// If there is no such run or node, its version is missing, or the output is too large to be made.
    pub async fn get_output(
        &self,
        actor: &Actor,
        run: RunId,
        node: (&str, &str),
    ) -> Result<Option<Value>, RunError> {
        let (version, place) = self.find_place(actor, run, node).await?;
        Ok(self.reader().node_output(run, &version, &place).await?)
    }

    /// All that a node was given; none where it did not run, or begins the run.
    ///
    /// # Errors
    /// If there is no such run or node, its version is missing, or the input is too large to be made.
    pub async fn get_node_input(
        &self,
        actor: &Actor,
        run: RunId,
        node: (&str, &str),
    ) -> Result<Option<Value>, RunError> {
        let (version, place) = self.find_place(actor, run, node).await?;
        Ok(self.reader().node_input(run, &version, &place).await?)
    }

    /// The whole input of a run.
    ///
    /// # Errors
    /// If there is no such run.
    pub async fn get_input(&self, actor: &Actor, run: RunId) -> Result<Value, RunError> {
        self.find_own(actor, run).await?;
        Ok(self.reader().run_input(run).await?)
    }

    /// A node of the actor's run. `scope` names the items around it.
    async fn find_place(
        &self,
        actor: &Actor,
        run: RunId,
        (scope, node): (&str, &str),
    ) -> Result<(Arc<LoadedVersion>, Place), RunError> {
        let own = self.find_own(actor, run).await?;
        let version = find_version(self.queue.db(), own.version_id).await?;
        let version = version.ok_or(RunError::VersionMissing)?;
        let place = place_of(&version, scope, node).ok_or(RunError::NoNode)?;
        Ok((version, place))
    }

    /// The nodes of a page with what they were given, in a few statements for all of them. Where the version is
    /// missing, only with what is in their rows.
    async fn view_nodes(
        &self,
        run: &workflow_runs::Model,
        given: Option<Piece>,
        nodes: Vec<workflow_node_runs::Model>,
    ) -> Result<Vec<NodeView>, RunError> {
        let Some(version) = find_version(self.queue.db(), run.version_id).await? else {
            return Ok(nodes.into_iter().map(NodeView::alone).collect());
        };
        let plan = &version.plan;
        let mut needs = Needs::default();
        let places: Vec<_> = nodes.iter().map(|row| place_of(&version, &row.scope, &row.node)).collect();
        for place in places.iter().flatten() {
            needs.add_edges(place);
            needs.add_input(plan, place);
            needs.add_output(plan, place);
        }
        let rows = Rows::read(self.queue.db(), run.id, plan, needs).await?.with_input(given);
        let mut composer = Composer::new(run.id, version.clone(), rows);
        let view = |(row, place): (workflow_node_runs::Model, Option<Place>)| {
            let is_made = row.state == NodeState::Succeeded;
            let mut view = NodeView::alone(row);
            let Some(place) = place else { return view };
            if view.output.is_none() && is_made {
                view.output = composer.output(&place).as_ref().and_then(Preview::of_piece);
            }
            view.input = composer.given(&place).as_ref().and_then(Preview::of_piece);
            view.inputs = composer.taken(&place).iter().map(|(edge, _)| edge_name(plan, *edge)).collect();
            view.inputs.sort_unstable();
            view
        };
        Ok(nodes.into_iter().zip(places).map(view).collect())
    }
}

impl NodeView {
    /// What is in the row of the node.
    fn alone(mut row: workflow_node_runs::Model) -> Self {
        let output = Preview::of(row.output.take(), row.output_object.as_deref(), row.output_bytes);
        Self { summary: row.into(), output, input: None, inputs: Vec::new() }
    }
}

/// The node of that key, if it lies in the scope.
pub(super) fn place_of(version: &LoadedVersion, scope: &str, node: &str) -> Option<Place> {
    let place = (scope.parse().ok()?, version.plan.find_node(node)?);
    version.plan.holds(&place.0, place.1).then_some(place)
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
