//! The eviction policy of Redis: whether it removes ids when its memory is full.

use std::fmt;

/// The eviction policy of a Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// `maxmemory-policy`.
    pub policy: String,
    /// `maxmemory` in bytes; 0 is unbounded.
    pub max_memory: u64,
}

impl Eviction {
    /// Parses the answer to `INFO memory`; none where fields are missing.
    pub(crate) fn parse(info: &str) -> Option<Self> {
        let field = |name: &str| {
            info.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':')).map(str::to_owned)
        };
        Some(Self { policy: field("maxmemory_policy")?, max_memory: field("maxmemory")?.parse().ok()? })
    }

    /// Whether keys of the queue may be evicted once the memory is full. Jobs then wait until
    /// the relay pushes them again.
    #[must_use]
    pub fn is_risky(&self) -> bool {
        self.max_memory > 0 && self.policy != "noeviction"
    }
}

impl fmt::Display for Eviction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "maxmemory {} with maxmemory-policy {}", self.max_memory, self.policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_the_memory_section_of_info() {
        let info = "# Memory\r\nused_memory:1\r\nmaxmemory:1024\r\nmaxmemory_human:1K\r\nmaxmemory_policy:allkeys-lru\r\n";

        let eviction = Eviction::parse(info).expect("both fields");

        assert_eq!((eviction.policy.as_str(), eviction.max_memory), ("allkeys-lru", 1024));
        assert_eq!(Eviction::parse("# Memory\r\nused_memory:1\r\n"), None);
    }

    #[test]
    fn only_bounded_memory_that_evicts_is_a_risk() {
        for (policy, max_memory, risky) in [
            ("noeviction", 0, false),
            ("noeviction", 1024, false),
            ("allkeys-lru", 0, false),
            ("allkeys-lru", 1024, true),
            ("volatile-ttl", 1024, true),
        ] {
            let eviction = Eviction { policy: policy.to_owned(), max_memory };
            assert_eq!(eviction.is_risky(), risky, "{eviction}");
        }
    }
}
