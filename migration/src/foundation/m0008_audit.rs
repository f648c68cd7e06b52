use sea_orm_migration::prelude::*;

use crate::schema::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(audit_archives()).await?;
        manager.create_table(schedulers()).await?;
        let overview =
            Table::alter().table(Alias::new("platform_stats")).add_column(json_null("overview")).to_owned();
        manager.alter_table(overview).await?;
        run(manager, INDEXES).await
    }
}

/// The log is read from the newest entry and archived from the oldest one, so that each index
/// ends with the time.
const INDEXES: &[&str] = &[
    "CREATE INDEX audit_log_time_idx ON audit_log (created_at, id)",
    "CREATE INDEX audit_log_action_time_idx ON audit_log (action, created_at, id)",
    "CREATE INDEX audit_log_level_time_idx ON audit_log (level, created_at, id) WHERE level <> 'info'",
    "CREATE INDEX audit_log_actor_time_idx ON audit_log (actor_id, created_at, id)",
    "CREATE INDEX audit_log_target_time_idx ON audit_log (target, created_at, id)",
    "CREATE INDEX audit_log_ip_time_idx ON audit_log (ip, created_at, id) WHERE ip IS NOT NULL",
    "CREATE INDEX audit_log_request_idx ON audit_log (request_id) WHERE request_id IS NOT NULL",
    "CREATE INDEX users_admins_idx ON users (id) WHERE is_admin",
];

fn audit_archives() -> TableCreateStatement {
    table(
        "audit_archives",
        &["object_key"],
        vec![
            text("object_key"),
            bigint("entries"),
            text("sha256"),
            time("first_at"),
            time("last_at"),
            time("created_at"),
        ],
    )
}

fn schedulers() -> TableCreateStatement {
    table(
        "schedulers",
        &["id"],
        vec![uuid("id"), text("host"), int("pid"), text("version"), time("started_at"), time("heartbeat_at")],
    )
}
