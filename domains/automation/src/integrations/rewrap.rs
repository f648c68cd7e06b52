//! The rotation of keys: each data key is encrypted again with the first key of the ring.

use std::collections::BTreeMap;

use atelier_entities::{IntegrationSecretId, JobId, integration_secrets};
use atelier_foundation::{
    Actor, audit,
    key_ring::{KeyRingError, Sealed},
};
use atelier_queue::{JobContext, JobError, NewJob, Outcome};
use sea_orm::{
    ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde::Serialize;
use serde_json::json;

use super::{Credentials, IntegrationError, Integrations, RewrapCredentials};

/// Secrets of one transaction.
const BATCH: u64 = 100;

/// How many secrets a key encrypts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyCount {
    /// The id of the key.
    pub key_id: String,
    /// The secrets.
    pub secrets: u64,
}

/// How many secrets each key encrypts, by the ids of the keys.
///
/// # Errors
/// If the database fails.
pub async fn count_by_key(db: &DatabaseConnection) -> Result<Vec<KeyCount>, DbErr> {
    use integration_secrets::Column;
    let rows: Vec<(String, i64)> = integration_secrets::Entity::find()
        .select_only()
        .column(Column::KeyId)
        .column_as(Column::Id.count(), "secrets")
        .group_by(Column::KeyId)
        .order_by_asc(Column::KeyId)
        .into_tuple()
        .all(db)
        .await?;
    let count = |(key_id, secrets)| KeyCount { key_id, secrets: u64::try_from(secrets).unwrap_or_default() };
    Ok(rows.into_iter().map(count).collect())
}

impl Integrations {
    /// The keys of the ring, the one that encrypts first, and those of secrets, each with how many
    /// it encrypts.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_keys(&self) -> Result<Vec<(KeyCount, bool)>, IntegrationError> {
        let mut counts: BTreeMap<String, u64> = count_by_key(self.queue.db())
            .await?
            .into_iter()
            .map(|count| (count.key_id, count.secrets))
            .collect();
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
    pub async fn start_rewrap(&self, actor: &Actor) -> Result<JobId, IntegrationError> {
        let tx = self.queue.begin().await?;
        let job = tx.enqueue(NewJob::of(&RewrapCredentials {}).from_origin(actor.origin.clone())).await?.id;
        audit::record(&tx, actor, "credentials.rewrap", None, json!({"job": job})).await?;
        tx.commit().await?;
        Ok(job)
    }
}

impl Credentials {
    /// Encrypts all data keys with the first key of the ring, in batches. A secret that changes
    /// meanwhile stays as it is: whoever changed it used the first key.
    ///
    /// # Errors
    /// If the ring has no key, if secrets cannot be read, or if the database fails.
    pub(crate) async fn rewrap(&self, ctx: &JobContext) -> Result<Outcome, JobError> {
        let Ok(first) = self.ring.writing_key() else {
            return Err(JobError::fail("CREDENTIAL_KEYS_MISSING", KeyRingError::NoKey.to_string()));
        };
        let (mut after, mut rewrapped) = (None, 0_u64);
        let mut unreadable: BTreeMap<String, u64> = BTreeMap::new();
        loop {
            if ctx.stop().is_cancelled() {
                return Err(JobError::retry("STOPPED", "the rotation was stopped"));
            }
            let rows = self.next_old(first, after).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.id);
            rewrapped += self.rewrap_batch(first, &rows, &mut unreadable).await?;
            ctx.progress(0, "rewrap", format!("{rewrapped} secrets")).await;
        }
        if unreadable.is_empty() {
            return Ok(Outcome::Done(json!({"rewrapped": rewrapped})));
        }
        let keys: Vec<_> = unreadable.keys().cloned().collect();
        let message = format!("secrets of these keys cannot be read: {}", keys.join(", "));
        let details = json!({"rewrapped": rewrapped, "unreadable": unreadable});
        Err(JobError::fail("CREDENTIALS_UNREADABLE", message).with_details(details))
    }

    async fn next_old(
        &self,
        first: &str,
        after: Option<IntegrationSecretId>,
    ) -> Result<Vec<integration_secrets::Model>, DbErr> {
        use integration_secrets::Column;
        let mut old = integration_secrets::Entity::find().filter(Column::KeyId.ne(first));
        if let Some(after) = after {
            old = old.filter(Column::Id.gt(after));
        }
        old.order_by_asc(Column::Id).limit(BATCH).all(self.queue.db()).await
    }

    async fn rewrap_batch(
        &self,
        first: &str,
        rows: &[integration_secrets::Model],
        unreadable: &mut BTreeMap<String, u64>,
    ) -> Result<u64, JobError> {
        use integration_secrets::Column;
        let tx = self.queue.begin().await?;
        let mut rewrapped = 0;
        for row in rows {
            let sealed = match self.ring.rewrap(&Sealed::from_stored(row.sealed.clone())) {
                Ok(Some(sealed)) => sealed,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(secret = %row.id, %error, "a credential cannot be encrypted again");
                    *unreadable.entry(row.key_id.clone()).or_default() += 1;
                    continue;
                }
            };
            let changed = integration_secrets::Entity::update_many()
                .col_expr(Column::Sealed, Expr::value(sealed.into_stored()))
                .col_expr(Column::KeyId, Expr::value(first))
                .filter(Column::Id.eq(row.id))
                .filter(Column::Sealed.eq(row.sealed.as_str()))
                .exec(&*tx)
                .await?;
            rewrapped += changed.rows_affected;
        }
        tx.commit().await?;
        Ok(rewrapped)
    }
}
