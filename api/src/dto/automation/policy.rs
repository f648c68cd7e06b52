//! How nodes treat failures, times and joins.

use atelier_automation::graph::{Backoff, Join, OnError, Policy, Retry};
use serde::{Deserialize, Serialize};

use crate::schema::{ToSchema, sets};

/// How a node treats failures, times and joins. What is left out is the default.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyInput {
    /// The longest time of an attempt in seconds, without waiting; 60 where it is left out.
    #[schema(minimum = 1, maximum = 86_400)]
    timeout_seconds: Option<u32>,
    /// How often a failed attempt is repeated; never where it is left out.
    retry: Option<RetryInput>,
    /// What follows after the last attempt failed.
    #[schema(value_type = Option<sets::OnError>)]
    on_error: Option<OnError>,
    /// How many inbound edges it takes.
    join: Option<JoinInput>,
}

impl From<PolicyInput> for Policy {
    fn from(input: PolicyInput) -> Self {
        Self {
            timeout_seconds: input.timeout_seconds,
            retry: input.retry.map(Retry::from),
            on_error: input.on_error.unwrap_or_default(),
            join: input.join.map(Join::from).unwrap_or_default(),
        }
    }
}

/// How often and when a failed attempt is repeated.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryInput {
    /// How many attempts there are, the first included; 3 where it is left out.
    #[schema(minimum = 1, maximum = 20)]
    max_attempts: Option<u32>,
    /// How the pauses grow.
    #[schema(value_type = Option<sets::NodeBackoff>)]
    backoff: Option<Backoff>,
    /// The first pause in seconds; 1 where it is left out.
    #[schema(minimum = 1, maximum = 86_400)]
    base_seconds: Option<u32>,
    /// The longest pause in seconds; 300 where it is left out.
    #[schema(minimum = 1, maximum = 86_400)]
    max_seconds: Option<u32>,
    /// The statuses and codes that are worth another attempt; where it is left out, the error decides.
    retry_on: Option<Vec<String>>,
}

impl From<RetryInput> for Retry {
    fn from(input: RetryInput) -> Self {
        let default = Self::default();
        Self {
            max_attempts: input.max_attempts.unwrap_or(default.max_attempts),
            backoff: input.backoff.unwrap_or(default.backoff),
            base_seconds: input.base_seconds.unwrap_or(default.base_seconds),
            max_seconds: input.max_seconds.unwrap_or(default.max_seconds),
            retry_on: input.retry_on,
        }
    }
}

/// How many inbound edges a node takes before it runs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JoinInput {
    /// Which of them.
    #[schema(value_type = sets::JoinMode)]
    mode: JoinMode,
    /// The number of a quorum.
    #[schema(minimum = 1)]
    count: Option<u32>,
    /// Whether branches that lead only here are cancelled then.
    cancel_rest: Option<bool>,
}

/// Which inbound edges a node takes before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JoinMode {
    All,
    Any,
    Quorum,
}

impl From<JoinInput> for Join {
    /// A quorum without a number is reported with the faults of the graph.
    fn from(input: JoinInput) -> Self {
        let cancel_rest = input.cancel_rest.unwrap_or_default();
        match input.mode {
            JoinMode::All => Self::All,
            JoinMode::Any => Self::Any { cancel_rest },
            JoinMode::Quorum => Self::Quorum { count: input.count.unwrap_or_default(), cancel_rest },
        }
    }
}

/// How a node treats failures, times and joins.
#[derive(Serialize, ToSchema)]
pub(crate) struct PolicyView {
    /// The longest time of an attempt in seconds; 60 where it is null.
    timeout_seconds: Option<u32>,
    /// How often a failed attempt is repeated; never where it is null.
    retry: Option<RetryView>,
    /// What follows after the last attempt failed.
    #[schema(value_type = sets::OnError)]
    on_error: OnError,
    /// How many inbound edges it takes.
    join: JoinView,
}

/// How often and when a failed attempt is repeated.
#[derive(Serialize, ToSchema)]
pub(crate) struct RetryView {
    /// How many attempts there are, the first included.
    max_attempts: u32,
    /// How the pauses grow.
    #[schema(value_type = sets::NodeBackoff)]
    backoff: Backoff,
    /// The first pause in seconds.
    base_seconds: u32,
    /// The longest pause in seconds.
    max_seconds: u32,
    /// The statuses and codes that are worth another attempt; where it is null, the error decides.
    retry_on: Option<Vec<String>>,
}

/// How many inbound edges a node takes before it runs.
#[derive(Serialize, ToSchema)]
pub(crate) struct JoinView {
    /// Which of them.
    #[schema(value_type = sets::JoinMode)]
    mode: JoinMode,
    /// The number of a quorum.
    count: Option<u32>,
    /// Whether branches that lead only here are cancelled then.
    cancel_rest: bool,
}

impl From<Policy> for PolicyView {
    fn from(policy: Policy) -> Self {
        let retry = policy.retry.map(|retry| RetryView {
            max_attempts: retry.max_attempts,
            backoff: retry.backoff,
            base_seconds: retry.base_seconds,
            max_seconds: retry.max_seconds,
            retry_on: retry.retry_on,
        });
        let (mode, count) = match policy.join {
            Join::All => (JoinMode::All, None),
            Join::Any { .. } => (JoinMode::Any, None),
            Join::Quorum { count, .. } => (JoinMode::Quorum, Some(count)),
        };
        let join = JoinView { mode, count, cancel_rest: policy.join.cancels_rest() };
        Self { timeout_seconds: policy.timeout_seconds, retry, on_error: policy.on_error, join }
    }
}
