use sea_orm::entity::prelude::*;

use crate::{GenerationMode, JobId, ProjectId, ProjectMessageId, Timestamp};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "project_messages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ProjectMessageId,
    pub project_id: ProjectId,
    /// Unique: the generation that the message started.
    pub job_id: JobId,
    pub mode: GenerationMode,
    /// What the person wrote.
    pub text: String,
    /// Why the generation gave no version; none while it runs and after it succeeded.
    pub failure: Option<String>,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The messages of a project.
    pub fn find_of(project: ProjectId) -> Select<Self> {
        Self::find().filter(Column::ProjectId.eq(project))
    }
}
