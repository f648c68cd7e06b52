use sea_orm::entity::prelude::*;

use crate::{GenerationMode, JobId, ProjectId, ProjectStack, Timestamp, VersionId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "project_versions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: VersionId,
    pub project_id: ProjectId,
    /// 1, 2, 3 … within the project; unique in the project.
    pub number: i32,
    pub job_id: Option<JobId>,
    pub provider: String,
    pub model: String,
    pub mode: GenerationMode,
    pub prompt: String,
    pub summary: String,
    pub file_count: i32,
    pub total_bytes: i64,
    pub created_at: Timestamp,
    /// What it is written with; none of a version before this was recorded.
    pub stack: Option<ProjectStack>,
    /// The plan after which it was written: files, data, screens.
    pub plan: Option<Json>,
    /// What is worth knowing of it, an array of faults that do not keep it from running.
    pub notes: Option<Json>,
    /// Paths that it added, changed and removed.
    pub changes: Option<Json>,
    /// What its requests to model servers cost, in millionths of the currency of the prices.
    pub cost_micros: Option<i64>,
    /// The version of the project whose files it has again.
    pub restored_from: Option<i32>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The versions of a project.
    pub fn find_of(project: ProjectId) -> Select<Self> {
        Self::find().filter(Column::ProjectId.eq(project))
    }

    /// One version of a project by its number.
    pub fn find_numbered(project: ProjectId, number: i32) -> Select<Self> {
        Self::find_of(project).filter(Column::Number.eq(number))
    }

    /// The version that a job created.
    pub fn find_by_job(job: JobId) -> Select<Self> {
        Self::find().filter(Column::JobId.eq(job))
    }
}
