use sea_orm::entity::prelude::*;

use crate::{CreditKind, CreditTransactionId, JobId, ProjectId, Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "credit_transactions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CreditTransactionId,
    pub user_id: UserId,
    /// Added to the balance: negative for usage.
    pub amount: i64,
    pub kind: CreditKind,
    pub description: String,
    pub project_id: Option<ProjectId>,
    /// The job that it pays for. (job_id, kind) is unique, so that a job is charged and
    /// refunded once.
    pub job_id: Option<JobId>,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
