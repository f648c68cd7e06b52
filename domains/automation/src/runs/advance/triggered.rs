//! Runs that events of the platform start.

use std::collections::BTreeSet;

use atelier_entities::{RunCause, RunId, WorkflowId};
use atelier_queue::{QueueError, Transaction};
use serde_json::Value;

use super::{
    Advance,
    newcomers::{MAX_DEPTH, NewRun, published},
};
use crate::runs::{Stored, places::Places};

/// A trigger that an event pulls.
#[derive(Clone, Debug)]
pub(crate) struct Fired {
    pub(crate) workflow: WorkflowId,
    /// The key of the trigger.
    pub(crate) node: String,
    /// What the trigger gives.
    pub(crate) input: Value,
    /// The run whose job the event is about, and its depth.
    pub(crate) caused_by: Option<(RunId, i32)>,
}

/// Starts the runs of workflows whose triggers are pulled, as far as their limits allow.
///
/// # Errors
/// If the database fails.
pub(crate) async fn start_triggered(tx: &Transaction, fired: Vec<Fired>) -> Result<(), QueueError> {
    let mut places = Places::default();
    places.load(tx, fired.iter().map(|fired| fired.workflow).collect::<BTreeSet<_>>()).await?;
    let mut advance = Advance::new(tx);
    for fired in fired {
        advance.start_fired(&mut places, fired).await?;
    }
    advance.run().await
}

impl Advance<'_> {
    async fn start_fired(&mut self, places: &mut Places, fired: Fired) -> Result<(), QueueError> {
        let Fired { workflow: id, node, input, caused_by } = fired;
        let workflow = places.workflow(id).filter(|row| row.enabled && row.deleted_at.is_none()).cloned();
        let Some(workflow) = workflow else { return Ok(()) };
        let Some(version) = published(self.tx, &workflow).await? else { return Ok(()) };
        if caused_by.is_some_and(|(_, depth)| depth >= MAX_DEPTH) {
            tracing::warn!(workflow = %id, "an event starts no run: it is the end of a chain of events");
            return Ok(());
        }
        let new = NewRun {
            cause: RunCause::Event,
            caused_by,
            input: Stored::inline(input),
            ..NewRun::of(&workflow, &version, &node)
        };
        if let Some((code, _)) = self.add_run(places, &new).await? {
            tracing::info!(workflow = %id, code, "an event starts no run");
        }
        Ok(())
    }
}
