use sea_orm::entity::prelude::*;

use crate::{JobId, Timestamp};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_id: JobId,
    /// 1, 2, 3 … within the job.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// progress, log, or the name of an event of the job's kind.
    pub kind: String,
    pub data: Json,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
