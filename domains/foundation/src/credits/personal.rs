use async_trait::async_trait;
use atelier_entities::credit_transactions;
use atelier_queue::{QueueError, Transaction, removal::delete_some};
use sea_orm::{ColumnTrait, Condition, DatabaseConnection, DbErr, EntityTrait, QueryFilter};

use crate::personal::{Erased, Erasing, ExportList, Page, PersonalData, Rows};

/// The ledger of people's credits.
pub(crate) struct CreditHistory;

#[async_trait]
impl PersonalData for CreditHistory {
    fn name(&self) -> &'static str {
        "credits"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["credit_transactions"]
    }

    fn lists(&self) -> &'static [ExportList] {
        &[ExportList { name: "credits", position: 60 }]
    }

    async fn read(&self, db: &DatabaseConnection, _list: &str, page: Page) -> Result<Rows, DbErr> {
        let own =
            credit_transactions::Entity::find().filter(credit_transactions::Column::UserId.eq(page.user));
        Ok(Rows::new(page.fetch(db, own, credit_transactions::Column::Id).await?, |row| row.id.0))
    }

    async fn erase(&self, tx: &Transaction, person: &Erasing, batch: u32) -> Result<Erased, QueueError> {
        let own = Condition::all().add(credit_transactions::Column::UserId.eq(person.user));
        let rows = delete_some::<credit_transactions::Entity>(tx, own, batch).await?;
        Ok(Erased::of(rows, u64::from(batch)))
    }
}
