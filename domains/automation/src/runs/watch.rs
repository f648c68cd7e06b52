//! Following a run: how it is, and then each change of it and of its nodes, from any point on. A message of the
//! bus only wakes the watcher; what it tells comes from the rows.

use std::{fmt, str::FromStr};

use atelier_entities::{RunId, workflow_node_runs, workflow_runs};
use atelier_queue::{Queue, watch::Changes};
use futures::{Stream, stream};
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::ExprTrait,
};

use super::{
    RunError, Runs,
    view::{NodeSummary, RunSummary},
};

/// Most nodes of one update.
const NODES: u64 = 100;

/// How far a watcher is: it has seen all changes up to a revision of the run; of those of the revision itself
/// only the ones up to a node, if one is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunPosition {
    revision: i64,
    /// The scope and the key of the node.
    node: Option<(String, String)>,
}

impl fmt::Display for RunPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.revision)?;
        match &self.node {
            Some((scope, node)) => write!(f, "/{scope}/{node}"),
            None => Ok(()),
        }
    }
}

/// The error of text that is no position.
#[derive(Debug, thiserror::Error)]
#[error("a position is written as <revision> or <revision>/<scope>/<node>")]
pub struct ParseRunPositionError;

impl FromStr for RunPosition {
    type Err = ParseRunPositionError;

    fn from_str(text: &str) -> Result<Self, ParseRunPositionError> {
        let mut parts = text.splitn(3, '/');
        let revision = parts.next().and_then(|part| part.parse::<u32>().ok()).ok_or(ParseRunPositionError)?;
        let node = match (parts.next(), parts.next()) {
            (None, _) => None,
            (Some(scope), Some(node)) => Some((scope.to_owned(), node.to_owned())),
            (Some(_), None) => return Err(ParseRunPositionError),
        };
        Ok(Self { revision: revision.into(), node })
    }
}

/// What changed in a run.
#[derive(Clone, Debug)]
pub struct RunUpdate {
    /// The position after this update.
    pub position: RunPosition,
    /// The run as it is.
    pub run: RunSummary,
    /// Nodes that changed, at most 100. More follow in the next update.
    pub nodes: Vec<NodeSummary>,
}

impl Runs {
    /// Watches a run from a position on, or from its beginning. The stream ends after all changes of an ended
    /// run, or if the run is deleted. Who may see the run is for the caller to check.
    pub fn watch(
        &self,
        run: RunId,
        since: Option<RunPosition>,
    ) -> impl Stream<Item = Result<RunUpdate, RunError>> + Send + 'static {
        let watcher = Watcher {
            queue: self.queue.clone(),
            changes: self.queue.follow(run.0),
            run,
            at: since.unwrap_or_default(),
            ended: false,
        };
        stream::try_unfold(watcher, |mut watcher| async move {
            let update = watcher.next().await?;
            Ok(update.map(|update| (update, watcher)))
        })
    }
}

struct Watcher {
    queue: Queue,
    changes: Changes,
    run: RunId,
    at: RunPosition,
    ended: bool,
}

impl Watcher {
    async fn next(&mut self) -> Result<Option<RunUpdate>, RunError> {
        while !self.ended {
            let found = workflow_runs::Entity::find_by_id(self.run).into_partial_model::<RunSummary>();
            let Some(run) = found.one(self.queue.db()).await? else { return Ok(None) };
            if let Some(update) = self.read(run).await? {
                return Ok(Some(update));
            }
            if !self.ended {
                self.changes.wait().await;
            }
        }
        Ok(None)
    }

    /// What changed since. What changes while this reads has a later revision than the run that was read, and
    /// is told by the next update.
    async fn read(&mut self, run: RunSummary) -> Result<Option<RunUpdate>, DbErr> {
        if self.at.node.is_none() && self.at.revision >= run.revision {
            self.ended = run.status.is_final();
            return Ok(None);
        }
        let nodes = self.list_nodes(run.revision).await?;
        let last = nodes.last().filter(|_| nodes.len() as u64 == NODES);
        self.at = match last {
            Some(last) => {
                RunPosition { revision: last.revision, node: Some((last.scope.clone(), last.node.clone())) }
            }
            None => RunPosition { revision: run.revision, node: None },
        };
        self.ended = last.is_none() && run.status.is_final();
        Ok(Some(RunUpdate { position: self.at.clone(), run, nodes }))
    }

    async fn list_nodes(&self, until: i64) -> Result<Vec<NodeSummary>, DbErr> {
        use workflow_node_runs::Column as C;
        let mut after = Condition::any().add(C::Revision.gt(self.at.revision));
        if let Some((scope, node)) = &self.at.node {
            let later = C::Scope.gt(scope).or(C::Scope.eq(scope).and(C::Node.gt(node)));
            after = after.add(C::Revision.eq(self.at.revision).and(later));
        }
        let nodes = workflow_node_runs::Entity::find()
            .filter(C::RunId.eq(self.run))
            .filter(C::Revision.lte(until))
            .filter(after)
            .order_by_asc(C::Revision)
            .order_by_asc(C::Scope)
            .order_by_asc(C::Node)
            .limit(NODES);
        nodes.into_partial_model::<NodeSummary>().all(self.queue.db()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_read_as_they_are_written() {
        let within = RunPosition { revision: 7, node: Some(("each[3]".to_owned(), "send".to_owned())) };
        let at_root = RunPosition { revision: 7, node: Some((String::new(), "a".to_owned())) };

        for position in [RunPosition { revision: 12, node: None }, within, at_root] {
            assert_eq!(position.to_string().parse::<RunPosition>().expect("a position"), position);
        }
    }

    #[test]
    fn text_that_is_no_position_is_refused() {
        for text in ["", "a", "-1", "7/", "7/each[3]", "99999999999999999999", "7-1"] {
            assert!(text.parse::<RunPosition>().is_err(), "{text}");
        }
    }
}
