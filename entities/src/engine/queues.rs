use sea_orm::entity::prelude::*;

use crate::{Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "queues")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub paused_at: Option<Timestamp>,
    pub paused_by: Option<UserId>,
    /// Jobs that may run at the same time on all workers.
    pub max_running: Option<i32>,
    /// Jobs of one owner that may run at the same time.
    pub max_running_per_owner: Option<i32>,
    /// Jobs that may start in each `rate_period_secs`.
    pub rate_limit: Option<i32>,
    pub rate_period_secs: Option<i32>,
    /// The starts that the rate limit still counts, with the times at which they expire.
    pub rate_starts: Option<Json>,
    pub updated_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
