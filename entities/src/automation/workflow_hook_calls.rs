use sea_orm::entity::prelude::*;

use crate::{RunId, Timestamp, WorkflowHookId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_hook_calls")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub hook_id: WorkflowHookId,
    /// A hash of what the call is recognized by.
    #[sea_orm(primary_key, auto_increment = false)]
    pub replay_key: String,
    /// The run that the call started.
    pub run_id: RunId,
    pub created_at: Timestamp,
    /// Until when the call is recognized.
    pub expires_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
