use sea_orm_migration::prelude::*;

use crate::schema::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(projects()).await?;
        manager.create_table(project_versions()).await?;
        manager.create_table(project_files()).await?;
        manager.create_table(credit_transactions()).await?;
        run(manager, INDEXES).await
    }
}

const INDEXES: &[&str] = &[
    "CREATE INDEX projects_user_idx ON projects (user_id, created_at DESC)",
    "CREATE INDEX projects_created_at_idx ON projects (created_at)",
    "CREATE INDEX projects_status_idx ON projects (status)",
    "CREATE UNIQUE INDEX project_versions_number_key ON project_versions (project_id, number)",
    "CREATE UNIQUE INDEX project_versions_job_key ON project_versions (job_id) WHERE job_id IS NOT NULL",
    "CREATE INDEX credit_transactions_user_idx ON credit_transactions (user_id, created_at DESC)",
    "CREATE UNIQUE INDEX credit_transactions_job_key ON credit_transactions (job_id, kind) WHERE job_id IS NOT NULL",
];

fn projects() -> TableCreateStatement {
    table(
        "projects",
        &["id"],
        vec![
            uuid("id"),
            uuid("user_id"),
            text("title"),
            text("description"),
            text("kind"),
            text("status"),
            text_null("repository_url"),
            text_null("deployment_url"),
            json("config"),
            int_null("current_version"),
            bigint("views"),
            time("created_at"),
            time("updated_at"),
        ],
    )
    .foreign_key(&mut cascade("user_id", "users", "id"))
    .to_owned()
}

fn project_versions() -> TableCreateStatement {
    table(
        "project_versions",
        &["id"],
        vec![
            uuid("id"),
            uuid("project_id"),
            int("number"),
            uuid_null("job_id"),
            text("provider"),
            text("model"),
            text("mode"),
            text("prompt"),
            text("summary"),
            int("file_count"),
            bigint("total_bytes"),
            time("created_at"),
        ],
    )
    .foreign_key(&mut cascade("project_id", "projects", "id"))
    .to_owned()
}

fn project_files() -> TableCreateStatement {
    table(
        "project_files",
        &["version_id", "path"],
        vec![uuid("version_id"), text("path"), text("language"), text("content")],
    )
    .foreign_key(&mut cascade("version_id", "project_versions", "id"))
    .to_owned()
}

fn credit_transactions() -> TableCreateStatement {
    table(
        "credit_transactions",
        &["id"],
        vec![
            uuid("id"),
            uuid("user_id"),
            bigint("amount"),
            text("kind"),
            text("description"),
            uuid_null("project_id"),
            uuid_null("job_id"),
            time("created_at"),
        ],
    )
    .foreign_key(&mut cascade("user_id", "users", "id"))
    .to_owned()
}
