//! The closed sets of values of generations and deployments, by their stored names.

use crate::text_enums::text_enums;

text_enums! {
    GenerationMode {
        Quick = "quick",
        Advanced = "advanced",
    }

    /// What an application is written with.
    ProjectStack {
        /// HTML, CSS and JavaScript without a build step; a server uses only the standard library.
        Plain = "plain",
        /// React with Vite and TypeScript.
        React = "react",
        /// A server with FastAPI.
        FastApi = "fastapi",
        /// A server with Express.
        Express = "express",
        /// React in front of a server.
        FullStack = "full_stack",
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
