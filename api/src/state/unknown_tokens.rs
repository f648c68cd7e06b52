//! How many unknown API tokens one address may send. Each of them costs a query, before
//! the rate limits apply: these count by person, who is not known yet.

use atelier_entities::Timestamp;
use atelier_providers::limiter::{Decision, Rule, memory::MemoryLimiter};

/// Unknown API tokens of one address, in this process.
pub(crate) const RULE: Rule = Rule { limit: 60, window_secs: 60 };
/// Addresses that are counted at once.
const MAX_ADDRESSES: usize = 10_000;

/// Counts the unknown API tokens of each address.
pub(crate) struct UnknownTokenLimiter(MemoryLimiter);

impl Default for UnknownTokenLimiter {
    fn default() -> Self {
        Self(MemoryLimiter::with_max_keys(MAX_ADDRESSES))
    }
}

impl UnknownTokenLimiter {
    /// The decision that refuses this address; `None` where its tokens may be looked up.
    pub(crate) fn refusal(&self, address: &str, now: Timestamp) -> Option<Decision> {
        self.0.refusal(address, RULE, now)
    }

    /// Counts one more unknown token of this address.
    pub(crate) fn count(&self, address: &str, now: Timestamp) {
        self.0.check_now(address, RULE, now);
    }
}
