//! Where an attempt keeps what it gives: small values in the row, large ones in the object store.

use atelier_entities::workflow_runs;
use atelier_providers::object_store::ObjectError;
use atelier_queue::JobError;
use serde_json::Value;

use super::blocking;
use crate::{
    nodes::{AttemptError, NodeFailure},
    runs::{
        Stored,
        data::{
            MAX_INLINE_BYTES, MAX_INLINE_LIST_BYTES, MAX_OUTPUT_BYTES, MAX_RUN_BYTES, OutputError,
            StoredValues,
        },
    },
};

/// Bytes of a job's result beside the output.
const RESULT_FRAME_BYTES: usize = 8 * 1024;

/// Keeps outputs. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) values: StoredValues,
    /// Most bytes of a value that the result of a job holds.
    pub(super) max_inline: usize,
}

impl Store {
    /// A store of these values. Jobs have results of at most `max_result_bytes`.
    pub(super) fn new(values: StoredValues, max_result_bytes: usize) -> Self {
        let max_inline = MAX_INLINE_BYTES.min(max_result_bytes.saturating_sub(RESULT_FRAME_BYTES));
        Self { values, max_inline }
    }

    /// Keeps a value of a run.
    pub(super) async fn keep(
        &self,
        run: &workflow_runs::Model,
        value: Value,
    ) -> Result<Stored, AttemptError> {
        self.keep_within(self.max_inline, run, value).await
    }

    /// Keeps the list of a loop.
    pub(super) async fn keep_list(
        &self,
        run: &workflow_runs::Model,
        items: Vec<Value>,
    ) -> Result<Stored, AttemptError> {
        self.keep_within(self.max_inline.min(MAX_INLINE_LIST_BYTES), run, Value::Array(items)).await
    }

    async fn keep_within(
        &self,
        max_inline: usize,
        run: &workflow_runs::Model,
        value: Value,
    ) -> Result<Stored, AttemptError> {
        let (text, value) = match blocking(move || (serde_json::to_vec(&value), value)).await? {
            (Ok(text), value) => (text, value),
            (Err(error), _) => return Err(NodeFailure::of_data(error.to_string()).into()),
        };
        let bytes = text.len() as u64;
        if text.len() > MAX_OUTPUT_BYTES {
            let message = format!("The output has {bytes} bytes; at most {MAX_OUTPUT_BYTES} are allowed.");
            return Err(NodeFailure::permanent("OUTPUT_TOO_LARGE", message).into());
        }
        if u64::try_from(run.output_bytes).unwrap_or_default() + bytes > MAX_RUN_BYTES {
            let message = format!("The outputs of the run have more than {MAX_RUN_BYTES} bytes.");
            return Err(NodeFailure::permanent("RUN_TOO_LARGE", message).into());
        }
        if text.len() <= max_inline && !has_null_character(&text) {
            return Ok(Stored { value: Some(value), object: None, bytes, shared: false });
        }
        self.values.put(run.id, value, text).await.map_err(unavailable)
    }
}

/// Whether a text of the JSON has a null character, which no column of PostgreSQL takes.
fn has_null_character(text: &[u8]) -> bool {
    const ESCAPED: &[u8] = b"\\u0000";
    text.windows(ESCAPED.len()).any(|window| window == ESCAPED)
}

/// The object store failed: the job runs again.
fn unavailable(error: ObjectError) -> AttemptError {
    tracing::warn!(%error, "the object store failed under a node");
    if error.is_retryable() {
        JobError::retry("OBJECTS_UNAVAILABLE", "the object store did not answer").into()
    } else {
        NodeFailure::permanent("OBJECTS_REFUSED", "The object store refused the output.").into()
    }
}

impl From<OutputError> for AttemptError {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::Database(error) => error.into(),
            OutputError::Storage(error) => unavailable(error),
            OutputError::Broken(_) => {
                let message = "A large output is not in the object store any more.";
                NodeFailure::permanent("OUTPUT_LOST", message).into()
            }
            OutputError::TooLarge => {
                let message = format!(
                    "What the node reads is larger than the {MAX_OUTPUT_BYTES} bytes that an output may have."
                );
                NodeFailure::permanent("OUTPUT_TOO_LARGE", message).into()
            }
        }
    }
}
