//! Where outputs are kept: small ones in the rows, large ones in the object store.

use std::sync::{Arc, Mutex, PoisonError};

use atelier_entities::workflow_runs;
use atelier_providers::object_store::{ObjectError, Objects};
use atelier_queue::JobError;
use bytes::Bytes;
use hashlink::LruCache;
use serde_json::Value;
use uuid::Uuid;

use super::{
    super::{Stored, run_folder},
    blocking,
};
use crate::nodes::{AttemptError, NodeFailure};

/// Most bytes of an output that is kept in its row, as JSON.
pub const MAX_INLINE_BYTES: usize = 64 * 1024;
/// Most bytes of an output, as JSON.
pub const MAX_OUTPUT_BYTES: usize = 10 * 1024 * 1024;
/// Most bytes of all outputs of a run.
pub const MAX_RUN_BYTES: u64 = 100 * 1024 * 1024;
/// Bytes of a job's result beside the output.
const RESULT_FRAME_BYTES: usize = 8 * 1024;
/// Most bytes of the values that a process keeps, as JSON. In memory they take a few times as much.
const MAX_CACHED_BYTES: usize = 32 * 1024 * 1024;

/// Keeps and finds outputs. Cheap to clone.
#[derive(Clone)]
pub(super) struct Store {
    objects: Objects,
    max_inline: usize,
    cache: Arc<Mutex<Cache>>,
}

/// Values of objects, which never change, by the key of each.
struct Cache {
    values: LruCache<String, (Arc<Value>, usize)>,
    bytes: usize,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// A store on these objects. Jobs have results of at most `max_result_bytes`.
    pub(super) fn new(objects: Objects, max_result_bytes: usize) -> Self {
        let max_inline = MAX_INLINE_BYTES.min(max_result_bytes.saturating_sub(RESULT_FRAME_BYTES));
        let cache = Cache { values: LruCache::new_unbounded(), bytes: 0 };
        Self { objects, max_inline, cache: Arc::new(Mutex::new(cache)) }
    }

    /// Keeps a value of a run.
    pub(super) async fn keep(
        &self,
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
        if text.len() <= self.max_inline && !has_null_character(&text) {
            return Ok(Stored { value: Some(value), object: None, bytes });
        }
        let key = format!("{}/{}.json", run_folder(run.id), Uuid::now_v7());
        self.objects.put(&key, Bytes::from(text), "application/json").await.map_err(unavailable)?;
        let size = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.lock().keep(key.clone(), Arc::new(value), size);
        Ok(Stored { value: None, object: Some(key), bytes })
    }

    /// The value of an object.
    pub(super) async fn load(&self, key: &str) -> Result<Arc<Value>, AttemptError> {
        let found = self.lock().values.get(key).map(|(value, _)| value.clone());
        if let Some(found) = found {
            return Ok(found);
        }
        let lost =
            || NodeFailure::permanent("OUTPUT_LOST", "A large output is not in the object store any more.");
        let (bytes, _) = self.objects.get(key).await.map_err(unavailable)?.ok_or_else(lost)?;
        let size = bytes.len();
        let value = blocking(move || serde_json::from_slice(&bytes)).await?.map_err(|_| lost())?;
        let value: Arc<Value> = Arc::new(value);
        self.lock().keep(key.to_owned(), value.clone(), size);
        Ok(value)
    }

    /// The object store.
    pub(super) fn objects(&self) -> &Objects {
        &self.objects
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn keep(&mut self, key: String, value: Arc<Value>, bytes: usize) {
        self.bytes += bytes;
        if let Some((_, gone)) = self.values.insert(key, (value, bytes)) {
            self.bytes -= gone;
        }
        while self.bytes > MAX_CACHED_BYTES {
            let Some((_, (_, gone))) = self.values.remove_lru() else { return };
            self.bytes -= gone;
        }
    }
}

/// Whether a text of the JSON has a null character, which no column of PostgreSQL takes.
fn has_null_character(text: &[u8]) -> bool {
    const ESCAPED: &[u8] = b"\\u0000";
    text.windows(ESCAPED.len()).any(|window| window == ESCAPED)
}

/// The object store failed: the job runs again.
pub(super) fn unavailable(error: ObjectError) -> AttemptError {
    tracing::warn!(%error, "the object store failed under a node");
    if error.is_retryable() {
        JobError::retry("OBJECTS_UNAVAILABLE", "the object store did not answer").into()
    } else {
        NodeFailure::permanent("OBJECTS_REFUSED", "The object store refused the output.").into()
    }
}
