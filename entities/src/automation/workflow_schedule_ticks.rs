use sea_orm::entity::prelude::*;

use crate::{RunId, TickOutcome, Timestamp, WorkflowScheduleId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_schedule_ticks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub schedule_id: WorkflowScheduleId,
    /// The fire time without its jitter; the first one of a range.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tick_at: Timestamp,
    /// The backfill that it belongs to; empty for a fire time of the clock.
    #[sea_orm(primary_key, auto_increment = false)]
    pub backfill: String,
    pub outcome: TickOutcome,
    /// Where a range ends.
    pub until_at: Option<Timestamp>,
    /// The fire times of the range, if they are not too many.
    pub missed: Option<i32>,
    pub run_id: Option<RunId>,
    /// A code that says why it started nothing.
    pub reason: Option<String>,
    /// The civil time that does not exist, in whose place it fired.
    pub shifted_from: Option<String>,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
