//! Values in the object store.

use std::sync::{Arc, Mutex, PoisonError};

use atelier_entities::RunId;
use atelier_providers::object_store::{ObjectError, Objects};
use bytes::Bytes;
use hashlink::LruCache;
use serde_json::Value;
use uuid::Uuid;

use super::OutputError;
use crate::runs::{Stored, run_folder};

/// Most bytes of a value that is kept in its row, as JSON: 64 KiB.
pub const MAX_INLINE_BYTES: usize = 64 * 1024;
/// Most bytes of the list of a loop that is kept in its row, as JSON: 4 KiB. Each end of an item writes the row,
/// and each attempt in an item reads it.
pub const MAX_INLINE_LIST_BYTES: usize = 4 * 1024;
/// Most bytes of an output, as JSON: 10 MiB.
pub const MAX_OUTPUT_BYTES: usize = 10 * 1024 * 1024;
/// Most bytes of all outputs of a run: 100 MiB.
pub const MAX_RUN_BYTES: u64 = 100 * 1024 * 1024;
/// Most bytes of the values that a process keeps, as JSON. In memory they take a few times as much.
const MAX_CACHED_BYTES: usize = 32 * 1024 * 1024;

/// Puts large values into the object store and finds them again. Cheap to clone.
#[derive(Clone)]
pub struct StoredValues {
    objects: Objects,
    cache: Arc<Mutex<Cache>>,
}

/// Values of objects, which never change, by the key of each, with their bytes.
struct Cache {
    values: LruCache<String, (Arc<Value>, usize)>,
    bytes: usize,
}

impl StoredValues {
    /// Values in this object store.
    #[must_use]
    pub fn new(objects: Objects) -> Self {
        let cache = Cache { values: LruCache::new_unbounded(), bytes: 0 };
        Self { objects, cache: Arc::new(Mutex::new(cache)) }
    }

    /// Puts a value of a run, with its text as JSON.
    pub(crate) async fn put(&self, run: RunId, value: Value, text: Vec<u8>) -> Result<Stored, ObjectError> {
        let bytes = text.len();
        let key = format!("{}/{}.json", run_folder(run), Uuid::now_v7());
        self.objects.put(&key, Bytes::from(text), "application/json").await?;
        self.lock().keep(key.clone(), Arc::new(value), bytes);
        Ok(Stored::object(key, bytes as u64))
    }

    /// The value of an object, and its bytes.
    pub(super) async fn load(&self, key: &str) -> Result<(Arc<Value>, usize), OutputError> {
        let found = self.lock().values.get(key).cloned();
        if let Some(found) = found {
            return Ok(found);
        }
        let broken = || OutputError::Broken(key.to_owned());
        let (text, _) = self.objects.get(key).await?.ok_or_else(broken)?;
        let bytes = text.len();
        let parsed = tokio::task::spawn_blocking(move || serde_json::from_slice(&text)).await;
        let value: Arc<Value> = Arc::new(parsed.map_err(|_| broken())?.map_err(|_| broken())?);
        self.lock().keep(key.to_owned(), value.clone(), bytes);
        Ok((value, bytes))
    }

    /// Deletes all objects of a run.
    pub(crate) async fn delete_of(&self, run: RunId) -> Result<(), ObjectError> {
        self.objects.delete_prefix(&run_folder(run)).await.map(drop)
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

impl std::fmt::Debug for StoredValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredValues").finish_non_exhaustive()
    }
}
