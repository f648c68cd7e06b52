//! Actions of other domains that nodes start.

use atelier_foundation::actions::{ActionError, ActionRequest, StartedAction};
use atelier_queue::QueueError;

use super::Advance;
use crate::{
    engine::NodeError,
    runs::{
        ActionStart, Stored,
        event::{RunEvent, named},
    },
};

impl Advance<'_> {
    /// Starts the actions that nodes ask for, and notes their jobs. One that is refused is a failed attempt,
    /// and leaves nothing behind. Returns whether any was asked for.
    pub(super) async fn start_actions(&mut self) -> Result<bool, QueueError> {
        let mut starts: Vec<_> = std::mem::take(&mut self.starts).into_iter().collect();
        let is_asked = !starts.is_empty();
        // Accounts are locked in the order of their ids.
        starts.sort_by_key(|((id, _), _)| self.runs.runs.get(id).map(|run| run.row.user_id));
        for ((id, at), start) in starts {
            let Some(run) = self.runs.runs.get(&id) else { continue };
            let Some(version) = run.version.clone() else { continue };
            let owner = run.row.user_id;
            let args = named(id, &version.plan, &at);
            let ActionStart { action, params, due: _ } = start;
            let request = ActionRequest { owner, waiter: id.0, params };
            let end = match self.start_action(&action, &request).await? {
                Ok(StartedAction::Job(job)) => {
                    if let Some(run) = self.runs.runs.get_mut(&id) {
                        run.set_awaited_job(&(at.scope, at.node), job);
                    }
                    continue;
                }
                Ok(StartedAction::Done(output)) => Ok(Stored::inline(output)),
                Err(error) => Err(error),
            };
            self.events.push((None, id, RunEvent::JobEnded(args, end)));
        }
        Ok(is_asked)
    }

    async fn start_action(
        &self,
        name: &str,
        request: &ActionRequest,
    ) -> Result<Result<StartedAction, NodeError>, QueueError> {
        let Some(action) = self.ports.and_then(|ports| ports.actions.find(name)) else {
            let message = format!("This installation has no action {name}.");
            return Ok(Err(NodeError::permanent("TYPE_UNAVAILABLE", message)));
        };
        let savepoint = self.tx.begin_savepoint().await?;
        match action.start(&savepoint, request).await {
            Ok(started) => {
                self.tx.release(savepoint).await?;
                Ok(Ok(started))
            }
            Err(ActionError::Refused { code, message, is_retryable }) => {
                savepoint.rollback().await?;
                Ok(Err(NodeError { retryable: Some(is_retryable), ..NodeError::new(code, message) }))
            }
            Err(ActionError::Failed(error)) => Err(error),
        }
    }
}
