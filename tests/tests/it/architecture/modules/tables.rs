//! The layers of each crate whose modules have a direction. A new crate gets a table here.

use super::Layers;

/// The tables.
pub(super) const ALL: &[Layers] = &[QUEUE, SERVICES, API];

const QUEUE: Layers = Layers {
    folder: "queue",
    layers: &[
        &["bus", "clock", "fault", "limits", "log_throttle", "name", "retry", "state", "transient"],
        &["error", "guarded", "job", "metrics", "pushed", "run_times", "write_probe"],
        &["outcome", "rank", "transport"],
        &["settle", "store"],
        &["new_job"],
        &["group"],
        &["queue"],
        &[
            "enqueue",
            "finish",
            "lease",
            "progress",
            "removal",
            "retention",
            "schedule",
            "scheduler_heartbeat",
            "watch",
        ],
        &["claim", "context", "relay", "rescue"],
        &["inspect", "registry"],
        &["worker"],
        &["testing"],
    ],
    backwards: &[],
};

const SERVICES: Layers = Layers {
    folder: "services",
    layers: &[
        &["caller", "database", "idempotency", "options", "paging", "validation"],
        &["audit", "credits"],
        &["mail"],
        &["maintenance"],
        &["projects"],
        &["identity"],
        &["generation"],
        &["deployments", "stats"],
        &["admin", "jobs"],
        &["services"],
        &["job_control"],
    ],
    backwards: &[
        ("deployments", "job_control"),
        ("generation", "job_control"),
        ("mail", "identity"),
        ("maintenance", "deployments"),
        ("maintenance", "generation"),
        ("maintenance", "identity"),
        ("projects", "deployments"),
        ("projects", "generation"),
    ],
};

const API: Layers = Layers {
    folder: "api",
    layers: &[
        &["cookies", "error", "metrics"],
        &["app", "dto"],
        &["middleware", "serve"],
        &["extract"],
        &["idempotency", "preview", "sse"],
        &["routes"],
        &["openapi", "polling"],
        &["docs"],
        &["home"],
    ],
    backwards: &[
        ("app", "docs"),
        ("app", "home"),
        ("app", "middleware"),
        ("app", "polling"),
        ("app", "preview"),
        ("app", "routes"),
        ("app", "sse"),
        ("error", "middleware"),
        ("extract", "routes"),
        ("middleware", "extract"),
        ("middleware", "idempotency"),
    ],
};
