use sea_orm_migration::prelude::*;

use crate::schema::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(audit_loose_objects()).await?;
        let mut column = text_null("provider");
        let provider = Table::alter().table(Alias::new("sessions")).add_column(&mut column).to_owned();
        manager.alter_table(provider).await
    }
}

fn audit_loose_objects() -> TableCreateStatement {
    table(
        "audit_loose_objects",
        &["object_key"],
        vec![text("object_key"), boolean("is_doomed"), time("since")],
    )
}
