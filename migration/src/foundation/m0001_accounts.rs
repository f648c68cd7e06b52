use sea_orm_migration::prelude::*;

use crate::schema::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(users()).await?;
        manager.create_table(sessions()).await?;
        manager.create_table(idempotency_keys()).await?;
        run(manager, INDEXES).await
    }
}

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX users_email_key ON users (email)",
    "CREATE UNIQUE INDEX users_provider_key ON users (provider, provider_id) WHERE provider_id IS NOT NULL",
    "CREATE INDEX users_created_at_idx ON users (created_at)",
    "CREATE INDEX users_last_active_at_idx ON users (last_active_at)",
    "CREATE UNIQUE INDEX sessions_token_hash_key ON sessions (token_hash)",
    "CREATE INDEX sessions_user_idx ON sessions (user_id, created_at)",
    "CREATE INDEX sessions_family_idx ON sessions (family_id)",
    "CREATE INDEX sessions_expires_at_idx ON sessions (expires_at)",
    "CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at)",
];

fn users() -> TableCreateStatement {
    table(
        "users",
        &["id"],
        vec![
            uuid("id"),
            text("email"),
            text("full_name"),
            text_null("password_hash"),
            boolean("is_active"),
            boolean("is_admin"),
            time_null("email_verified_at"),
            text("provider"),
            text_null("provider_id"),
            text_null("avatar_url"),
            text("locale"),
            text("time_zone"),
            text_null("country"),
            json("settings"),
            bigint("credits"),
            text("subscription_plan"),
            time_null("last_active_at"),
            time("created_at"),
            time("updated_at"),
        ],
    )
    .check(Expr::cust("credits >= 0"))
    .to_owned()
}

fn sessions() -> TableCreateStatement {
    table(
        "sessions",
        &["id"],
        vec![
            uuid("id"),
            uuid("user_id"),
            uuid("family_id"),
            text("token_hash"),
            text_null("user_agent"),
            text_null("ip"),
            time("created_at"),
            time("expires_at"),
            time_null("rotated_at"),
            time_null("revoked_at"),
        ],
    )
    .foreign_key(&mut cascade("user_id", "users", "id"))
    .to_owned()
}

fn idempotency_keys() -> TableCreateStatement {
    table(
        "idempotency_keys",
        &["user_id", "key"],
        vec![
            uuid("user_id"),
            text("key"),
            text("request_hash"),
            int_null("status"),
            text_null("location"),
            text_null("body"),
            time("created_at"),
            time("expires_at"),
        ],
    )
    .foreign_key(&mut cascade("user_id", "users", "id"))
    .to_owned()
}
