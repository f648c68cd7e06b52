//! The ids of versions, deployments, messages and requests to models.

use crate::typed_ids::typed_ids;

typed_ids! {
    /// One version of a project.
    VersionId,
    DeploymentId,
    /// One request to a model server.
    LlmAttemptId,
    /// One request of a person to change an application.
    ProjectMessageId,
}
