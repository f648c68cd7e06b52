use sea_orm_migration::prelude::*;

use crate::schema::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(integrations()).await?;
        manager.create_table(integration_secrets()).await?;
        run(manager, INDEXES).await
    }
}

const INDEXES: &[&str] = &[
    "CREATE INDEX integrations_user_idx ON integrations (user_id, id)",
    "CREATE UNIQUE INDEX integration_secrets_field_key ON integration_secrets (integration_id, field)",
    "CREATE INDEX integration_secrets_key_idx ON integration_secrets (key_id, id)",
];

fn integrations() -> TableCreateStatement {
    table(
        "integrations",
        &["id"],
        vec![
            uuid("id"),
            uuid("user_id"),
            text("name"),
            text("type"),
            json("settings"),
            json("allowed_hosts"),
            bigint("revision"),
            time_null("token_lease_until"),
            json_null("last_test"),
            time_null("last_used_at"),
            time("created_at"),
            time("updated_at"),
        ],
    )
}

fn integration_secrets() -> TableCreateStatement {
    table(
        "integration_secrets",
        &["id"],
        vec![
            uuid("id"),
            uuid("integration_id"),
            text("field"),
            text("key_id"),
            text("sealed"),
            bigint("revision"),
            text_null("hint"),
            time_null("expires_at"),
            time("updated_at"),
        ],
    )
    .foreign_key(&mut cascade("integration_id", "integrations", "id"))
    .to_owned()
}
