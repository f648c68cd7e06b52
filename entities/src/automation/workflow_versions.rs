use sea_orm::entity::prelude::*;

use crate::{Timestamp, UserId, VersionKind, WorkflowId, WorkflowVersionId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_versions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WorkflowVersionId,
    pub workflow_id: WorkflowId,
    pub kind: VersionKind,
    /// 1, 2, 3 … within the workflow, where it is published.
    pub number: Option<i32>,
    pub note: Option<String>,
    /// Who published it, or started the run of a test.
    pub created_by: UserId,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The numbered versions of a workflow.
    pub fn find_published(workflow: WorkflowId) -> Select<Self> {
        Self::find().filter(Column::WorkflowId.eq(workflow)).filter(Column::Kind.eq(VersionKind::Published))
    }
}
