use sea_orm::entity::prelude::*;

use crate::{LoopClosing, RunId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_loop_runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: RunId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub node: String,
    /// How many items there are; none for a while node.
    pub total: Option<i32>,
    /// The item that starts next.
    pub next: i32,
    pub active: i32,
    pub parked: i32,
    pub failed: i32,
    pub queued: i32,
    pub closing: Option<LoopClosing>,
    /// A short list of items.
    pub items: Option<Json>,
    /// Where a long list is, in the object store.
    pub items_object: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
