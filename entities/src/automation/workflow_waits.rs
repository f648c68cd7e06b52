use sea_orm::entity::prelude::*;

use crate::{JobId, RunId, Timestamp, UserId, WaitKind};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_waits")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: RunId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub node: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub generation: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub round: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub attempt: i32,
    pub kind: WaitKind,
    /// What a signal must be called.
    pub key: Option<String>,
    pub due_at: Option<Timestamp>,
    pub opened_at: Timestamp,
    pub closed: bool,
    /// Whether its time came while the run was paused.
    pub held: bool,
    /// The job that wakes it.
    pub job_id: Option<JobId>,
    /// The job whose end it waits for.
    pub awaited_job_id: Option<JobId>,
    /// The hash of the token that answers an approval.
    pub token_hash: Option<String>,
    /// What an approval asks, and whom.
    pub question: Option<Json>,
    /// The decision about an approval. The payload of a signal is the output of its node.
    pub answer: Option<Json>,
    pub answered_by: Option<UserId>,
    pub answered_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
