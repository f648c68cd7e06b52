//! What child runs gave whose output is too large, or made of too many parts, for a row.

use std::sync::Arc;

use atelier_entities::workflow_node_runs;
use serde_json::Value;

use super::{
    store::{MAX_OUTPUT_BYTES, unavailable},
    values::Values,
};
use crate::{
    nodes::{AttemptError, NodeFailure},
    runs::{OutputError, Reader, RunNode},
};

impl Values<'_> {
    /// The output of the child run of a node.
    pub(super) async fn child_output(
        &self,
        row: &workflow_node_runs::Model,
    ) -> Result<Arc<Value>, AttemptError> {
        let db = self.execution.services.queue.db();
        let reader = Reader::new(db, self.execution.store.objects());
        let number = |value: i32| u32::try_from(value).unwrap_or_default();
        let at = RunNode {
            run_id: row.run_id,
            scope: row.scope.clone(),
            node: row.node.clone(),
            generation: number(row.generation),
            round: number(row.round),
            attempt: number(row.attempt),
        };
        let output = reader.child_output(row.run_id, at.attempt_key()).await.map_err(failure)?;
        let bytes = serde_json::to_vec(&output).map_or(usize::MAX, |text| text.len());
        if bytes > MAX_OUTPUT_BYTES {
            let message =
                format!("The child run gave {bytes} bytes; at most {MAX_OUTPUT_BYTES} are allowed.");
            return Err(NodeFailure::permanent("OUTPUT_TOO_LARGE", message).into());
        }
        Ok(Arc::new(output))
    }
}

fn failure(error: OutputError) -> AttemptError {
    match error {
        OutputError::Database(error) => error.into(),
        OutputError::Storage(error) => unavailable(error),
        OutputError::Broken(_) => {
            let message = "A large output is not in the object store any more.";
            NodeFailure::permanent("OUTPUT_LOST", message).into()
        }
    }
}
