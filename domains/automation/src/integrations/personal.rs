use async_trait::async_trait;
use atelier_entities::integrations;
use atelier_foundation::personal::{Erased, Erasing, ExportList, Page, PersonalData, Rows};
use atelier_queue::{QueueError, Transaction, removal::delete_some};
use sea_orm::{ColumnTrait, Condition, DatabaseConnection, DbErr};

/// People's integrations. Their secrets are in no export.
pub(crate) struct OwnedIntegrations;

#[async_trait]
impl PersonalData for OwnedIntegrations {
    fn name(&self) -> &'static str {
        "integrations"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["integrations", "integration_secrets"]
    }

    fn lists(&self) -> &'static [ExportList] {
        &[ExportList { name: "integrations", position: 57 }]
    }

    async fn read(&self, db: &DatabaseConnection, _list: &str, page: Page) -> Result<Rows, DbErr> {
        let own = integrations::Entity::find_owned(page.user);
        Ok(Rows::new(page.fetch(db, own, integrations::Column::Id).await?, |row| row.id.0))
    }

    async fn erase(&self, tx: &Transaction, person: &Erasing, batch: u32) -> Result<Erased, QueueError> {
        let own = Condition::all().add(integrations::Column::UserId.eq(person.user));
        let rows = delete_some::<integrations::Entity>(tx, own, batch).await?;
        Ok(Erased::of(rows, u64::from(batch)))
    }
}
