//! The layers of each crate whose modules have a direction. A new crate gets a table here.

use super::Layers;

/// The tables.
pub(super) const ALL: &[Layers] = &[QUEUE, FOUNDATION, BUILDER, AUTOMATION, SERVICES, API];

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

const FOUNDATION: Layers = Layers {
    folder: "domains/foundation",
    layers: &[
        &["database", "key_ring", "objects", "paging", "schedule", "signing", "validation"],
        &["links", "options", "problem"],
        &["actions", "actor", "job_ends", "personal"],
        &["audit", "credits", "idempotency"],
        &["key_rotation", "mail", "projects"],
        &["module"],
        &["identity"],
        &["foundation"],
        &["testing"],
    ],
    backwards: &[],
};

const BUILDER: Layers = Layers {
    folder: "domains/builder",
    layers: &[
        &["fault", "file", "mail", "options"],
        &["omission", "path"],
        &["check", "parse"],
        &["react"],
        &["edit", "parts", "prompt"],
        &["generation", "versions"],
        &["deployments"],
        &["builder"],
        &["testing"],
    ],
    backwards: &[],
};

const AUTOMATION: Layers = Layers {
    folder: "domains/automation",
    layers: &[
        &["expression", "mail", "retry_after", "text"],
        &["graph", "integrations", "webhooks"],
        &["engine", "nodes"],
        &["import"],
        &["workflows"],
        &["runs"],
        &["hooks", "schedules"],
        &["automation"],
        &["testing"],
    ],
    backwards: &[],
};

const SERVICES: Layers = Layers {
    folder: "services",
    layers: &[
        &["maintenance", "options", "stats"],
        &["admin"],
        &["services"],
        &["job_control", "modules", "schedule_control"],
        &["assembly"],
    ],
    backwards: &[],
};

const API: Layers = Layers {
    folder: "api",
    layers: &[
        &["cookies", "metrics", "policy", "request_id", "responses", "schema"],
        &["error", "state"],
        &["dto", "extract"],
        &["event_stream", "middleware", "static_file"],
        &["route"],
        &["routes"],
        &["polling", "site_routing"],
        &["docs"],
        &["app"],
        &["serve"],
    ],
    backwards: &[],
};
