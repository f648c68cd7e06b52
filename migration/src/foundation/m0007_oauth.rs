use sea_orm_migration::prelude::*;

use crate::schema::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(oauth_states()).await?;
        manager.create_table(oauth_identities()).await?;
        run(manager, INDEXES).await
    }
}

const INDEXES: &[&str] = &[
    "CREATE INDEX oauth_states_expires_at_idx ON oauth_states (expires_at)",
    "CREATE UNIQUE INDEX oauth_identities_subject_key ON oauth_identities (provider, subject)",
    "CREATE INDEX oauth_identities_user_idx ON oauth_identities (user_id)",
];

fn oauth_states() -> TableCreateStatement {
    table(
        "oauth_states",
        &["state_hash"],
        vec![
            text("state_hash"),
            text("provider"),
            text("ends_at"),
            text("nonce"),
            text("verifier"),
            text_null("browser_hash"),
            time("created_at"),
            time("expires_at"),
        ],
    )
}

fn oauth_identities() -> TableCreateStatement {
    table(
        "oauth_identities",
        &["id"],
        vec![
            uuid("id"),
            uuid("user_id"),
            text("provider"),
            text("subject"),
            text_null("email"),
            time("created_at"),
            time("last_used_at"),
        ],
    )
    .foreign_key(&mut cascade("user_id", "users", "id"))
    .to_owned()
}
