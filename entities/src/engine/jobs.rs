use sea_orm::entity::prelude::*;

use crate::{JobId, JobState, LeaseId, Timestamp, UserId, WorkerId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobId,
    pub queue: String,
    pub kind: String,
    /// 0 urgent, 1 normal, 2 bulk.
    pub lane: i16,
    pub state: JobState,
    /// [`JobState::phase`] of the state, written with it: what indexes go by.
    pub phase: i16,
    /// Whose job it is: who may see it, and whose turn it takes.
    pub owner_id: Option<UserId>,
    /// What it is about, such as a project's id.
    pub subject_id: Option<Uuid>,
    pub args: Json,
    pub result: Option<Json>,
    pub error: Option<Json>,
    pub progress: Option<Json>,
    /// Attempts begun and counted.
    pub attempt: i32,
    pub max_attempts: i32,
    pub timeout_secs: i32,
    /// Grows with each claim: what a worker shows to prove that the job is still its.
    pub fence: i64,
    /// Where the row lies, in the database's own words; of a job as its claim left it only.
    #[sea_orm(ignore)]
    pub place: Option<String>,
    /// Grows with each change that a client may see.
    pub revision: i64,
    /// Unique among jobs that have not ended.
    pub unique_key: Option<String>,
    pub run_at: Timestamp,
    /// Order of dispatch among available jobs of a queue: lower goes first.
    pub rank: i64,
    /// Not started after this moment.
    pub expires_at: Option<Timestamp>,
    /// Whose the last attempt is, and the lease that its claim gave it.
    pub worker_id: Option<WorkerId>,
    pub lease_id: Option<LeaseId>,
    pub cancel_requested_at: Option<Timestamp>,
    /// W3C traceparent of the request that asked for it.
    pub trace_parent: Option<String>,
    pub request_id: Option<String>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub updated_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
