//! Moving old entries to the object store, batch by batch: written there first, then
//! deleted and noted in one transaction. A crash in between leaves an object that no
//! note tells of; the next attempt writes the same object again.

use std::time::Duration;

use atelier_entities::{AuditId, Timestamp, audit_archives, audit_log, jobs};
use atelier_queue::{JobContext, JobError, NewJob, Outcome, QueueError, Transaction};
use bytes::Bytes;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{ArchiveAudit, Audit, AuditError, export::json_line, record, record_critical};
use crate::{Caller, FieldErrors};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Longest bound of a cleanup in days.
const MAX_DAYS: u32 = 3_650;
/// Ids in one statement.
const IDS: usize = 500;
const CONTENT_TYPE: &str = "application/x-ndjson";

/// An object about to be noted.
struct Written {
    key: String,
    sha256: String,
    ids: Vec<AuditId>,
    first_at: Timestamp,
    last_at: Timestamp,
}

impl Audit {
    /// Queues a job that moves every entry of the days more than `older_than_days` ago
    /// to the object store. None takes the settings' retention. Asked for twice, it is
    /// the same job.
    pub async fn start_cleanup(
        &self,
        caller: &Caller,
        older_than_days: Option<u32>,
    ) -> Result<jobs::Model, AuditError> {
        let age = self.age(older_than_days)?;
        let tx = self.queue.begin().await?;
        let args = ArchiveAudit { before: Some(start_of_day(tx.now() - age)) };
        let mut job = NewJob::of(&args).from_origin(caller.origin.clone());
        if let Some(user) = caller.user {
            job = job.owned_by(user);
        }
        let enqueued = tx.enqueue(job).await?;
        let job = jobs::Entity::find_by_id(enqueued.id).one(&*tx).await?.ok_or(QueueError::NotFound)?;
        let is_same =
            serde_json::from_value::<ArchiveAudit>(job.args.clone()).is_ok_and(|other| other == args);
        if enqueued.duplicate && !is_same {
            return Err(AuditError::InProgress(job.id));
        }
        if !enqueued.duplicate {
            let context = json!({"job": job.id, "before": args.before});
            record_critical(&tx, caller, "audit.cleanup", None, context).await?;
        }
        tx.commit().await?;
        Ok(job)
    }

    fn age(&self, older_than_days: Option<u32>) -> Result<Duration, FieldErrors> {
        match (older_than_days, self.retention) {
            (Some(1..=MAX_DAYS), _) => Ok(DAY * older_than_days.unwrap_or_default()),
            (Some(_), _) => Err(FieldErrors::of("older_than_days", format!("must be 1 to {MAX_DAYS}"))),
            (None, Some(retention)) => Ok(retention),
            (None, None) => {
                Err(FieldErrors::of("older_than_days", "is required: by the settings entries stay for good"))
            }
        }
    }

    /// Moves the entries, oldest first. An attempt after one that was cut short goes on
    /// with what is left.
    pub async fn archive(&self, ctx: &JobContext, args: ArchiveAudit) -> Result<Outcome, JobError> {
        let by_settings = || self.retention.map(|retention| start_of_day(self.queue.now() - retention));
        let (mut entries, mut objects) = (0, 0);
        let Some(before) = args.before.or_else(by_settings) else {
            return Ok(Outcome::Done(json!({"entries": entries, "objects": objects})));
        };
        let caller = Caller { user: ctx.owner(), ..Caller::default() };
        loop {
            if ctx.stop().is_cancelled() {
                return Err(JobError::retry("STOPPED", "stopped before every entry was moved"));
            }
            let batch = self.list_oldest(before).await.map_err(unread)?;
            if batch.is_empty() {
                return Ok(Outcome::Done(json!({"entries": entries, "objects": objects, "before": before})));
            }
            let written = self.write_object(&batch).await?;
            if self.replace(&caller, &written).await.map_err(unmoved)? {
                entries += written.ids.len();
                objects += 1;
            }
            ctx.progress(50, "archive", format!("{entries} entries")).await;
        }
    }

    async fn list_oldest(&self, before: Timestamp) -> Result<Vec<audit_log::Model>, DbErr> {
        audit_log::Entity::find()
            .filter(audit_log::Column::CreatedAt.lt(before))
            .order_by_asc(audit_log::Column::CreatedAt)
            .order_by_asc(audit_log::Column::Id)
            .limit(self.batch)
            .all(self.queue.db())
            .await
    }

    /// Writes a batch under a key that says which one it is.
    async fn write_object(&self, batch: &[audit_log::Model]) -> Result<Written, JobError> {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else {
            return Err(JobError::fail("EMPTY_BATCH", "there was nothing to move"));
        };
        let text: String = batch.iter().map(json_line).collect();
        let written = Written {
            key: format!("audit/{}/{}-{}.ndjson", first.created_at.format("%Y/%m/%d"), first.id, last.id),
            sha256: hex::encode(Sha256::digest(text.as_bytes())),
            ids: batch.iter().map(|row| row.id).collect(),
            first_at: first.created_at,
            last_at: last.created_at,
        };
        let put = self.objects.put(&written.key, Bytes::from(text), CONTENT_TYPE).await;
        put.map_err(|error| {
            tracing::warn!(%error, "audit entries were not archived");
            JobError::retry("STORAGE", "the object store did not take them")
        })?;
        Ok(written)
    }

    /// Deletes what an object holds, and notes it; false where somebody else deleted
    /// some of it meanwhile and nothing was done.
    async fn replace(&self, caller: &Caller, written: &Written) -> Result<bool, QueueError> {
        let tx = self.queue.begin().await?;
        if delete(&tx, &written.ids).await? != written.ids.len() as u64 {
            return Ok(false);
        }
        let entries = i64::try_from(written.ids.len()).unwrap_or(i64::MAX);
        let note = audit_archives::ActiveModel {
            object_key: Set(written.key.clone()),
            entries: Set(entries),
            sha256: Set(written.sha256.clone()),
            first_at: Set(written.first_at),
            last_at: Set(written.last_at),
            created_at: Set(tx.now()),
        };
        note.insert(&*tx).await?;
        let context = json!({"entries": entries, "sha256": written.sha256});
        let target = format!("object:{}", written.key);
        record(&tx, caller, "audit.archive", Some(target), context).await?;
        tx.commit().await?;
        Ok(true)
    }
}

async fn delete(tx: &Transaction, ids: &[AuditId]) -> Result<u64, DbErr> {
    let mut deleted = 0;
    for chunk in ids.chunks(IDS) {
        let some = audit_log::Column::Id.is_in(chunk.iter().copied());
        deleted += audit_log::Entity::delete_many().filter(some).exec(&**tx).await?.rows_affected;
    }
    Ok(deleted)
}

fn start_of_day(at: Timestamp) -> Timestamp {
    at.date_naive().and_time(chrono::NaiveTime::MIN).and_utc()
}

fn unread(error: DbErr) -> JobError {
    tracing::warn!(%error, "audit entries were not read");
    JobError::retry("DATABASE", "the database did not answer")
}

fn unmoved(error: QueueError) -> JobError {
    tracing::warn!(%error, "audit entries were not moved");
    JobError::retry("DATABASE", "the database did not answer")
}

#[cfg(test)]
mod tests;
