//! What a run answers the caller of its webhook: the output of the first node that answers. It is waited for
//! without a connection to the database, and by any process.

use std::time::Duration;

use atelier_entities::{NodeState, RunId, RunStatus, workflow_node_runs, workflow_runs};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::time::{Instant, timeout_at};

use super::{OutputError, RunError, Runs, store::find_version, view::place_of};
use crate::{graph::WEBHOOK_RESPONSE, nodes::webhook_response::Answer};

/// What a run answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Responded {
    /// The answer of a node.
    Answer(Answer),
    /// It ended without an answer, or its time was over: it is in this state.
    Nothing(RunStatus),
}

impl Runs {
    /// Waits for the answer of a run, no longer than `longest`. Who may see it is for the caller to check.
    ///
    /// # Errors
    /// If there is no such run, or its answer cannot be read.
    pub async fn wait_for_response(&self, run: RunId, longest: Duration) -> Result<Responded, RunError> {
        let end = Instant::now() + longest;
        // Before the first read, so that no message is missed.
        let mut changes = self.queue.follow(run.0);
        loop {
            let (status, answer) = self.find_response(run).await?;
            if let Some(answer) = answer {
                return Ok(Responded::Answer(answer));
            }
            if status.is_final() || timeout_at(end, changes.wait()).await.is_err() {
                return Ok(Responded::Nothing(status));
            }
        }
    }

    /// The state of a run, and its first answer. The state is read before: an ended run gives no answer later.
    async fn find_response(&self, run: RunId) -> Result<(RunStatus, Option<Answer>), RunError> {
        use workflow_node_runs::Column as C;
        let db = self.queue.db();
        let row = workflow_runs::Entity::find_by_id(run).one(db).await?.ok_or(RunError::NotFound("run"))?;
        let version = find_version(db, row.version_id).await?.ok_or(RunError::VersionMissing)?;
        let keys = version.graph.all_nodes().filter(|node| node.kind == WEBHOOK_RESPONSE && !node.disabled);
        let keys: Vec<&str> = keys.map(|node| node.key.as_str()).collect();
        if keys.is_empty() {
            return Ok((row.status, None));
        }
        let first: Option<(String, String)> = workflow_node_runs::Entity::find()
            .select_only()
            .columns([C::Scope, C::Node])
            .filter(C::RunId.eq(run))
            .filter(C::Node.is_in(keys))
            .filter(C::State.eq(NodeState::Succeeded))
            .order_by_asc(C::FinishedAt)
            .order_by_asc(C::Revision)
            .limit(1)
            .into_tuple()
            .one(db)
            .await?;
        let Some((scope, node)) = first else { return Ok((row.status, None)) };
        let place = place_of(&version, &scope, &node).ok_or(RunError::NoNode)?;
        let output = self.reader().node_output(run, &version, &place).await?.unwrap_or_default();
        let broken = |_| OutputError::Broken(format!("the answer of {node}"));
        let answer = serde_json::from_value(output).map_err(broken)?;
        Ok((row.status, Some(answer)))
    }
}
