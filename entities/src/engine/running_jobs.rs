use sea_orm::entity::prelude::*;

use crate::{JobId, LeaseId, Timestamp, UserId, WorkerId};

/// A job that runs and the lease that its attempt runs under: a view of both.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "running_jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobId,
    /// The fence of the claim.
    #[sea_orm(primary_key, auto_increment = false)]
    pub fence: i64,
    pub owner_id: Option<UserId>,
    pub cancel_requested_at: Option<Timestamp>,
    pub lease_id: LeaseId,
    pub queue: String,
    pub worker_id: WorkerId,
    /// Once this has passed, the job is taken back.
    pub expires_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
