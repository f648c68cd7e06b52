use async_trait::async_trait;
use atelier_entities::audit_log;
use atelier_queue::{NewJob, QueueError, Transaction};
use sea_orm::{ColumnTrait, Condition, DatabaseConnection, DbErr, EntityTrait, QueryFilter};

use super::{EraseArchived, ErasedPerson, anonymize::person_target};
use crate::personal::{Erased, Erasing, ExportList, Page, PersonalData, Rows};

/// Audit entries by and about people, and the archives.
pub(crate) struct AuditTrail;

#[async_trait]
impl PersonalData for AuditTrail {
    fn name(&self) -> &'static str {
        "audit_log"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["audit_log"]
    }

    /// `activity` has what the person did, `records` what others did to the account or
    /// tried.
    fn lists(&self) -> &'static [ExportList] {
        &[ExportList { name: "activity", position: 90 }, ExportList { name: "records", position: 100 }]
    }

    async fn read(&self, db: &DatabaseConnection, list: &str, page: Page) -> Result<Rows, DbErr> {
        let by_person = audit_log::Column::ActorId.eq(page.user);
        let entries = if list == "activity" {
            audit_log::Entity::find().filter(by_person)
        } else {
            let by_others = Condition::any()
                .add(audit_log::Column::ActorId.is_null())
                .add(audit_log::Column::ActorId.ne(page.user));
            audit_log::Entity::find()
                .filter(audit_log::Column::Target.eq(person_target(page.user)))
                .filter(by_others)
        };
        Ok(Rows::new(page.fetch(db, entries, audit_log::Column::Id).await?, |entry| entry.id.0))
    }

    /// The entries stay, but are redacted.
    async fn erase(&self, tx: &Transaction, person: &Erasing, batch: u32) -> Result<Erased, QueueError> {
        let limit = u64::from(batch);
        let rows = ErasedPerson::of(person).redact_some(tx, &person.addresses, limit).await?;
        Ok(Erased::of(rows, limit))
    }

    /// Enqueues the job that anonymizes the archives since the account was created, and
    /// entries that are recorded until then.
    async fn finish(&self, tx: &Transaction, person: &Erasing) -> Result<(), QueueError> {
        let ErasedPerson { user, addresses } = ErasedPerson::of(person);
        tx.enqueue(NewJob::of(&EraseArchived { user_id: user, addresses, since: person.since })).await?;
        Ok(())
    }
}
