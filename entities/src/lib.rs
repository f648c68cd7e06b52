//! The tables of Atelier as sea-orm entities, with typed ids, closed enums and
//! finders that are scoped to an owner. No rules live here: those are in
//! `atelier-services` and, for jobs, in `atelier-queue`.
#![allow(missing_docs, reason = "columns are documented where their rule is, in services and docs")]

pub mod account_erasures;
pub mod account_tokens;
pub mod api_tokens;
pub mod audit_archives;
pub mod audit_log;
pub mod audit_loose_objects;
pub mod credit_transactions;
pub mod deployments;
pub mod enums;
pub mod idempotency_keys;
pub mod ids;
pub mod job_attempts;
pub mod job_events;
pub mod jobs;
pub mod known_networks;
pub mod mail_messages;
pub mod mail_opt_outs;
pub mod mail_suppressions;
pub mod oauth_identities;
pub mod oauth_states;
pub mod platform_stats;
pub mod project_files;
pub mod project_versions;
pub mod projects;
pub mod published_sites;
pub mod queues;
pub mod running_jobs;
pub mod schedulers;
pub mod schedules;
pub mod sessions;
pub mod sign_in_failures;
pub mod throttles;
pub mod users;
pub mod workers;
pub mod write_probes;

pub use enums::*;
pub use ids::*;

/// A moment in UTC, in whole microseconds: what both SQL engines keep.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// `at` cut to whole microseconds, so that a value written and read back is the
/// same value.
#[must_use]
pub fn to_micros(at: Timestamp) -> Timestamp {
    chrono::DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}
