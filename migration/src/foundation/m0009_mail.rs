use sea_orm_migration::prelude::*;

use crate::schema::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(mail_opt_outs()).await?;
        run(manager, INDEXES).await
    }
}

const INDEXES: &[&str] = &[
    "CREATE INDEX mail_messages_status_idx ON mail_messages (status, id)",
    "CREATE INDEX mail_messages_created_at_idx ON mail_messages (created_at)",
];

fn mail_opt_outs() -> TableCreateStatement {
    table(
        "mail_opt_outs",
        &["user_id", "category"],
        vec![uuid("user_id"), text("category"), time("created_at")],
    )
    .foreign_key(&mut cascade("user_id", "users", "id"))
    .to_owned()
}
