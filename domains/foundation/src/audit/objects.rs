//! The objects that hold archived entries. Each is written once, under a key of its own,
//! and is an archive from the moment at which a row of `audit_archives` names it. Those
//! that none names are on a list from before they are written, so that nothing stays in
//! the store of which the database does not know.

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
/// Longest an object is written, with room to spare: an attempt takes an hour at most.
const WRITING: Duration = Duration::from_secs(2 * 3600);
/// For so long a doomed object is deleted again: it may be put after the first time, by a
/// process that stood still.
const DELETING: Duration = Duration::from_secs(24 * 3600);
/// Keys in one statement.
const KEYS: u64 = 200;

/// An object that was written and that nothing names yet.
pub(super) struct Object {
    pub(super) key: String,
    pub(super) sha256: String,
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Audit {
    /// Writes entries of that day into an object of their own.
    pub(super) async fn write_object(&self, day: Timestamp, text: String) -> Result<Object, JobError> {
        let key = format!("audit/{}/{}.ndjson", day.format("%Y/%m/%d"), Uuid::now_v7());
        let object = Object { sha256: sha256(text.as_bytes()), key };
        self.list_loose(&object.key).await?;
        let put = self.objects.put(&object.key, Bytes::from(text), CONTENT_TYPE).await;
        put.map_err(|error| unstored(&error))?;
        Ok(object)
    }

    async fn list_loose(&self, key: &str) -> Result<(), QueueError> {
        let tx = self.queue.begin().await?;
        insert(&tx, key, false).await?;
        tx.commit().await
    }

    /// Gives up an object that was written in vain.
    pub(super) async fn discard(&self, object: &Object) -> Result<(), JobError> {
        let doom = async {
            let tx = self.queue.begin().await?;
            let of_key = audit_loose_objects::Column::ObjectKey.eq(object.key.as_str());
            mark_doomed(&tx, of_key).await?;
            tx.commit().await
        };
        doom.await?;
        self.delete_object(&object.key).await
    }

    pub(super) async fn delete_object(&self, key: &str) -> Result<(), JobError> {
        self.objects.delete(key).await.map_err(|error| unstored(&error))
    }

    /// Deletes what is doomed, and what was given up while it was written.
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
            self.forget(&doomed).await?;
        }
    }

    async fn doom_stale(&self) -> Result<(), QueueError> {
        let tx = self.queue.begin().await?;
        let stale = audit_loose_objects::Column::Since.lte(tx.now() - WRITING);
        mark_doomed(&tx, stale).await?;
        tx.commit().await
    }

    async fn list_doomed(&self, after: &str) -> Result<Vec<audit_loose_objects::Model>, DbErr> {
        audit_loose_objects::Entity::find()
            .filter(audit_loose_objects::Column::IsDoomed.eq(true))
            .filter(audit_loose_objects::Column::ObjectKey.gt(after))
            .order_by_asc(audit_loose_objects::Column::ObjectKey)
            .limit(KEYS)
            .all(self.queue.db())
            .await
    }

    /// Takes those off the list that have been deleted for long enough.
    async fn forget(&self, doomed: &[audit_loose_objects::Model]) -> Result<(), QueueError> {
        let tx = self.queue.begin().await?;
        let keys = doomed.iter().filter(|object| object.since <= tx.now() - DELETING);
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

/// Takes an object off the list, since a row names it from now on; false where it was
/// given up meanwhile and must not be named.
pub(super) async fn claim(tx: &Transaction, key: &str) -> Result<bool, DbErr> {
    let taken = audit_loose_objects::Entity::delete_many()
        .filter(audit_loose_objects::Column::ObjectKey.eq(key))
        .filter(audit_loose_objects::Column::IsDoomed.eq(false))
        .exec(&**tx)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Has an object deleted that no row names from now on.
pub(super) async fn doom(tx: &Transaction, key: &str) -> Result<(), DbErr> {
    insert(tx, key, true).await
}

pub(super) fn unstored(error: &atelier_providers::object_store::ObjectError) -> JobError {
    tracing::warn!(%error, "the audit log's objects were not reached");
    JobError::retry("STORAGE", "the object store did not answer")
}

#[cfg(test)]
mod tests;
