//! The ids of versions and deployments.

use crate::typed_ids::typed_ids;

typed_ids! {
    /// One version of a project.
    VersionId,
    DeploymentId,
}
