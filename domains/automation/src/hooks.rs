//! Webhooks: addresses by which services outside start runs.
//!
//! A hook is a row beside a trigger of the type `webhook`: it has the hash of the token of its address and the
//! secrets that prove its calls. Nothing is registered anywhere: each call reads the rows, so that a workflow
//! that is enabled answers at once. A hook is locked before runs: see `personal` of the foundation.

mod accept;
mod error;
mod find;
mod manage;
mod personal;
mod purge;
mod request;
mod secrets;
mod test_call;
#[cfg(test)]
mod tests;
pub mod verify;

use atelier_entities::{Timestamp, WorkflowId, workflow_hooks};
use atelier_foundation::key_ring::KeyRing;
use atelier_queue::Queue;
use secrecy::SecretString;

use crate::{nodes::webhook::Scheme, runs::Runs};

pub(crate) use personal::OwnedHooks;
pub(crate) use purge::purge;

pub use accept::{Accepted, StartedCall};
pub use error::HookError;
pub use find::FoundHook;
pub use request::{Headers, HookRequest, MAX_BODY_BYTES};
pub use secrets::{MAX_SECRET, MIN_SECRET};
pub use test_call::{KEPT_BODY_BYTES, TestedCall};

/// Most hooks of a workflow.
pub const MAX_HOOKS: u64 = 20;
/// Most calls of the test addresses of a workflow in a minute.
pub const TESTS_PER_MINUTE: u32 = 60;

/// Webhooks of people. Cheap to clone.
#[derive(Clone)]
pub struct Hooks {
    queue: Queue,
    ring: KeyRing,
    runs: Runs,
}

impl Hooks {
    pub(crate) const fn new(queue: Queue, ring: KeyRing, runs: Runs) -> Self {
        Self { queue, ring, runs }
    }
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

/// A hook as its owner sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct HookView {
    /// The key of the trigger.
    pub node: String,
    /// Its row, if it has one.
    pub hook: Option<workflow_hooks::Model>,
    /// How its calls are proven, if the draft or the published version has the trigger.
    pub scheme: Option<Scheme>,
    /// Whether its address starts runs now.
    pub is_live: bool,
    /// Its secrets, newest first.
    pub secrets: Vec<SecretTimes>,
}

/// What may be known of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretTimes {
    /// When it was set.
    pub created_at: Timestamp,
    /// Until when it is good, if another one has replaced it.
    pub expires_at: Option<Timestamp>,
}

/// A hook that got an address.
#[derive(Clone, Debug)]
pub struct RotatedHook {
    /// Its row.
    pub hook: workflow_hooks::Model,
    /// The token of its address, which is stored nowhere.
    pub token: SecretString,
}

/// A hook that got a secret.
#[derive(Clone, Debug)]
pub struct NewHookSecret {
    /// The secret, if it was made here: it is shown once.
    pub made: Option<SecretString>,
    /// Its secrets, newest first.
    pub secrets: Vec<SecretTimes>,
}

/// The target of an audit entry about a hook.
fn hook_target(workflow: WorkflowId, node: &str) -> Option<String> {
    Some(format!("webhook:{workflow}/{node}"))
}
