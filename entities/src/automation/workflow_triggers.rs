use sea_orm::entity::prelude::*;

use crate::{UserId, WorkflowId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_triggers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workflow_id: WorkflowId,
    /// The key of the trigger's node in the published version.
    #[sea_orm(primary_key, auto_increment = false)]
    pub node: String,
    pub user_id: UserId,
    /// The type of the node.
    #[sea_orm(column_name = "type")]
    pub kind: String,
    /// The event that it waits for.
    pub event: Option<String>,
    pub config: Json,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
