//! The graph of a run with the state of each node.

use std::{collections::BTreeMap, sync::Arc};

use atelier_entities::{
    ItemState, NodeState, RunId, Timestamp, WorkflowId, workflow_item_runs, workflow_loop_runs,
    workflow_node_runs, workflow_runs,
};
use atelier_foundation::Actor;
use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};

use super::{RunError, Runs, store::find_version, view::RunSummary};
use crate::{
    graph::drawing::{Mark, Shown, draw},
    workflows::versions::LoadedVersion,
};

/// The states of a node, those first that are told of a node that has several in the items of a loop.
const BY_WEIGHT: [NodeState; 9] = [
    NodeState::Running,
    NodeState::Iterating,
    NodeState::Ready,
    NodeState::Retrying,
    NodeState::Waiting,
    NodeState::Failed,
    NodeState::Cancelled,
    NodeState::Succeeded,
    NodeState::Skipped,
];

/// A node, a state, how often it is in it, when it first became ready and was last decided.
type StateRow = (String, NodeState, i64, Timestamp, Option<Timestamp>);

/// Which run of a workflow is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunChoice {
    /// The one that was accepted last.
    Last,
    /// This one.
    Run(RunId),
}

/// A run with the version that it walks and the states of its nodes.
#[derive(Clone, Debug)]
pub struct RunOverlay {
    /// The run.
    pub run: RunSummary,
    /// The version.
    pub version: Arc<LoadedVersion>,
    /// The nodes that were reached, by their keys.
    pub nodes: BTreeMap<String, NodeOverlay>,
}

/// A node of a graph in a run, in all items of the loops around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeOverlay {
    /// Its state: that of most weight, where it has several.
    pub state: NodeState,
    /// How often it is in each state.
    pub counts: BTreeMap<&'static str, i64>,
    /// The items of a loop.
    pub items: Option<ItemCounts>,
    /// When it first became ready.
    pub started_at: Timestamp,
    /// When it was last decided. None while anything of it is under way.
    pub finished_at: Option<Timestamp>,
}

/// The items of a loop, in all items of the loops around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemCounts {
    /// All of them, as far as the length of the lists is known; of a while node the rounds that began.
    pub total: i64,
    /// Those under way or about to run again.
    pub open: i64,
    /// Those that succeeded.
    pub succeeded: i64,
    /// Those that failed.
    pub failed: i64,
    /// Those that were cancelled.
    pub cancelled: i64,
}

impl Runs {
    /// A run of the actor's workflow with the states of its nodes. None if the last one is asked for and there
    /// is none.
    ///
    /// # Errors
    /// If there is no such run of the workflow, or its version is missing.
    pub async fn find_overlay(
        &self,
        actor: &Actor,
        workflow: WorkflowId,
        choice: RunChoice,
    ) -> Result<Option<RunOverlay>, RunError> {
        use workflow_runs::Column as C;
        let db = self.queue.db();
        let own = workflow_runs::Entity::find()
            .filter(C::WorkflowId.eq(workflow))
            .filter(C::UserId.eq(actor.person()?));
        let own = match choice {
            RunChoice::Last => own.order_by_desc(C::Id).limit(1),
            RunChoice::Run(run) => own.filter(C::Id.eq(run)),
        };
        let Some(run) = own.into_partial_model::<RunSummary>().one(db).await? else {
            return if choice == RunChoice::Last { Ok(None) } else { Err(RunError::NotFound("run")) };
        };
        let version = find_version(db, run.version_id).await?.ok_or(RunError::VersionMissing)?;
        let mut nodes = self.list_states(run.id).await?;
        self.add_items(run.id, &mut nodes).await?;
        Ok(Some(RunOverlay { run, version, nodes }))
    }

    /// The graph of a run as SVG, with the state of each node; the draft if the last run is asked for and there
    /// is none.
    ///
    /// # Errors
    /// If there is no such workflow or run, or the version of the run is missing.
    pub async fn draw(
        &self,
        actor: &Actor,
        workflow: WorkflowId,
        choice: RunChoice,
    ) -> Result<String, RunError> {
        let row = self.workflows.get(actor, workflow).await?;
        let Some(overlay) = self.find_overlay(actor, workflow, choice).await? else {
            return Ok(self.workflows.draw(actor, workflow).await?);
        };
        let RunOverlay { run, version, nodes } = overlay;
        let title = format!("{}: {}", row.name, run.status);
        let shown = nodes.into_iter().map(|(key, node)| (key, node.shown())).collect();
        Ok(draw(&title, &version.graph, &self.workflows.lay_out(&version.graph), &shown))
    }

    async fn list_states(&self, run: RunId) -> Result<BTreeMap<String, NodeOverlay>, DbErr> {
        use workflow_node_runs::Column as C;
        let states = workflow_node_runs::Entity::find()
            .select_only()
            .columns([C::Node, C::State])
            .expr(Expr::col(C::Node).count())
            .expr(Expr::col(C::ReadyAt).min())
            .expr(Expr::col(C::FinishedAt).max())
            .filter(C::RunId.eq(run))
            .group_by(C::Node)
            .group_by(C::State);
        let rows: Vec<StateRow> = states.into_tuple().all(self.queue.db()).await?;
        let mut nodes: BTreeMap<String, NodeOverlay> = BTreeMap::new();
        for (node, state, count, started_at, finished_at) in rows {
            let finished_at = finished_at.filter(|_| state.is_final());
            match nodes.get_mut(&node) {
                Some(found) => found.add(state, count, (started_at, finished_at)),
                None => {
                    let counts = BTreeMap::from([(state.as_str(), count)]);
                    let overlay = NodeOverlay { state, counts, items: None, started_at, finished_at };
                    nodes.insert(node, overlay);
                }
            }
        }
        Ok(nodes)
    }

    async fn add_items(&self, run: RunId, nodes: &mut BTreeMap<String, NodeOverlay>) -> Result<(), DbErr> {
        use workflow_item_runs::Column as C;
        let items = workflow_item_runs::Entity::find()
            .select_only()
            .columns([C::LoopNode, C::State])
            .expr(Expr::col(C::Scope).count())
            .filter(C::RunId.eq(run))
            .group_by(C::LoopNode)
            .group_by(C::State);
        let items: Vec<(String, ItemState, i64)> = items.into_tuple().all(self.queue.db()).await?;
        let mut counts: BTreeMap<String, ItemCounts> = BTreeMap::new();
        for (node, state, count) in items {
            counts.entry(node).or_default().add(state, count);
        }
        let totals = workflow_loop_runs::Entity::find()
            .select_only()
            .column(workflow_loop_runs::Column::Node)
            .expr(Expr::col(workflow_loop_runs::Column::Total).sum().cast_as("bigint"))
            .filter(workflow_loop_runs::Column::RunId.eq(run))
            .group_by(workflow_loop_runs::Column::Node);
        let totals: Vec<(String, Option<i64>)> = totals.into_tuple().all(self.queue.db()).await?;
        for (node, total) in totals {
            let counts = counts.entry(node).or_default();
            counts.total = Ord::max(counts.total, total.unwrap_or_default());
        }
        for (node, counts) in counts {
            if let Some(overlay) = nodes.get_mut(&node) {
                overlay.items = Some(counts);
            }
        }
        Ok(())
    }
}

impl NodeOverlay {
    fn add(&mut self, state: NodeState, count: i64, (started, finished): (Timestamp, Option<Timestamp>)) {
        let weight = |state: NodeState| BY_WEIGHT.iter().position(|known| *known == state);
        if weight(state) < weight(self.state) {
            self.state = state;
        }
        self.counts.insert(state.as_str(), count);
        self.started_at = Ord::min(self.started_at, started);
        // Something that is under way has no end.
        self.finished_at = self.finished_at.zip(finished).map(|(one, other)| Ord::max(one, other));
    }

    fn shown(&self) -> Shown {
        let mark = match self.state {
            NodeState::Ready => Mark::Ready,
            NodeState::Running | NodeState::Iterating => Mark::Running,
            NodeState::Retrying => Mark::Retrying,
            NodeState::Waiting => Mark::Waiting,
            NodeState::Succeeded => Mark::Succeeded,
            NodeState::Failed => Mark::Failed,
            NodeState::Skipped => Mark::Skipped,
            NodeState::Cancelled => Mark::Cancelled,
        };
        let mut caption = Vec::new();
        if let Some(items) = &self.items {
            caption.push(format!("{}/{}", items.succeeded, items.total));
            caption.extend((items.failed > 0).then(|| format!("{} failed", items.failed)));
        } else {
            let skipped = NodeState::Skipped.as_str();
            let ran = self.counts.iter().filter(|(state, _)| **state != skipped);
            let times: i64 = ran.map(|(_, count)| count).sum();
            caption.extend((times > 1).then(|| format!("{times}\u{d7}")));
        }
        let is_decided_at_once = self.state == NodeState::Skipped;
        let took = self.finished_at.filter(|_| !is_decided_at_once).map(|end| end - self.started_at);
        caption.extend(took.map(duration));
        Shown { mark, caption: caption.join(" \u{b7} ") }
    }
}

impl ItemCounts {
    fn add(&mut self, state: ItemState, count: i64) {
        let place = match state {
            ItemState::Queued | ItemState::Running => &mut self.open,
            ItemState::Succeeded => &mut self.succeeded,
            ItemState::Failed => &mut self.failed,
            ItemState::Cancelled => &mut self.cancelled,
        };
        *place += count;
        self.total += count;
    }
}

/// A duration in its largest unit.
fn duration(took: TimeDelta) -> String {
    let millis = Ord::max(took.num_milliseconds(), 0);
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        60_000..3_600_000 => format!("{} min", millis / 60_000),
        3_600_000..172_800_000 => format!("{} h", millis / 3_600_000),
        _ => format!("{} d", millis / 86_400_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_told_in_its_largest_unit() {
        for (millis, expected) in [
            (-5, "0 ms"),
            (999, "999 ms"),
            (1_250, "1.2 s"),
            (90_000, "1 min"),
            (7_200_000, "2 h"),
            (259_200_000, "3 d"),
        ] {
            assert_eq!(duration(TimeDelta::milliseconds(millis)), expected);
        }
    }

    #[test]
    fn what_is_under_way_outweighs_what_failed_and_what_failed_what_succeeded() {
        let at = |secs| Timestamp::from_timestamp(secs, 0).expect("a time");
        let mut node = NodeOverlay {
            state: NodeState::Succeeded,
            counts: BTreeMap::from([("succeeded", 3)]),
            items: None,
            started_at: at(5),
            finished_at: Some(at(9)),
        };

        node.add(NodeState::Failed, 1, (at(4), Some(at(10))));
        assert_eq!((node.state, node.started_at, node.finished_at), (NodeState::Failed, at(4), Some(at(10))));
        assert_eq!(node.shown().caption, "4\u{d7} \u{b7} 6.0 s");
        node.add(NodeState::Skipped, 2, (at(6), Some(at(6))));
        assert_eq!(node.shown().caption, "4\u{d7} \u{b7} 6.0 s");
        node.add(NodeState::Waiting, 1, (at(6), None));
        assert_eq!((node.state, node.finished_at), (NodeState::Waiting, None));
    }
}
