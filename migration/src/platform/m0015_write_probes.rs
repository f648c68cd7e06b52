use sea_orm_migration::prelude::*;

use crate::schema::*;

/// A few rows that processes rewrite to check whether the database accepts writes.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let filler = ColumnDef::new(Alias::new("filler")).blob().null().take();
        let columns = vec![int("slot"), time("written_at"), filler];
        manager.create_table(table("write_probes", &["slot"], columns)).await
    }
}
