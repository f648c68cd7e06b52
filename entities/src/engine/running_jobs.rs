use sea_orm::entity::prelude::*;

use crate::{JobId, LeaseId, Timestamp, UserId, WorkerId};

/// A view of running jobs with the lease of their attempt.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "running_jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobId,
    /// The fencing token of the claim.
    #[sea_orm(primary_key, auto_increment = false)]
    pub fence: i64,
    pub owner_id: Option<UserId>,
    pub cancel_requested_at: Option<Timestamp>,
    pub lease_id: LeaseId,
    pub queue: String,
    pub worker_id: WorkerId,
    /// The job is rescued after this time.
    pub expires_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
