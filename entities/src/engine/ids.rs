//! The ids of jobs and the processes that run them.

use crate::typed_ids::typed_ids;

typed_ids! {
    JobId,
    /// What one claim holds.
    LeaseId,
    /// One run of a worker process; a restart gets another.
    WorkerId,
    /// One run of a scheduler process.
    SchedulerId,
}
