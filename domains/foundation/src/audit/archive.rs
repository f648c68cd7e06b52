//! Moves old entries to the object store in batches. A batch is first written as an object.
//! Then one transaction checks that the entries have not changed, deletes them and inserts
//! the row of the archive. A crash in between leaves an object without a row, which is
//! deleted later; the next attempt writes another object.

use std::time::Duration;

use atelier_entities::{AuditId, Timestamp, audit_archives, audit_log, jobs};
use atelier_queue::{JobContext, JobError, NewJob, Outcome, QueueError, Transaction};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;

use super::{
    ArchiveAudit, Audit, AuditError,
    export::json_line,
    objects::{self, Object, attach, schedule_deletion},
    record, record_critical,
};
use crate::{Actor, FieldErrors};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Maximum bound of a cleanup, in days.
const MAX_DAYS: u32 = 3_650;
/// Maximum number of ids in one statement.
const IDS_PER_STATEMENT: usize = 500;
/// Archives that one transaction expires.
const ARCHIVES_PER_STEP: u64 = 100;

impl Audit {
    /// Enqueues a job that moves the entries of all days more than `older_than_days` ago to
    /// the object store. None takes the retention of the settings. A second call returns
    /// the same job.
    pub async fn start_cleanup(
        &self,
        actor: &Actor,
        older_than_days: Option<u32>,
    ) -> Result<jobs::Model, AuditError> {
        let age = self.age(older_than_days)?;
        let tx = self.queue.begin().await?;
        let args = ArchiveAudit { before: Some(start_of_day(tx.now() - age)) };
        let mut job = NewJob::of(&args).from_origin(actor.origin.clone());
        if let Some(user) = actor.user() {
            job = job.owned_by(user);
        }
        let enqueued = tx.enqueue(job).await?;
        let duplicate = enqueued.duplicate;
        let job = enqueued.into_job()?;
        let is_same =
            serde_json::from_value::<ArchiveAudit>(job.args.clone()).is_ok_and(|other| other == args);
        if duplicate && !is_same {
            return Err(AuditError::InProgress(job.id));
        }
        if !duplicate {
            let context = json!({"job": job.id, "before": args.before});
            record_critical(&tx, actor, "audit.cleanup", None, context).await?;
        }
        tx.commit().await?;
        Ok(job)
    }

    fn age(&self, older_than_days: Option<u32>) -> Result<Duration, FieldErrors> {
        match (older_than_days, self.retention.entries) {
            (Some(1..=MAX_DAYS), _) => Ok(DAY * older_than_days.unwrap_or_default()),
            (Some(_), _) => Err(FieldErrors::of("older_than_days", format!("must be 1 to {MAX_DAYS}"))),
            (None, Some(retention)) => Ok(retention),
            (None, None) => {
                Err(FieldErrors::of("older_than_days", "is required: by the settings entries stay for good"))
            }
        }
    }

    /// Moves entries, oldest first, and expires old archives. A later attempt continues
    /// where an interrupted one stopped.
    pub async fn archive(&self, ctx: &JobContext, args: ArchiveAudit) -> Result<Outcome, JobError> {
        let by_settings = || self.retention.entries.map(|kept| start_of_day(self.queue.now() - kept));
        let before = args.before.or_else(by_settings);
        let actor = Actor::of_job(ctx.owner());
        let (entries, objects) = match before {
            Some(before) => self.move_entries(ctx, &actor, before).await?,
            None => (0, 0),
        };
        let expired = self.expire(&actor).await?;
        self.sweep().await?;
        let done = json!({"entries": entries, "objects": objects, "before": before, "expired": expired});
        Ok(Outcome::Done(done))
    }

    async fn move_entries(
        &self,
        ctx: &JobContext,
        actor: &Actor,
        before: Timestamp,
    ) -> Result<(usize, u64), JobError> {
        let (mut entries, mut objects) = (0, 0);
        loop {
            if ctx.stop().is_cancelled() {
                return Err(JobError::retry("STOPPED", "stopped before every entry was moved"));
            }
            let batch = self.list_oldest(before).await?;
            let Some(first) = batch.first() else { return Ok((entries, objects)) };
            let object = self.write_object(first.created_at, lines(&batch)).await?;
            if self.commit_archive(actor, &batch, &object).await? {
                entries += batch.len();
                objects += 1;
            } else {
                self.discard(&object).await?;
            }
            ctx.progress(50, "archive", format!("{entries} entries")).await;
        }
    }

    async fn list_oldest(&self, before: Timestamp) -> Result<Vec<audit_log::Model>, DbErr> {
        oldest_first()
            .filter(audit_log::Column::CreatedAt.lt(before))
            .limit(self.batch)
            .all(self.queue.db())
            .await
    }

    /// Deletes the entries of a batch and inserts the row of the archive. Returns false,
    /// and changes nothing, if an entry was changed or deleted meanwhile, such as by an
    /// erasure.
    async fn commit_archive(
        &self,
        actor: &Actor,
        batch: &[audit_log::Model],
        object: &Object,
    ) -> Result<bool, QueueError> {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return Ok(false) };
        let tx = self.queue.begin().await?;
        let is_same = lock_and_hash(&tx, batch).await? == object.sha256;
        if !is_same || !attach(&tx, &object.key).await? {
            return Ok(false);
        }
        delete(&tx, batch).await?;
        let entries = i64::try_from(batch.len()).unwrap_or(i64::MAX);
        let archive = audit_archives::ActiveModel {
            object_key: Set(object.key.clone()),
            entries: Set(entries),
            sha256: Set(object.sha256.clone()),
            first_at: Set(first.created_at),
            last_at: Set(last.created_at),
            created_at: Set(tx.now()),
        };
        archive.insert(&*tx).await?;
        let context = json!({"entries": entries, "sha256": object.sha256});
        record(&tx, actor, "audit.archive", target(&object.key), context).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Expires the archives whose entries are older than the retention of the settings. The
    /// sweep deletes their objects.
    async fn expire(&self, actor: &Actor) -> Result<u64, QueueError> {
        let Some(kept) = self.retention.archives else { return Ok(0) };
        let mut expired = 0;
        loop {
            let tx = self.queue.begin().await?;
            let old = audit_archives::Entity::find()
                .filter(audit_archives::Column::LastAt.lt(tx.now() - kept))
                .order_by_asc(audit_archives::Column::ObjectKey)
                .limit(ARCHIVES_PER_STEP)
                .lock_exclusive()
                .all(&*tx)
                .await?;
            if old.is_empty() {
                return Ok(expired);
            }
            for archive in &old {
                schedule_deletion(&tx, &archive.object_key).await?;
                let context = json!({"entries": archive.entries, "last_at": archive.last_at});
                record(&tx, actor, "audit.expire", target(&archive.object_key), context).await?;
            }
            let keys = old.iter().map(|archive| archive.object_key.as_str());
            let of_keys = audit_archives::Column::ObjectKey.is_in(keys);
            audit_archives::Entity::delete_many().filter(of_keys).exec(&*tx).await?;
            tx.commit().await?;
            expired += old.len() as u64;
        }
    }
}

pub(super) fn target(key: &str) -> Option<String> {
    Some(format!("object:{key}"))
}

fn oldest_first() -> sea_orm::Select<audit_log::Entity> {
    audit_log::Entity::find().order_by_asc(audit_log::Column::CreatedAt).order_by_asc(audit_log::Column::Id)
}

fn lines(batch: &[audit_log::Model]) -> String {
    batch.iter().map(json_line).collect()
}

/// Locks the entries of a batch and returns the SHA-256 of their current lines.
async fn lock_and_hash(tx: &Transaction, batch: &[audit_log::Model]) -> Result<String, DbErr> {
    let mut text = String::new();
    for chunk in batch.chunks(IDS_PER_STATEMENT) {
        let some = audit_log::Column::Id.is_in(chunk.iter().map(|row| row.id));
        text.push_str(&lines(&oldest_first().filter(some).lock_exclusive().all(&**tx).await?));
    }
    Ok(objects::sha256(text.as_bytes()))
}

async fn delete(tx: &Transaction, batch: &[audit_log::Model]) -> Result<(), DbErr> {
    for chunk in batch.chunks(IDS_PER_STATEMENT) {
        let ids: Vec<AuditId> = chunk.iter().map(|row| row.id).collect();
        audit_log::Entity::delete_many().filter(audit_log::Column::Id.is_in(ids)).exec(&**tx).await?;
    }
    Ok(())
}

fn start_of_day(at: Timestamp) -> Timestamp {
    at.date_naive().and_time(chrono::NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests;
