//! The tables of Atelier as sea-orm entities, with typed ids, closed enums and
//! finders that are scoped to an owner, in a folder for each context. Every
//! table is re-exported at the top of this crate, whichever folder it is in. The crate
//! contains no rules: those are in `atelier-services` and, for jobs, in `atelier-queue`.
#![allow(missing_docs, reason = "columns are documented where their rule is, in services and docs")]

mod automation;
mod builder;
mod by_position;
mod engine;
mod foundation;
mod platform;
mod text_enums;
mod typed_ids;

pub use automation::{
    enums::*, ids::*, integration_secrets, integrations, webhook_deliveries, webhook_delivery_attempts,
    webhook_secrets, webhook_subscriptions, workflow_edge_runs, workflow_edges, workflow_hook_calls,
    workflow_hook_secrets, workflow_hook_test_calls, workflow_hooks, workflow_item_runs, workflow_loop_runs,
    workflow_node_attempts, workflow_node_runs, workflow_nodes, workflow_runs, workflow_schedule_ticks,
    workflow_schedules, workflow_signals, workflow_triggers, workflow_versions, workflow_waits, workflows,
};
pub use builder::{
    deployments, enums::*, ids::*, llm_attempts, project_files, project_messages, project_versions,
    published_sites,
};
pub use by_position::{ByPosition, RowReader};
pub use engine::{
    enums::*, ids::*, job_attempts, job_events, jobs, queues, running_jobs, schedulers, schedules, throttles,
    workers,
};
pub use foundation::{
    audit::{audit_archives, audit_log, audit_loose_objects},
    credit_transactions,
    enums::*,
    idempotency_keys,
    identity::{
        account_erasures, account_tokens, api_tokens, known_networks, oauth_identities, oauth_states,
        sessions, sign_in_failures, users,
    },
    ids::*,
    mail::{mail_messages, mail_opt_outs, mail_suppressions},
    projects,
};
pub use platform::{platform_stats, write_probes};

/// A time in UTC with the precision of both databases, microseconds.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// `at` truncated to microseconds, so that a stored value is equal when it is read.
#[must_use]
pub fn to_micros(at: Timestamp) -> Timestamp {
    chrono::DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}
