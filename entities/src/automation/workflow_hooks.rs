use sea_orm::entity::prelude::*;

use crate::{Timestamp, UserId, WorkflowHookId, WorkflowId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_hooks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WorkflowHookId,
    pub workflow_id: WorkflowId,
    pub user_id: UserId,
    /// The key of the trigger.
    pub node: String,
    /// The hash of the token of its address; none if it has no address.
    pub token_hash: Option<String>,
    /// The beginning of the token, by which people recognize the address.
    pub token_prefix: Option<String>,
    /// Counts the changes of its address and its secrets.
    pub revision: i64,
    /// When it got its address.
    pub rotated_at: Option<Timestamp>,
    /// To a minute.
    pub last_called_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The hooks of an account.
    pub fn find_owned(user: UserId) -> Select<Self> {
        Self::find().filter(Column::UserId.eq(user))
    }

    /// The hooks of a workflow of the account.
    pub fn find_owned_of(user: UserId, workflow: WorkflowId) -> Select<Self> {
        Self::find_owned(user).filter(Column::WorkflowId.eq(workflow))
    }
}
