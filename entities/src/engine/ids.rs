//! The ids of jobs and the processes that run them.

use crate::typed_ids::typed_ids;

typed_ids! {
    JobId,
    /// The lease of one claim.
    LeaseId,
    /// One run of a worker process; a restart gets a new id.
    WorkerId,
    /// One run of a scheduler process.
    SchedulerId,
}
