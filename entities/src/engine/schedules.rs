use sea_orm::entity::prelude::*;

use crate::{JobId, Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "schedules")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub kind: String,
    /// Six fields, seconds first.
    pub cron: String,
    pub time_zone: String,
    pub enabled: bool,
    /// Why it is not enabled.
    pub paused_reason: Option<String>,
    /// Who paused it.
    pub paused_by: Option<UserId>,
    /// When it was paused.
    pub paused_at: Option<Timestamp>,
    pub next_run_at: Timestamp,
    pub last_run_at: Option<Timestamp>,
    pub last_job_id: Option<JobId>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
