use sea_orm::entity::prelude::*;

use crate::{RunId, Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_signals")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: RunId,
    /// Chosen by the sender: a signal is taken once.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub key: String,
    pub payload: Json,
    pub sent_by: Option<UserId>,
    pub sent_at: Timestamp,
    pub taken_scope: Option<String>,
    pub taken_node: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
