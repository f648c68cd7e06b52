use sea_orm::entity::prelude::*;

use crate::{AttemptOutcome, JobId, Timestamp, WorkerId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job_attempts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_id: JobId,
    /// The fencing token of the claim: one for each start, whether it counts as an attempt or
    /// not.
    #[sea_orm(primary_key, auto_increment = false)]
    pub fence: i64,
    pub attempt: i32,
    pub worker_id: Option<WorkerId>,
    pub outcome: AttemptOutcome,
    pub error: Option<Json>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
