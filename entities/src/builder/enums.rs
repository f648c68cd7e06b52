//! The closed sets of values of generations and deployments, by their stored names.

use crate::text_enums::text_enums;

text_enums! {
    GenerationMode {
        Quick = "quick",
        Advanced = "advanced",
    }

    DeploymentStatus {
        Queued = "queued",
        Publishing = "publishing",
        Live = "live",
        Failed = "failed",
        Cancelled = "cancelled",
        /// Another deployment of the same project and platform went live.
        Superseded = "superseded",
    }
}
