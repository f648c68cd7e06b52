use sea_orm_migration::prelude::*;

use crate::schema::*;

/// The starts that a queue's rate limit still counts.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut alter = Table::alter();
        alter.table(Alias::new("queues")).add_column(json_null("rate_starts"));
        manager.alter_table(alter.to_owned()).await
    }
}
