use sea_orm::entity::prelude::*;

use crate::{SchedulerId, Timestamp};

/// A scheduler process, which refreshes its row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "schedulers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SchedulerId,
    pub host: String,
    pub pid: i32,
    pub version: String,
    pub started_at: Timestamp,
    pub heartbeat_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
