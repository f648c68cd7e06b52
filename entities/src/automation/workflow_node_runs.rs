use sea_orm::entity::prelude::*;

use crate::{CancelCause, JobId, NodeState, RunId, Timestamp};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_node_runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: RunId,
    /// The items around it, such as `each[3].inner[7]`; empty outside loops.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub node: String,
    pub state: NodeState,
    pub generation: i32,
    pub round: i32,
    pub attempt: i32,
    pub port: Option<String>,
    /// Whether its output is its input.
    pub passed: bool,
    pub error: Option<Json>,
    /// Whether its failure left by an edge.
    pub handled: bool,
    pub retry_at: Option<Timestamp>,
    pub cause: Option<CancelCause>,
    /// The job of the current attempt.
    pub job_id: Option<JobId>,
    /// A small output.
    pub output: Option<Json>,
    /// Where a large output is, in the object store.
    pub output_object: Option<String>,
    pub output_bytes: i64,
    /// The run's revision at the last change.
    pub revision: i64,
    pub ready_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
