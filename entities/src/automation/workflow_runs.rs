use sea_orm::entity::prelude::*;

use crate::{
    ProjectId, RunCause, RunId, RunStatus, Timestamp, UserId, WorkflowId, WorkflowScheduleId,
    WorkflowVersionId,
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RunId,
    pub workflow_id: WorkflowId,
    pub version_id: WorkflowVersionId,
    pub user_id: UserId,
    pub project_id: Option<ProjectId>,
    /// The run that it comes from through all parents; itself where it has none.
    pub root_id: RunId,
    pub parent_id: Option<RunId>,
    /// The attempt of the parent's node, as the engine writes it.
    pub parent_attempt: Option<String>,
    /// How many parents it has.
    pub depth: i32,
    pub cause: RunCause,
    /// The key of the trigger.
    pub trigger_node: String,
    /// The lane of its jobs.
    pub lane: i16,
    pub status: RunStatus,
    pub paused: bool,
    pub paused_by: Option<UserId>,
    pub paused_at: Option<Timestamp>,
    /// How often it was retried after its end.
    pub generation: i32,
    /// Node runs that are ready, running or about to be repeated.
    pub working: i32,
    /// Node runs that wait.
    pub waiting: i32,
    pub failure: Option<Json>,
    /// Whether it handles the failure of another run.
    pub handles_error: bool,
    /// What the trigger gave. A large one is in the object store.
    pub input: Option<Json>,
    pub input_object: Option<String>,
    /// Bytes of all outputs.
    pub output_bytes: i64,
    /// The run whose job was the event that started it.
    pub caused_by: Option<RunId>,
    /// The schedule that started it.
    pub schedule_id: Option<WorkflowScheduleId>,
    /// The run that it was started from again.
    pub rerun_of: Option<RunId>,
    /// When it is over, whatever is under way.
    pub deadline_at: Option<Timestamp>,
    /// While it only waits or is paused: the milliseconds that it may still work.
    pub active_left: Option<i64>,
    /// Counts the changes of the run and its nodes.
    pub revision: i64,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub updated_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
