use sea_orm::entity::prelude::*;

use crate::{ClockFold, ClockGap, ScheduleOverlap, Timestamp, UserId, WorkflowId, WorkflowScheduleId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_schedules")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WorkflowScheduleId,
    pub user_id: UserId,
    pub workflow_id: WorkflowId,
    pub name: String,
    /// A cron expression; none for an interval.
    pub expression: Option<String>,
    /// The seconds of an interval, and where it begins in them.
    pub every_secs: Option<i32>,
    pub phase_secs: i32,
    pub time_zone: String,
    pub gap: Option<ClockGap>,
    pub fold: Option<ClockFold>,
    pub start_at: Option<Timestamp>,
    pub end_at: Option<Timestamp>,
    pub jitter_secs: i32,
    pub overlap: ScheduleOverlap,
    /// Most fire times that wait.
    pub buffer_limit: i32,
    pub catchup_window_secs: i32,
    pub catchup_limit: i32,
    /// Failed runs in a row after which it is paused.
    pub pause_after: Option<i32>,
    /// What its runs begin with.
    pub input: Json,
    /// The newest fire time that was handled: no earlier one fires again.
    pub last_tick_at: Option<Timestamp>,
    pub next_tick_at: Option<Timestamp>,
    /// The next fire time with its jitter. None while the schedule is paused, and after its end.
    pub next_fire_at: Option<Timestamp>,
    pub paused_at: Option<Timestamp>,
    pub paused_by: Option<UserId>,
    pub paused_reason: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The schedules of an account.
    pub fn find_owned(user: UserId) -> Select<Self> {
        Self::find().filter(Column::UserId.eq(user))
    }

    /// A schedule of the account.
    pub fn find_owned_by_id(user: UserId, id: WorkflowScheduleId) -> Select<Self> {
        Self::find_owned(user).filter(Column::Id.eq(id))
    }
}
