use sea_orm_migration::prelude::*;

use crate::schema::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(deployments()).await?;
        manager.create_table(published_sites()).await?;
        run(manager, INDEXES).await
    }
}

const INDEXES: &[&str] = &[
    "CREATE INDEX deployments_project_idx ON deployments (project_id, id)",
    "CREATE UNIQUE INDEX published_sites_project_key ON published_sites (project_id)",
];

fn deployments() -> TableCreateStatement {
    table(
        "deployments",
        &["id"],
        vec![
            uuid("id"),
            uuid("project_id"),
            uuid("user_id"),
            int("version_number"),
            text("platform"),
            text("status"),
            text("slug"),
            text_null("url"),
            uuid_null("job_id"),
            text_null("error"),
            time("created_at"),
            time("updated_at"),
            time_null("finished_at"),
        ],
    )
    .foreign_key(&mut cascade("project_id", "projects", "id"))
    .to_owned()
}

fn published_sites() -> TableCreateStatement {
    table(
        "published_sites",
        &["slug"],
        vec![text("slug"), uuid("project_id"), uuid("deployment_id"), bigint("views"), time("updated_at")],
    )
    .foreign_key(&mut cascade("project_id", "projects", "id"))
    .to_owned()
}
