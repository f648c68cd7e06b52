//! What nodes that start an action of a domain have in common.

use atelier_entities::{ProjectId, Timestamp};

use super::{
    call::{NodeFailure, Work},
    description::{Field, Widget, both, integer, or_expression},
    param::Param,
    wait_time::{MAX_WAIT_SECONDS, later},
};

/// The id of a project.
///
/// # Errors
/// If the text is none.
pub(super) fn project_id(text: &str, pointer: &str) -> Result<ProjectId, NodeFailure> {
    let id = text.trim().parse().map(ProjectId);
    id.map_err(|_: uuid::Error| NodeFailure::at(pointer, "must be the id of a project"))
}

/// When the node waits no longer.
///
/// # Errors
/// If that is too far away.
pub(super) fn due_after(timeout: Option<Param<u64>>, work: &Work) -> Result<Option<Timestamp>, NodeFailure> {
    const POINTER: &str = "/timeout_seconds";
    let seconds = timeout.map(|timeout| timeout.value(POINTER)).transpose()?;
    seconds.map(|seconds| later(work.now, seconds, POINTER)).transpose()
}

/// The field with the longest wait for the end of the job.
pub(super) fn timeout_field() -> Field {
    let label = both("Seconds to wait for the end at most", "Secondes d'attente de la fin au plus");
    Field::optional("timeout_seconds", label, Widget::Duration, or_expression(integer(0, MAX_WAIT_SECONDS)))
}
