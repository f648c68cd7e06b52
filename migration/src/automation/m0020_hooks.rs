use sea_orm_migration::prelude::*;

use crate::schema::*;

/// Addresses by which services outside start runs, with their secrets and what they were called with.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(workflow_hooks()).await?;
        manager.create_table(workflow_hook_secrets()).await?;
        manager.create_table(workflow_hook_calls()).await?;
        manager.create_table(workflow_hook_test_calls()).await?;
        run(manager, INDEXES).await
    }
}

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX workflow_hooks_node_key ON workflow_hooks (workflow_id, node)",
    "CREATE UNIQUE INDEX workflow_hooks_token_key ON workflow_hooks (token_hash)",
    "CREATE INDEX workflow_hooks_user_idx ON workflow_hooks (user_id, id)",
    "CREATE INDEX workflow_hook_secrets_hook_idx ON workflow_hook_secrets (hook_id)",
    "CREATE INDEX workflow_hook_secrets_key_idx ON workflow_hook_secrets (key_id, id)",
    "CREATE INDEX workflow_hook_secrets_expires_idx ON workflow_hook_secrets (expires_at) WHERE expires_at IS NOT NULL",
    "CREATE INDEX workflow_hook_calls_expires_idx ON workflow_hook_calls (expires_at)",
    "CREATE INDEX workflow_hook_test_calls_expires_idx ON workflow_hook_test_calls (expires_at)",
];

/// A hook without a token has no address.
fn workflow_hooks() -> TableCreateStatement {
    table(
        "workflow_hooks",
        &["id"],
        vec![
            uuid("id"),
            uuid("workflow_id"),
            uuid("user_id"),
            text("node"),
            text_null("token_hash"),
            text_null("token_prefix"),
            bigint("revision"),
            time_null("rotated_at"),
            time_null("last_called_at"),
            time("created_at"),
            time("updated_at"),
        ],
    )
    .foreign_key(&mut cascade("workflow_id", "workflows", "id"))
    .to_owned()
}

fn workflow_hook_secrets() -> TableCreateStatement {
    table(
        "workflow_hook_secrets",
        &["id"],
        vec![
            uuid("id"),
            uuid("hook_id"),
            text("key_id"),
            text("sealed"),
            bigint("revision"),
            time("created_at"),
            time_null("expires_at"),
        ],
    )
    .foreign_key(&mut cascade("hook_id", "workflow_hooks", "id"))
    .to_owned()
}

/// What a call is recognized by when it comes again.
fn workflow_hook_calls() -> TableCreateStatement {
    table(
        "workflow_hook_calls",
        &["hook_id", "replay_key"],
        vec![uuid("hook_id"), text("replay_key"), uuid("run_id"), time("created_at"), time("expires_at")],
    )
    .foreign_key(&mut cascade("hook_id", "workflow_hooks", "id"))
    .to_owned()
}

/// The last call of the test address of each hook.
fn workflow_hook_test_calls() -> TableCreateStatement {
    table(
        "workflow_hook_test_calls",
        &["hook_id"],
        vec![
            uuid("hook_id"),
            json("call"),
            uuid_null("run_id"),
            text_null("problem"),
            time("received_at"),
            time("expires_at"),
        ],
    )
    .foreign_key(&mut cascade("hook_id", "workflow_hooks", "id"))
    .to_owned()
}
