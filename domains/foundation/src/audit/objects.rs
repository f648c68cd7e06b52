//! The objects of the archive. Each is written once, under a unique key. A row of
//! `audit_archives` refers to it. An object without such a row is loose: it is in
//! `audit_loose_objects` from before it is written, so that the database knows every object
//! in the store.

use std::time::Duration;

use atelier_entities::{Timestamp, audit_loose_objects};
use atelier_queue::{JobError, QueueError, Transaction};
use bytes::Bytes;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Audit;

const CONTENT_TYPE: &str = "application/x-ndjson";
/// Maximum time to write an object, with a margin: an attempt takes at most an hour.
const MAX_WRITE_TIME: Duration = Duration::from_secs(2 * 3600);
/// How long a doomed object is deleted again: a stalled process may put it after the first
/// deletion.
const DELETE_AGAIN_FOR: Duration = Duration::from_secs(24 * 3600);
/// Objects that one query reads.
const OBJECTS: u64 = 200;

/// A written object that no row refers to yet.
pub(super) struct Object {
    pub(super) key: String,
    pub(super) sha256: String,
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Audit {
    /// Writes entries of that day as an object.
    pub(super) async fn write_object(&self, day: Timestamp, text: String) -> Result<Object, JobError> {
        let key = format!("audit/{}/{}.ndjson", day.format("%Y/%m/%d"), Uuid::now_v7());
        let object = Object { sha256: sha256(text.as_bytes()), key };
        self.list_loose(&object.key).await?;
        let put = self.objects.put(&object.key, Bytes::from(text), CONTENT_TYPE).await;
        put.map_err(|error| storage_error(&error))?;
        Ok(object)
    }

    async fn list_loose(&self, key: &str) -> Result<(), QueueError> {
        let tx = self.queue.begin().await?;
        insert(&tx, key, false).await?;
        tx.commit().await
    }

    /// Deletes a written object that will not be used.
    pub(super) async fn discard(&self, object: &Object) -> Result<(), JobError> {
        let marking = async {
            let tx = self.queue.begin().await?;
            let of_key = audit_loose_objects::Column::ObjectKey.eq(object.key.as_str());
            mark_doomed(&tx, of_key).await?;
            tx.commit().await
        };
        marking.await?;
        self.delete_object(&object.key).await
    }

    pub(super) async fn delete_object(&self, key: &str) -> Result<(), JobError> {
        self.objects.delete(key).await.map_err(|error| storage_error(&error))
    }

    /// Deletes doomed objects and loose ones whose writer must have died.
    pub(super) async fn sweep(&self) -> Result<(), JobError> {
        self.doom_stale().await?;
        let mut after = String::new();
        loop {
            let doomed = self.list_doomed(&after).await?;
            let Some(last) = doomed.last() else { return Ok(()) };
            after.clone_from(&last.object_key);
            for object in &doomed {
                self.delete_object(&object.object_key).await?;
            }
            self.delete_old_rows(&doomed).await?;
        }
    }

    async fn doom_stale(&self) -> Result<(), QueueError> {
        let tx = self.queue.begin().await?;
        let stale = audit_loose_objects::Column::Since.lte(tx.now() - MAX_WRITE_TIME);
        mark_doomed(&tx, stale).await?;
        tx.commit().await
    }

    async fn list_doomed(&self, after: &str) -> Result<Vec<audit_loose_objects::Model>, DbErr> {
        audit_loose_objects::Entity::find()
            .filter(audit_loose_objects::Column::IsDoomed.eq(true))
            .filter(audit_loose_objects::Column::ObjectKey.gt(after))
            .order_by_asc(audit_loose_objects::Column::ObjectKey)
            .limit(OBJECTS)
            .all(self.queue.db())
            .await
    }

    /// Deletes the rows of objects that were doomed long enough ago.
    async fn delete_old_rows(&self, doomed: &[audit_loose_objects::Model]) -> Result<(), QueueError> {
        let tx = self.queue.begin().await?;
        let keys = doomed.iter().filter(|object| object.since <= tx.now() - DELETE_AGAIN_FOR);
        let keys: Vec<_> = keys.map(|object| object.object_key.as_str()).collect();
        audit_loose_objects::Entity::delete_many()
            .filter(audit_loose_objects::Column::ObjectKey.is_in(keys))
            .exec(&*tx)
            .await?;
        tx.commit().await
    }
}

async fn insert(tx: &Transaction, key: &str, is_doomed: bool) -> Result<(), DbErr> {
    let row = audit_loose_objects::ActiveModel {
        object_key: Set(key.to_owned()),
        is_doomed: Set(is_doomed),
        since: Set(tx.now()),
    };
    row.insert(&**tx).await?;
    Ok(())
}

async fn mark_doomed(tx: &Transaction, which: Expr) -> Result<(), DbErr> {
    audit_loose_objects::Entity::update_many()
        .col_expr(audit_loose_objects::Column::IsDoomed, Expr::value(true))
        .col_expr(audit_loose_objects::Column::Since, Expr::value(tx.now()))
        .filter(audit_loose_objects::Column::IsDoomed.eq(false))
        .filter(which)
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Removes an object from the loose ones, since a row refers to it from now on. Returns
/// false if it was doomed meanwhile and must not be used.
pub(super) async fn attach(tx: &Transaction, key: &str) -> Result<bool, DbErr> {
    let taken = audit_loose_objects::Entity::delete_many()
        .filter(audit_loose_objects::Column::ObjectKey.eq(key))
        .filter(audit_loose_objects::Column::IsDoomed.eq(false))
        .exec(&**tx)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Schedules the deletion of an object that no row refers to from now on.
pub(super) async fn schedule_deletion(tx: &Transaction, key: &str) -> Result<(), DbErr> {
    insert(tx, key, true).await
}

pub(super) fn storage_error(error: &atelier_providers::object_store::ObjectError) -> JobError {
    tracing::warn!(%error, "the object store of the audit log failed");
    JobError::retry("STORAGE", "the object store did not answer")
}

#[cfg(test)]
mod tests;
