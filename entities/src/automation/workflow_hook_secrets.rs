use sea_orm::entity::prelude::*;

use crate::{Timestamp, WorkflowHookId, WorkflowHookSecretId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_hook_secrets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WorkflowHookSecretId,
    pub hook_id: WorkflowHookId,
    /// The key of the ring that encrypts its data key.
    pub key_id: String,
    pub sealed: String,
    /// The revision of the hook that it was sealed for.
    pub revision: i64,
    pub created_at: Timestamp,
    /// Until when it is good after another one has replaced it.
    pub expires_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
