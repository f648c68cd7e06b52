use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::schema::*;

/// Adds indexes on columns that rows are read or deleted by, and drops redundant ones.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let unused = match manager.get_database_backend() {
            DatabaseBackend::Postgres => POSTGRES,
            _ => SQLITE,
        };
        run(manager, unused).await?;
        run(manager, INDEXES).await
    }
}

/// The previous version reads and writes these two columns, which are no longer used. It may
/// run during an upgrade, so that they stay, with defaults for new rows; a later version
/// drops them.
const POSTGRES: &[&str] = &[
    "ALTER TABLE queues ALTER COLUMN rate_tokens SET DEFAULT 0",
    "ALTER TABLE queues ALTER COLUMN rate_refilled_at SET DEFAULT now()",
];

/// On SQLite no other process runs during a migration.
const SQLITE: &[&str] =
    &["ALTER TABLE queues DROP COLUMN rate_tokens", "ALTER TABLE queues DROP COLUMN rate_refilled_at"];

const INDEXES: &[&str] = &[
    "CREATE INDEX deployments_user_idx ON deployments (user_id)",
    "CREATE INDEX api_tokens_expires_at_idx ON api_tokens (expires_at)",
    "CREATE INDEX users_full_name_idx ON users (full_name)",
    "CREATE INDEX users_plan_idx ON users (subscription_plan, created_at)",
    "CREATE INDEX users_sign_in_idx ON users (provider, created_at)",
    "CREATE INDEX users_inactive_idx ON users (created_at) WHERE NOT is_active",
    "CREATE INDEX users_unproven_idx ON users (created_at) WHERE email_verified_at IS NULL",
    "CREATE INDEX mail_messages_recipient_idx ON mail_messages (recipient, id)",
    "CREATE INDEX mail_messages_template_idx ON mail_messages (template, id)",
    "CREATE INDEX mail_suppressions_created_at_idx ON mail_suppressions (created_at)",
    "DROP INDEX audit_log_actor_idx",
    "DROP INDEX audit_log_created_at_idx",
    "DROP INDEX audit_log_target_idx",
];
