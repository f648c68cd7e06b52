//! How a node treats failures, times and several inbound edges.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Most attempts of a node.
pub const MAX_ATTEMPTS: u32 = 20;
/// The longest time of a node, in seconds.
pub const MAX_TIMEOUT_SECONDS: u32 = 24 * 60 * 60;
/// The time of a node that declares none, in seconds.
pub const DEFAULT_TIMEOUT_SECONDS: u32 = 60;
/// The longest pause between two attempts, in seconds.
pub const MAX_BACKOFF_SECONDS: u32 = 24 * 60 * 60;

/// How a node treats failures, times and several inbound edges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The longest time of an attempt, in seconds. Waiting does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// How often a failed attempt is repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// What follows after the last attempt failed.
    pub on_error: OnError,
    /// How many inbound edges it takes.
    pub join: Join,
}

impl Policy {
    /// Whether this is the policy of a node that declares none.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The longest time of an attempt.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS)))
    }

    /// What is out of range: the pointer and the reason.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let mut check = |pointer, value: u32, max: u32| {
            if value == 0 || value > max {
                found.push((pointer, format!("must be between 1 and {max}")));
            }
        };
        check(
            "/policy/timeout_seconds",
            self.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
            MAX_TIMEOUT_SECONDS,
        );
        if let Some(retry) = &self.retry {
            check("/policy/retry/max_attempts", retry.max_attempts, MAX_ATTEMPTS);
            check("/policy/retry/base_seconds", retry.base_seconds, MAX_BACKOFF_SECONDS);
            check("/policy/retry/max_seconds", retry.max_seconds, MAX_BACKOFF_SECONDS);
        }
        if let Join::Quorum { count: 0, .. } = self.join {
            found.push(("/policy/join/count", "must be at least 1".to_owned()));
        }
        found
    }
}

/// How often and when a failed attempt is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// How many attempts there are, the first included.
    pub max_attempts: u32,
    /// How the pauses grow.
    pub backoff: Backoff,
    /// The first pause, in seconds.
    pub base_seconds: u32,
    /// The longest pause, in seconds, also where the other side asks for a longer one.
    pub max_seconds: u32,
    /// The statuses and codes that are worth another attempt, such as `503` or `TIMEOUT`. Where it is absent,
    /// the error decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_on: Option<Vec<String>>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            backoff: Backoff::Exponential,
            base_seconds: 1,
            max_seconds: 300,
            retry_on: None,
        }
    }
}

/// How the pauses between attempts grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// Always the first pause.
    Fixed,
    /// Each pause is twice the one before.
    #[default]
    Exponential,
}

/// What follows after the last attempt of a node failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The scope fails: the run, or the item of the loop.
    #[default]
    Stop,
    /// The node's first output is taken, with the error in place of the output.
    Continue,
    /// The error port is taken, and no other.
    ErrorBranch,
}

/// How many inbound edges a node takes before it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum Join {
    /// All are decided, and at least one is taken.
    #[default]
    All,
    /// The first one that is taken.
    Any {
        /// Whether branches that lead only here are cancelled then.
        #[serde(default)]
        cancel_rest: bool,
    },
    /// A number of them is taken.
    Quorum {
        /// The number.
        count: u32,
        /// Whether branches that lead only here are cancelled then.
        #[serde(default)]
        cancel_rest: bool,
    },
}

impl Join {
    /// Whether branches that lead only to the node are cancelled once it runs.
    #[must_use]
    pub const fn cancels_rest(self) -> bool {
        matches!(self, Self::Any { cancel_rest: true } | Self::Quorum { cancel_rest: true, .. })
    }
}
