use sea_orm_migration::prelude::*;

use crate::schema::*;

/// Where the events of people are sent to, and what became of them.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(webhook_subscriptions()).await?;
        manager.create_table(webhook_secrets()).await?;
        manager.create_table(webhook_deliveries()).await?;
        manager.create_table(webhook_delivery_attempts()).await?;
        run(manager, INDEXES).await
    }
}

const INDEXES: &[&str] = &[
    "CREATE INDEX webhook_subscriptions_user_idx ON webhook_subscriptions (user_id, id)",
    "CREATE UNIQUE INDEX webhook_secrets_revision_key ON webhook_secrets (subscription_id, revision)",
    "CREATE INDEX webhook_secrets_key_idx ON webhook_secrets (key_id, id)",
    "CREATE INDEX webhook_secrets_expired_idx ON webhook_secrets (expires_at) WHERE expires_at IS NOT NULL",
    "CREATE INDEX webhook_deliveries_subscription_idx ON webhook_deliveries (subscription_id, id)",
    "CREATE INDEX webhook_deliveries_user_idx ON webhook_deliveries (user_id, id)",
    "CREATE INDEX webhook_deliveries_created_idx ON webhook_deliveries (created_at)",
    "CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (next_at) WHERE state = 'pending'",
    "CREATE INDEX webhook_deliveries_pending_idx ON webhook_deliveries (subscription_id) WHERE state = 'pending'",
];

fn webhook_subscriptions() -> TableCreateStatement {
    table(
        "webhook_subscriptions",
        &["id"],
        vec![
            uuid("id"),
            uuid("user_id"),
            text("url"),
            json("events"),
            text("description"),
            text("status"),
            text_null("disabled_reason"),
            time_null("failing_since"),
            time_null("last_success_at"),
            time_null("throttled_until"),
            bigint("revision"),
            time("created_at"),
            time("updated_at"),
        ],
    )
}

fn webhook_secrets() -> TableCreateStatement {
    table(
        "webhook_secrets",
        &["id"],
        vec![
            uuid("id"),
            uuid("subscription_id"),
            text("sealed"),
            text("key_id"),
            bigint("revision"),
            time("created_at"),
            time_null("expires_at"),
        ],
    )
    .foreign_key(&mut cascade("subscription_id", "webhook_subscriptions", "id"))
    .to_owned()
}

fn webhook_deliveries() -> TableCreateStatement {
    table(
        "webhook_deliveries",
        &["id"],
        vec![
            uuid("id"),
            uuid("subscription_id"),
            uuid("user_id"),
            text("event_id"),
            text("event"),
            text("payload"),
            text("state"),
            text_null("error"),
            int("attempts"),
            int("next_number"),
            int("schedule_from"),
            time_null("next_at"),
            time("created_at"),
            time_null("ended_at"),
        ],
    )
    .foreign_key(&mut cascade("subscription_id", "webhook_subscriptions", "id"))
    .to_owned()
}

fn webhook_delivery_attempts() -> TableCreateStatement {
    table(
        "webhook_delivery_attempts",
        &["delivery_id", "number"],
        vec![
            uuid("delivery_id"),
            int("number"),
            time("started_at"),
            int_null("status"),
            bigint("duration_ms"),
            text_null("error"),
            json("request_headers"),
            json_null("response_headers"),
            text_null("response_body"),
            int_null("retry_after_secs"),
        ],
    )
    .foreign_key(&mut cascade("delivery_id", "webhook_deliveries", "id"))
    .to_owned()
}
