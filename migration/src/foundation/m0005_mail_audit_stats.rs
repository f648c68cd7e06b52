use sea_orm_migration::prelude::*;

use crate::schema::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(mail_messages()).await?;
        manager.create_table(audit_log()).await?;
        manager.create_table(platform_stats()).await?;
        run(manager, INDEXES).await
    }
}

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX mail_messages_cause_key ON mail_messages (template, recipient, cause)",
    "CREATE INDEX mail_messages_user_idx ON mail_messages (user_id)",
    "CREATE INDEX audit_log_actor_idx ON audit_log (actor_id, id)",
    "CREATE INDEX audit_log_created_at_idx ON audit_log (created_at)",
];

fn mail_messages() -> TableCreateStatement {
    table(
        "mail_messages",
        &["id"],
        vec![
            uuid("id"),
            uuid_null("user_id"),
            text("recipient"),
            text("template"),
            text("locale"),
            text("cause"),
            json("data"),
            text("status"),
            text_null("subject"),
            text_null("text_body"),
            text_null("html_body"),
            text_null("error"),
            time("created_at"),
            time_null("sent_at"),
        ],
    )
    .foreign_key(&mut cascade("user_id", "users", "id"))
    .to_owned()
}

fn audit_log() -> TableCreateStatement {
    table(
        "audit_log",
        &["id"],
        vec![
            uuid("id"),
            text("level"),
            uuid_null("actor_id"),
            text("action"),
            text_null("target"),
            text_null("ip"),
            text_null("user_agent"),
            text_null("request_id"),
            json("context"),
            time("created_at"),
        ],
    )
}

fn platform_stats() -> TableCreateStatement {
    table(
        "platform_stats",
        &["id"],
        vec![
            int("id"),
            bigint("total_users"),
            bigint("total_apps"),
            bigint("total_countries"),
            bigint("active_users_today"),
            bigint("projects_created_today"),
            time("computed_at"),
        ],
    )
}
