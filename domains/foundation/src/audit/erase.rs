//! Taking somebody whose account was erased out of the archives: each object that may
//! name them is written anew under another key, and what names it is changed to that.

use atelier_entities::{Timestamp, audit_archives};
use atelier_queue::{JobContext, JobError, Outcome, QueueError};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};
use serde_json::json;

use super::{
    Audit, EraseArchived, ErasedPerson,
    archive::target,
    objects::{Object, claim, doom, sha256, unstored},
    record, record_critical,
};
use crate::Actor;

/// Entries changed in one step.
const STEP: u64 = 500;

/// What became of an archive.
enum Rewrite {
    /// It does not name the person.
    Clean,
    /// So many entries lost the person.
    Done(u64),
    /// Somebody else wrote it anew meanwhile.
    Moved,
    /// Its object is not there.
    Lost,
}

/// What an object held and what it is to hold.
struct Change {
    was: String,
    entries: u64,
    object: Object,
}

impl Audit {
    /// Takes a person out of what was recorded while their account was erased, and out
    /// of every archive since their account was made. Repeated, it goes by what names
    /// them still.
    pub async fn erase_archived(&self, ctx: &JobContext, args: EraseArchived) -> Result<Outcome, JobError> {
        let EraseArchived { user_id, addresses, since } = args;
        let person = ErasedPerson { user: user_id, addresses };
        self.leave_log(&person).await?;
        let (mut objects, mut entries, mut lost) = (0_u64, 0, 0_u64);
        let mut moved = true;
        while std::mem::take(&mut moved) {
            let mut after = String::new();
            lost = 0;
            while let Some(note) = self.next_archive(since, &after).await? {
                if ctx.stop().is_cancelled() {
                    return Err(JobError::retry("STOPPED", "stopped before every archive was read"));
                }
                match self.rewrite(&note, &person).await? {
                    Rewrite::Clean => {}
                    Rewrite::Done(changed) => (objects, entries) = (objects + 1, entries + changed),
                    Rewrite::Moved => moved = true,
                    Rewrite::Lost => lost += 1,
                }
                ctx.progress(50, "rewrite", format!("{objects} objects")).await;
                after = note.object_key;
            }
        }
        self.sweep().await?;
        Ok(Outcome::Done(json!({"objects": objects, "entries": entries, "lost": lost})))
    }

    async fn leave_log(&self, person: &ErasedPerson) -> Result<(), QueueError> {
        loop {
            let tx = self.queue.begin().await?;
            let left = person.leave_some(&tx, &[], STEP).await?;
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
        note: &audit_archives::Model,
        person: &ErasedPerson,
    ) -> Result<Rewrite, JobError> {
        let found = self.objects.get(&note.object_key).await.map_err(|error| unstored(&error))?;
        let Some((bytes, _)) = found else { return self.miss(note).await };
        let text = std::str::from_utf8(&bytes).map_err(|_| unreadable(note))?;
        let (text, entries) = person.rewrite(text).map_err(|_| unreadable(note))?;
        if entries == 0 {
            return Ok(Rewrite::Clean);
        }
        let change =
            Change { was: sha256(&bytes), entries, object: self.write_object(note.first_at, text).await? };
        if !self.exchange(note, &change).await? {
            self.discard(&change.object).await?;
            return Ok(Rewrite::Moved);
        }
        self.delete_object(&note.object_key).await?;
        Ok(Rewrite::Done(entries))
    }

    /// Why an archive's object is not there.
    async fn miss(&self, note: &audit_archives::Model) -> Result<Rewrite, JobError> {
        let still = audit_archives::Entity::find_by_id(note.object_key.clone()).one(self.queue.db());
        if still.await?.is_none() {
            return Ok(Rewrite::Moved);
        }
        tracing::error!(object = note.object_key, "an archive of the audit log is not there");
        Ok(Rewrite::Lost)
    }

    /// Names another object in place of an archive's; false where somebody else has done
    /// so, and nothing was done.
    async fn exchange(&self, note: &audit_archives::Model, change: &Change) -> Result<bool, QueueError> {
        let Change { was, entries, object } = change;
        let tx = self.queue.begin().await?;
        let renamed = audit_archives::Entity::update_many()
            .col_expr(audit_archives::Column::ObjectKey, Expr::value(object.key.as_str()))
            .col_expr(audit_archives::Column::Sha256, Expr::value(object.sha256.as_str()))
            .filter(audit_archives::Column::ObjectKey.eq(note.object_key.as_str()))
            .exec(&*tx)
            .await?;
        if renamed.rows_affected != 1 || !claim(&tx, &object.key).await? {
            return Ok(false);
        }
        doom(&tx, &note.object_key).await?;
        let (actor, target) = (Actor::anonymous(), target(&object.key));
        let mut context = json!({"replaces": note.object_key, "entries": entries, "sha256": object.sha256});
        if *was == note.sha256 {
            record(&tx, &actor, "audit.rewrite_archive", target, context).await?;
        } else {
            // Not what was noted: somebody changed it in the store.
            context["noted"] = json!(note.sha256);
            context["found"] = json!(was);
            record_critical(&tx, &actor, "audit.rewrite_archive", target, context).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

fn unreadable(note: &audit_archives::Model) -> JobError {
    tracing::error!(object = note.object_key, "an archive of the audit log cannot be read");
    JobError::fail("ARCHIVE_UNREADABLE", format!("{} is not what was archived", note.object_key))
}

#[cfg(test)]
mod tests;
