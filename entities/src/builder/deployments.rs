use sea_orm::entity::prelude::*;

use crate::{DeploymentId, DeploymentStatus, JobId, ProjectId, Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "deployments")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeploymentId,
    pub project_id: ProjectId,
    pub user_id: UserId,
    pub version_number: i32,
    pub platform: String,
    pub status: DeploymentStatus,
    pub slug: String,
    pub url: Option<String>,
    pub job_id: Option<JobId>,
    pub error: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The deployments of a project.
    pub fn find_of(project: ProjectId) -> Select<Self> {
        Self::find().filter(Column::ProjectId.eq(project))
    }
}
