use sea_orm_migration::prelude::*;

use crate::schema::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(llm_attempts()).await?;
        run(manager, INDEXES).await
    }
}

const INDEXES: &[&str] = &[
    "CREATE INDEX llm_attempts_project_idx ON llm_attempts (project_id, id)",
    "CREATE INDEX llm_attempts_job_idx ON llm_attempts (job_id, id)",
    "CREATE INDEX llm_attempts_created_idx ON llm_attempts (created_at)",
];

fn llm_attempts() -> TableCreateStatement {
    table(
        "llm_attempts",
        &["id"],
        vec![
            uuid("id"),
            uuid("project_id"),
            uuid("job_id"),
            text("provider"),
            text("model"),
            text("class"),
            bigint("input_tokens"),
            bigint("output_tokens"),
            bigint("cached_tokens"),
            bigint("thought_tokens"),
            boolean("is_estimated"),
            boolean("is_billable"),
            bigint("cost_micros"),
            int_null("first_content_ms"),
            int("total_ms"),
            text_null("request_id"),
            time("created_at"),
        ],
    )
    .foreign_key(&mut cascade("project_id", "projects", "id"))
    .to_owned()
}
