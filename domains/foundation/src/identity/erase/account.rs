use async_trait::async_trait;
use atelier_entities::{UserId, account_tokens, api_tokens, known_networks, oauth_identities, sessions};
use atelier_queue::{QueueError, Transaction, removal::delete_some};
use sea_orm::{ColumnTrait, Condition, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QuerySelect};

use crate::personal::{Erased, Erasing, ExportList, Page, PersonalData, Rows};

/// Accounts and their sign-in methods.
pub(crate) struct Accounts;

#[async_trait]
impl PersonalData for Accounts {
    fn name(&self) -> &'static str {
        "accounts"
    }

    /// The rows of the account and of its erasure are deleted last.
    fn tables(&self) -> &'static [&'static str] {
        &[
            "users",
            "account_erasures",
            "sessions",
            "account_tokens",
            "api_tokens",
            "oauth_identities",
            "known_networks",
            "sign_in_failures",
        ]
    }

    fn lists(&self) -> &'static [ExportList] {
        &[ExportList { name: "sessions", position: 10 }, ExportList { name: "links", position: 20 }]
    }

    async fn read(&self, db: &DatabaseConnection, list: &str, page: Page) -> Result<Rows, DbErr> {
        if list == "sessions" {
            let own = sessions::Entity::find().filter(sessions::Column::UserId.eq(page.user));
            return Ok(Rows::new(page.fetch(db, own, sessions::Column::Id).await?, |row| row.id.0));
        }
        let own = account_tokens::Entity::find().filter(account_tokens::Column::UserId.eq(page.user));
        Ok(Rows::new(page.fetch(db, own, account_tokens::Column::Id).await?, |row| row.id.0))
    }

    async fn list_addresses(&self, tx: &Transaction, user: UserId) -> Result<Vec<String>, DbErr> {
        let linked = account_tokens::Entity::find()
            .select_only()
            .column(account_tokens::Column::Email)
            .distinct()
            .filter(account_tokens::Column::UserId.eq(user));
        linked.into_tuple().all(&**tx).await
    }

    async fn erase(&self, tx: &Transaction, person: &Erasing, batch: u32) -> Result<Erased, QueueError> {
        let mut rows = 0;
        macro_rules! delete {
            ($($table:ident),+) => {$(
                let own = Condition::all().add($table::Column::UserId.eq(person.user));
                let some = delete_some::<$table::Entity>(tx, own, batch).await?;
                rows += some;
                if some >= u64::from(batch) {
                    return Ok(Erased { rows, is_done: false });
                }
            )+};
        }
        delete!(sessions, account_tokens, api_tokens, oauth_identities, known_networks);
        Ok(Erased { rows, is_done: true })
    }
}
