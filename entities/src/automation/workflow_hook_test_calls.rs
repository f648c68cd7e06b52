use sea_orm::entity::prelude::*;

use crate::{RunId, Timestamp, WorkflowHookId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_hook_test_calls")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub hook_id: WorkflowHookId,
    /// What was sent, as the run reads it; a long body is cut.
    pub call: Json,
    /// The run of the draft.
    pub run_id: Option<RunId>,
    /// A code that says why the draft did not run.
    pub problem: Option<String>,
    pub received_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
