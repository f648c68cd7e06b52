//! The values of the sets, where the code does not have them as one list.

use std::collections::BTreeSet;

pub(super) use atelier_automation::{engine, graph, integrations, nodes, schedules, webhooks};
pub(super) use atelier_builder::deployments::Deployments;
pub(super) use atelier_entities as entities;
pub(super) use atelier_foundation::mail::Template;
pub(super) use atelier_queue::Fault;
pub(super) use atelier_services::{
    admin::{self, Status},
    mail_templates,
};
use utoipa::openapi::schema::{ObjectBuilder, Type};
pub(super) use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Components, RefOr, Schema},
};

use super::ErrorCode;

/// What a request is answered that reaches no operation.
pub(super) const ANYWHERE: [&str; 4] =
    ["ADDRESS_TOO_LONG", "HEADERS_TOO_LARGE", "METHOD_NOT_ALLOWED", "REFUSED"];

/// Adds the codes that operations answer to the set of all codes.
pub(crate) fn add_error_codes<'a>(components: &mut Components, codes: impl Iterator<Item = &'a str>) {
    let all: BTreeSet<_> = codes.chain(ANYWHERE).collect();
    let schema = one_of("A stable name of an error, for programs.", all);
    components.schemas.insert(ErrorCode::name().into_owned(), schema.into());
}

/// What people may read otherwise in a cron expression.
pub(super) const SCHEDULE_WARNINGS: [atelier_foundation::schedule::Warning; 4] = {
    use atelier_foundation::schedule::Warning::{DayStep, EitherDay, UnderAMinute, WeekdayNumbers};
    [WeekdayNumbers, EitherDay, DayStep, UnderAMinute]
};

/// How requests to model servers end: well, cut, by a cancellation, or by an error.
pub(super) const MODEL_REQUESTS: [&str; 14] = [
    "ok",
    "truncated",
    "cancelled",
    "transient",
    "rate_limited",
    "quota",
    "auth",
    "bad_request",
    "content_filter",
    "context_too_long",
    "timeout",
    "unusable",
    "not_understood",
    "over_budget",
];

/// What jobs fail with: the machine's own errors, then those of handlers.
pub(super) const JOB_ERRORS: [&str; 45] = [
    "CANCELLED",
    "DISCARDED",
    "EFFECT_FAILED",
    "EXPIRED",
    "PANICKED",
    "RESULT_TOO_LARGE",
    "TIMED_OUT",
    "UNDECODABLE_ARGS",
    "WORKER_LOST",
    "ARCHIVE_UNREADABLE",
    "CHECK_FAILED",
    "CIRCUIT_OPEN",
    "CREDENTIALS_UNREADABLE",
    "CREDENTIAL_KEYS_MISSING",
    "DATABASE",
    "DEPLOYMENT_ENDED",
    "DESCRIPTION_NOT_UNDERSTOOD",
    "GENERATION_FAULTY",
    "GENERATION_REFUNDED",
    "LLM_AUTH",
    "LLM_BAD_REQUEST",
    "LLM_CONTENT_FILTER",
    "LLM_CONTEXT_TOO_LONG",
    "LLM_OVER_BUDGET",
    "LLM_QUOTA",
    "LLM_RATE_LIMITED",
    "LLM_TIMEOUT",
    "LLM_UNAVAILABLE",
    "LLM_UNUSABLE",
    "LOCKED",
    "MAIL_BOUNCED",
    "MAIL_INVALID",
    "MAIL_MISCONFIGURED",
    "MAIL_OBSOLETE",
    "MAIL_REJECTED",
    "MAIL_TEMPLATE",
    "MAIL_UNAVAILABLE",
    "NOT_COMPILED",
    "STOPPED",
    "STORAGE",
    "OBJECTS_UNAVAILABLE",
    "RESULT_INVALID",
    "SECRET_INVALID",
    "TOKEN_PENDING",
    "WEBHOOK_PAUSED",
];

/// What jobs wait for, and that they do not.
pub(super) const WAITS: [&str; 17] = [
    "SCHEDULED",
    "QUEUE_PAUSED",
    "NO_WORKER",
    "KIND_UNKNOWN",
    "TRANSPORT_AWAY",
    "OWNER_LIMIT",
    "QUEUE_LIMIT",
    "RATE_LIMIT",
    "WAITING_TURN",
    "WAITING_TO_RETRY",
    "CIRCUIT_OPEN",
    "TOKEN_PENDING",
    "WEBHOOK_PAUSED",
    "ARGS_UNREADABLE",
    "STOPPING",
    "RUNNING",
    "ENDED",
];

/// What runs of workflows wait for, beside what the jobs of their nodes wait for.
pub(super) const RUN_REASONS: [&str; 9] = [
    "ENDED",
    "NO_JOB",
    "PAUSED",
    "WAITING_FOR_APPROVAL",
    "WAITING_FOR_JOB",
    "WAITING_FOR_RUN",
    "WAITING_FOR_SIGNAL",
    "WAITING_FOR_TIME",
    "WORKFLOW_LIMIT",
];

/// What else may be wrong with a part than what a process meets in its work.
pub(super) const PART_FAULTS: [&str; 10] = [
    "LAGGING",
    "MAY_EVICT",
    "NO_CONNECTION",
    "NO_SCHEDULER",
    "NO_WORKER",
    "PAUSED",
    "SCARCE",
    "SLOW",
    "UNSERVED",
    "UNTOLD",
];

/// Text that is one of these values.
pub(super) fn one_of<T: Into<serde_json::Value>>(
    meaning: &str,
    values: impl IntoIterator<Item = T>,
) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).description(Some(meaning)).enum_values(Some(values)).into()
}

pub(super) fn names<T: Copy>(values: &[T], name: fn(T) -> &'static str) -> Vec<&'static str> {
    values.iter().map(|value| name(*value)).collect()
}

/// The names under which values are sent.
pub(super) fn serialized<T: serde::Serialize, const N: usize>(values: [T; N]) -> [serde_json::Value; N] {
    values.map(|value| serde_json::to_value(value).unwrap_or_default())
}
