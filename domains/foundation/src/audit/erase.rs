//! Anonymizes the archives after an erasure: each object that may name the person is
//! rewritten under a new key, and the row of the archive then refers to the new object.

use atelier_entities::{Timestamp, audit_archives};
use atelier_queue::{JobContext, JobError, Outcome, QueueError};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};
use serde_json::json;

use super::{
    Audit, EraseArchived, ErasedPerson,
    archive::target,
    objects::{Object, attach, schedule_deletion, sha256, storage_error},
    record, record_critical,
};
use crate::Actor;

/// Entries that one transaction redacts.
const STEP: u64 = 500;

/// The result of rewriting an archive.
enum Rewrite {
    /// It does not name the person.
    Unchanged,
    /// Rewritten, with the number of redacted entries.
    Rewritten(u64),
    /// Another job rewrote it meanwhile.
    Superseded,
    /// Its object is missing.
    Missing,
}

/// The replacement of an object.
struct Replacement {
    old_sha256: String,
    entries: u64,
    object: Object,
}

impl Audit {
    /// Redacts the entries that were recorded during the erasure, and every archive since
    /// the account was created. A repeated run continues with what still names the person.
    pub async fn erase_archived(&self, ctx: &JobContext, args: EraseArchived) -> Result<Outcome, JobError> {
        let EraseArchived { user_id, addresses, since } = args;
        let person = ErasedPerson { user: user_id, addresses };
        self.redact_log(&person).await?;
        let (mut objects, mut entries, mut lost) = (0_u64, 0, 0_u64);
        let mut superseded = true;
        while std::mem::take(&mut superseded) {
            let mut after = String::new();
            lost = 0;
            while let Some(archive) = self.next_archive(since, &after).await? {
                if ctx.stop().is_cancelled() {
                    return Err(JobError::retry("STOPPED", "stopped before every archive was read"));
                }
                match self.rewrite(&archive, &person).await? {
                    Rewrite::Unchanged => {}
                    Rewrite::Rewritten(changed) => (objects, entries) = (objects + 1, entries + changed),
                    Rewrite::Superseded => superseded = true,
                    Rewrite::Missing => lost += 1,
                }
                ctx.progress(50, "rewrite", format!("{objects} objects")).await;
                after = archive.object_key;
            }
        }
        self.sweep().await?;
        Ok(Outcome::Done(json!({"objects": objects, "entries": entries, "lost": lost})))
    }

    async fn redact_log(&self, person: &ErasedPerson) -> Result<(), QueueError> {
        loop {
            let tx = self.queue.begin().await?;
            let left = person.redact_some(&tx, &[], STEP).await?;
            tx.commit().await?;
            if left < STEP {
                return Ok(());
            }
        }
    }

    async fn next_archive(
        &self,
        since: Timestamp,
        after: &str,
    ) -> Result<Option<audit_archives::Model>, DbErr> {
        audit_archives::Entity::find()
            .filter(audit_archives::Column::ObjectKey.gt(after))
            .filter(audit_archives::Column::LastAt.gte(since))
            .order_by_asc(audit_archives::Column::ObjectKey)
            .one(self.queue.db())
            .await
    }

    async fn rewrite(
        &self,
        archive: &audit_archives::Model,
        person: &ErasedPerson,
    ) -> Result<Rewrite, JobError> {
        let found = self.objects.get(&archive.object_key).await.map_err(|error| storage_error(&error))?;
        let Some((bytes, _)) = found else { return self.explain_missing(archive).await };
        let text = std::str::from_utf8(&bytes).map_err(|_| unreadable(archive))?;
        let (text, entries) = person.rewrite(text).map_err(|_| unreadable(archive))?;
        if entries == 0 {
            return Ok(Rewrite::Unchanged);
        }
        let replacement = Replacement {
            old_sha256: sha256(&bytes),
            entries,
            object: self.write_object(archive.first_at, text).await?,
        };
        if !self.replace_object(archive, &replacement).await? {
            self.discard(&replacement.object).await?;
            return Ok(Rewrite::Superseded);
        }
        self.delete_object(&archive.object_key).await?;
        Ok(Rewrite::Rewritten(entries))
    }

    /// Finds out why the object of an archive is missing.
    async fn explain_missing(&self, archive: &audit_archives::Model) -> Result<Rewrite, JobError> {
        let still = audit_archives::Entity::find_by_id(archive.object_key.clone()).one(self.queue.db());
        if still.await?.is_none() {
            return Ok(Rewrite::Superseded);
        }
        tracing::error!(object = archive.object_key, "an archive of the audit log is missing");
        Ok(Rewrite::Missing)
    }

    /// Makes an archive refer to another object. Returns false, and changes nothing, if
    /// another job has done so before.
    async fn replace_object(
        &self,
        archive: &audit_archives::Model,
        replacement: &Replacement,
    ) -> Result<bool, QueueError> {
        let Replacement { old_sha256, entries, object } = replacement;
        let tx = self.queue.begin().await?;
        let renamed = audit_archives::Entity::update_many()
            .col_expr(audit_archives::Column::ObjectKey, Expr::value(object.key.as_str()))
            .col_expr(audit_archives::Column::Sha256, Expr::value(object.sha256.as_str()))
            .filter(audit_archives::Column::ObjectKey.eq(archive.object_key.as_str()))
            .exec(&*tx)
            .await?;
        if renamed.rows_affected != 1 || !attach(&tx, &object.key).await? {
            return Ok(false);
        }
        schedule_deletion(&tx, &archive.object_key).await?;
        let (actor, target) = (Actor::anonymous(), target(&object.key));
        let mut context =
            json!({"replaces": archive.object_key, "entries": entries, "sha256": object.sha256});
        if *old_sha256 == archive.sha256 {
            record(&tx, &actor, "audit.rewrite_archive", target, context).await?;
        } else {
            // The object differs from its row: somebody changed it in the store.
            context["noted"] = json!(archive.sha256);
            context["found"] = json!(old_sha256);
            record_critical(&tx, &actor, "audit.rewrite_archive", target, context).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

fn unreadable(archive: &audit_archives::Model) -> JobError {
    tracing::error!(object = archive.object_key, "an archive of the audit log cannot be read");
    JobError::fail("ARCHIVE_UNREADABLE", format!("{} is not what was archived", archive.object_key))
}

#[cfg(test)]
mod tests;
