use sea_orm_migration::prelude::*;

use crate::schema::*;

/// Who paused a recurring job, and when.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut alter = Table::alter();
        alter.table(Alias::new("schedules")).add_column(uuid_null("paused_by"));
        manager.alter_table(alter.to_owned()).await?;
        let mut alter = Table::alter();
        alter.table(Alias::new("schedules")).add_column(time_null("paused_at"));
        manager.alter_table(alter.to_owned()).await
    }
}
