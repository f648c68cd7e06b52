use sea_orm_migration::prelude::*;

use crate::schema::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(account_tokens()).await?;
        manager.create_table(api_tokens()).await?;
        manager.create_table(sign_in_failures()).await?;
        manager.create_table(mail_suppressions()).await?;
        for mut column in [time_null("signed_in_at"), time_null("last_used_at")] {
            let change = Table::alter().table(Alias::new("sessions")).add_column(&mut column).to_owned();
            manager.alter_table(change).await?;
        }
        run(manager, INDEXES).await
    }
}

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX account_tokens_hash_key ON account_tokens (token_hash)",
    "CREATE INDEX account_tokens_user_idx ON account_tokens (user_id, purpose, created_at)",
    "CREATE INDEX account_tokens_expires_at_idx ON account_tokens (expires_at)",
    "CREATE UNIQUE INDEX api_tokens_hash_key ON api_tokens (token_hash)",
    "CREATE INDEX api_tokens_user_idx ON api_tokens (user_id, created_at)",
    "CREATE INDEX sign_in_failures_last_at_idx ON sign_in_failures (last_at)",
    "CREATE INDEX audit_log_target_idx ON audit_log (target)",
];

fn account_tokens() -> TableCreateStatement {
    table(
        "account_tokens",
        &["id"],
        vec![
            uuid("id"),
            uuid("user_id"),
            text("purpose"),
            text("token_hash"),
            text("email"),
            time("created_at"),
            time("expires_at"),
            time_null("used_at"),
        ],
    )
    .foreign_key(&mut cascade("user_id", "users", "id"))
    .to_owned()
}

fn api_tokens() -> TableCreateStatement {
    table(
        "api_tokens",
        &["id"],
        vec![
            uuid("id"),
            uuid("user_id"),
            text("name"),
            text("prefix"),
            text("token_hash"),
            json("scopes"),
            time("created_at"),
            time("expires_at"),
            time_null("last_used_at"),
        ],
    )
    .foreign_key(&mut cascade("user_id", "users", "id"))
    .to_owned()
}

fn sign_in_failures() -> TableCreateStatement {
    table(
        "sign_in_failures",
        &["key"],
        vec![text("key"), int("failures"), time("last_at"), time("blocked_until")],
    )
}

fn mail_suppressions() -> TableCreateStatement {
    table("mail_suppressions", &["address"], vec![text("address"), text("reason"), time("created_at")])
}
