use sea_orm::entity::prelude::*;

use crate::{CancelCause, ItemState, RunId, Timestamp};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_item_runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: RunId,
    /// The item, such as `each[3]`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: String,
    /// The items around its loop.
    pub loop_scope: String,
    pub loop_node: String,
    /// The number of the item, from 0.
    pub item: i32,
    pub state: ItemState,
    pub working: i32,
    pub waiting: i32,
    pub failure: Option<Json>,
    pub cause: Option<CancelCause>,
    /// The run's revision at the last change.
    pub revision: i64,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
