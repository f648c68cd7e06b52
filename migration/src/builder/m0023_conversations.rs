use sea_orm_migration::prelude::*;

use crate::schema::*;

/// The messages of a project, and how each version came to be.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            text_null("stack"),
            json_null("plan"),
            json_null("notes"),
            json_null("changes"),
            bigint_null("cost_micros"),
            int_null("restored_from"),
        ] {
            // SQLite adds one column in a statement.
            let mut alter = Table::alter();
            alter.table(Alias::new("project_versions")).add_column(column);
            manager.alter_table(alter.to_owned()).await?;
        }
        manager.create_table(project_messages()).await?;
        run(manager, INDEXES).await
    }
}

const INDEXES: &[&str] = &[
    "CREATE INDEX project_messages_project_idx ON project_messages (project_id, id)",
    "CREATE UNIQUE INDEX project_messages_job_key ON project_messages (job_id)",
];

fn project_messages() -> TableCreateStatement {
    table(
        "project_messages",
        &["id"],
        vec![
            uuid("id"),
            uuid("project_id"),
            uuid("job_id"),
            text("mode"),
            text("text"),
            text_null("failure"),
            time("created_at"),
        ],
    )
    .foreign_key(&mut cascade("project_id", "projects", "id"))
    .to_owned()
}
