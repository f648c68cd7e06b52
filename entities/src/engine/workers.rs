use sea_orm::entity::prelude::*;

use crate::{Timestamp, WorkerId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WorkerId,
    pub host: String,
    pub pid: i32,
    /// Its queues with their concurrency: {"email": 16}.
    pub queues: Json,
    /// The kinds that it has a handler for.
    pub kinds: Json,
    pub version: String,
    pub draining: bool,
    pub running: i32,
    pub started_at: Timestamp,
    pub heartbeat_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
