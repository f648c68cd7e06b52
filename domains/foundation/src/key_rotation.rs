//! The rotation of keys: each data key is encrypted again with the first key of the ring.
//!
//! A table of sealed rows has the columns `id`, `sealed` and `key_id`. Domains offer theirs by
//! [`Module::with_sealed`](crate::Module::with_sealed).

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use atelier_entities::JobId;
use atelier_queue::{
    Backoff, Job, JobContext, JobError, Lane, NewJob, Outcome, Policy, Queue, QueueError, QueueName, Sql,
};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Actor, audit,
    key_ring::{KeyRing, KeyRingError, Sealed},
};

/// Rows of one transaction.
const BATCH: usize = 100;

/// Encrypts the data keys of all sealed rows with the first key of the ring.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RewrapCredentials {}

impl Job for RewrapCredentials {
    const KIND: &'static str = "credentials.rewrap";
    const QUEUE: QueueName = QueueName::Maintenance;

    fn policy() -> Policy {
        Policy {
            max_attempts: 5,
            timeout: Duration::from_secs(3_600),
            backoff: Backoff::Exponential { base: Duration::from_secs(5), max: Duration::from_secs(300) },
            lane: Lane::Normal,
        }
    }

    fn unique_key(&self) -> Option<String> {
        Some("credentials".to_owned())
    }
}

/// How many secrets a key encrypts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyCount {
    /// The id of the key.
    pub key_id: String,
    /// The secrets.
    pub secrets: u64,
}

/// The sealed rows of all domains. Cheap to clone.
#[derive(Clone)]
pub struct KeyRotation {
    queue: Queue,
    ring: KeyRing,
    tables: Arc<[&'static str]>,
}

/// A row whose data key another key than the first one encrypts.
#[derive(Debug, FromQueryResult)]
struct OldRow {
    id: Uuid,
    sealed: String,
    key_id: String,
}

/// What a rotation has done so far.
#[derive(Debug, Default)]
struct Done {
    rewrapped: u64,
    /// Rows that cannot be read, by the ids of their keys.
    unreadable: BTreeMap<String, u64>,
}

impl KeyRotation {
    pub(crate) fn new(queue: Queue, ring: KeyRing, tables: Arc<[&'static str]>) -> Self {
        Self { queue, ring, tables }
    }

    /// How many secrets each key encrypts, by the ids of the keys.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count_by_key(&self) -> Result<Vec<KeyCount>, QueueError> {
        let db = self.queue.db();
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for table in &*self.tables {
            let mut sql = Sql::new(db.get_database_backend());
            sql.push("SELECT key_id, COUNT(*) AS \"secrets\" FROM ").push(table).push(" GROUP BY key_id");
            for row in db.query_all_raw(sql.build()).await? {
                let secrets: i64 = row.try_get_by_index(1)?;
                *counts.entry(row.try_get_by_index(0)?).or_default() +=
                    u64::try_from(secrets).unwrap_or_default();
            }
        }
        Ok(counts.into_iter().map(|(key_id, secrets)| KeyCount { key_id, secrets }).collect())
    }

    /// The keys of the ring, the one that encrypts first, and those of secrets, each with how many
    /// it encrypts and whether the ring has it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_keys(&self) -> Result<Vec<(KeyCount, bool)>, QueueError> {
        let counts = self.count_by_key().await?;
        let mut counts: BTreeMap<_, _> =
            counts.into_iter().map(|count| (count.key_id, count.secrets)).collect();
        let known: Vec<_> = self
            .ring
            .key_ids()
            .map(|id| {
                (KeyCount { key_id: id.to_owned(), secrets: counts.remove(id).unwrap_or_default() }, true)
            })
            .collect();
        let unknown = counts.into_iter().map(|(key_id, secrets)| (KeyCount { key_id, secrets }, false));
        Ok(known.into_iter().chain(unknown).collect())
    }

    /// Has a worker encrypt all data keys with the first key of the ring. A rotation that is under
    /// way stands for another one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn start(&self, actor: &Actor) -> Result<JobId, QueueError> {
        let tx = self.queue.begin().await?;
        let job = tx.enqueue(NewJob::of(&RewrapCredentials {}).from_origin(actor.origin.clone())).await?.id;
        audit::record(&tx, actor, "credentials.rewrap", None, json!({"job": job})).await?;
        tx.commit().await?;
        Ok(job)
    }

    /// Encrypts all data keys with the first key of the ring, in batches. A row that changes
    /// meanwhile stays as it is: whoever changed it used the first key.
    ///
    /// # Errors
    /// If the ring has no key, if rows cannot be read, or if the database fails.
    pub(crate) async fn rewrap(&self, ctx: &JobContext) -> Result<Outcome, JobError> {
        let Ok(first) = self.ring.writing_key() else {
            return Err(JobError::fail("CREDENTIAL_KEYS_MISSING", KeyRingError::NoKey.to_string()));
        };
        let mut done = Done::default();
        for table in &*self.tables {
            self.rewrap_table(ctx, table, first, &mut done).await?;
        }
        let Done { rewrapped, unreadable } = done;
        if unreadable.is_empty() {
            return Ok(Outcome::Done(json!({"rewrapped": rewrapped})));
        }
        let keys: Vec<_> = unreadable.keys().cloned().collect();
        let message = format!("secrets of these keys cannot be read: {}", keys.join(", "));
        let details = json!({"rewrapped": rewrapped, "unreadable": unreadable});
        Err(JobError::fail("CREDENTIALS_UNREADABLE", message).with_details(details))
    }

    async fn rewrap_table(
        &self,
        ctx: &JobContext,
        table: &str,
        first: &str,
        done: &mut Done,
    ) -> Result<(), JobError> {
        let mut after = None;
        loop {
            if ctx.stop().is_cancelled() {
                return Err(JobError::retry("STOPPED", "the rotation was stopped"));
            }
            let rows = self.list_old(table, first, after).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.id);
            self.rewrap_batch(table, first, &rows, done).await?;
            ctx.progress(0, "rewrap", format!("{} secrets", done.rewrapped)).await;
        }
    }

    async fn list_old(&self, table: &str, first: &str, after: Option<Uuid>) -> Result<Vec<OldRow>, DbErr> {
        let db = self.queue.db();
        let mut sql = Sql::new(db.get_database_backend());
        sql.push("SELECT id, sealed, key_id FROM ").push(table).push(" WHERE key_id <> ").bind(first);
        if let Some(after) = after {
            sql.push(" AND id > ").bind(after);
        }
        sql.push(" ORDER BY id LIMIT ").push(&BATCH.to_string());
        OldRow::find_by_statement(sql.build()).all(db).await
    }

    async fn rewrap_batch(
        &self,
        table: &str,
        first: &str,
        rows: &[OldRow],
        done: &mut Done,
    ) -> Result<(), JobError> {
        let tx = self.queue.begin().await?;
        for row in rows {
            let sealed = match self.ring.rewrap(&Sealed::from_stored(row.sealed.clone())) {
                Ok(Some(sealed)) => sealed,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(table, row = %row.id, %error, "a secret cannot be encrypted again");
                    *done.unreadable.entry(row.key_id.clone()).or_default() += 1;
                    continue;
                }
            };
            let mut sql = Sql::new(tx.get_database_backend());
            sql.push("UPDATE ").push(table).push(" SET sealed = ").bind(sealed.into_stored());
            sql.push(", key_id = ").bind(first).push(" WHERE id = ").bind(row.id);
            sql.push(" AND sealed = ").bind(row.sealed.as_str());
            done.rewrapped += tx.execute_raw(sql.build()).await?.rows_affected();
        }
        tx.commit().await?;
        Ok(())
    }
}

impl fmt::Debug for KeyRotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRotation").field("tables", &self.tables).finish_non_exhaustive()
    }
}
