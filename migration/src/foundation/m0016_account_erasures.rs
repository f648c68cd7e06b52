use sea_orm_migration::prelude::*;

use crate::schema::*;

/// The accounts that are closed and being erased.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut create = table(
            "account_erasures",
            &["user_id"],
            vec![uuid("user_id"), json("addresses"), time("since"), json("erased"), time("created_at")],
        );
        manager.create_table(create.foreign_key(&mut cascade("user_id", "users", "id")).to_owned()).await
    }
}
