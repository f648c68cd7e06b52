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
    /// [`JobState::phase`] of the state, written with it. The indexes use it.
    pub phase: i16,
    /// The owner: may see the job, and is the unit of fair scheduling.
    pub owner_id: Option<UserId>,
    /// The id of the job's subject, such as a project.
    pub subject_id: Option<Uuid>,
    pub args: Json,
    pub result: Option<Json>,
    pub error: Option<Json>,
    pub progress: Option<Json>,
    /// Started attempts that count.
    pub attempt: i32,
    pub max_attempts: i32,
    pub timeout_secs: i32,
    /// The fencing token: it grows with each claim, and a worker passes it to prove that it
    /// still holds the job.
    pub fence: i64,
    /// The physical position of the row, as the database writes it. Only set on a job that a
    /// claim has returned.
    #[sea_orm(ignore)]
    pub place: Option<String>,
    /// Grows with each change that is visible to clients.
    pub revision: i64,
    /// Unique among unfinished jobs.
    pub unique_key: Option<String>,
    pub run_at: Timestamp,
    /// Dispatch order of the available jobs of a queue: lower ranks first.
    pub rank: i64,
    /// The job does not start after this time.
    pub expires_at: Option<Timestamp>,
    /// The worker of the last attempt, and the lease of its claim.
    pub worker_id: Option<WorkerId>,
    pub lease_id: Option<LeaseId>,
    pub cancel_requested_at: Option<Timestamp>,
    /// W3C traceparent of the request that enqueued it.
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
