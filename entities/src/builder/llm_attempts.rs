use sea_orm::entity::prelude::*;

use crate::{JobId, LlmAttemptId, ProjectId, Timestamp};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "llm_attempts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LlmAttemptId,
    pub project_id: ProjectId,
    pub job_id: JobId,
    pub provider: String,
    pub model: String,
    /// `ok`, `truncated`, `cancelled` or the class of the error.
    pub class: String,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cached_tokens: i64,
    pub thought_tokens: i64,
    /// Whether the tokens are estimated from the length of the texts.
    pub is_estimated: bool,
    /// Whether the provider charges it: it had begun to write.
    pub is_billable: bool,
    /// In millionths of the currency of the prices.
    pub cost_micros: i64,
    pub first_content_ms: Option<i32>,
    pub total_ms: i32,
    /// The provider's id of the request.
    pub request_id: Option<String>,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The requests of a job.
    pub fn find_of_job(job: JobId) -> Select<Self> {
        Self::find().filter(Column::JobId.eq(job))
    }

    /// The requests of a project.
    pub fn find_of_project(project: ProjectId) -> Select<Self> {
        Self::find().filter(Column::ProjectId.eq(project))
    }
}
