use sea_orm::entity::prelude::*;

use crate::{ProjectId, Timestamp, UserId, WorkflowId, WorkflowVersionId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflows")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WorkflowId,
    pub user_id: UserId,
    pub project_id: Option<ProjectId>,
    pub name: String,
    pub description: String,
    /// Whether its triggers fire.
    pub enabled: bool,
    /// Limits and variables, as the domain reads them.
    pub settings: Json,
    /// Runs when a run fails.
    pub error_workflow_id: Option<WorkflowId>,
    pub draft_id: WorkflowVersionId,
    pub published_id: Option<WorkflowVersionId>,
    /// The number of the last published version; 0 before the first.
    pub last_number: i32,
    /// Counts the changes of the draft, for `If-Match`.
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Since then it is in no list. Its runs are kept until they expire.
    pub deleted_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The workflows of an account that are not deleted.
    pub fn find_owned(user: UserId) -> Select<Self> {
        Self::find().filter(Column::UserId.eq(user)).filter(Column::DeletedAt.is_null())
    }

    /// A workflow of the account that is not deleted.
    pub fn find_owned_by_id(user: UserId, id: WorkflowId) -> Select<Self> {
        Self::find_owned(user).filter(Column::Id.eq(id))
    }
}
