//! Counters in the memory of this process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hashlink::{LruCache, lru_cache::Entry as LruEntry};

use super::{Counts, Decision, RateLimiter, Rule, WindowTime};

const DEFAULT_MAX_KEYS: usize = 100_000;

/// Counters for a limited number of keys.
pub struct MemoryLimiter {
    entries: Mutex<LruCache<(String, u32), Entry>>,
}

struct Entry {
    index: i64,
    counts: Counts,
}

impl MemoryLimiter {
    /// Holds at most 100,000 keys.
    pub fn new() -> Self {
        Self::with_max_keys(DEFAULT_MAX_KEYS)
    }

    /// Holds at most `max_keys` keys. If there are more, the least recently used ones are
    /// evicted.
    pub fn with_max_keys(max_keys: usize) -> Self {
        // An insertion by entry may exceed the capacity by one.
        Self { entries: Mutex::new(LruCache::new(max_keys.saturating_sub(1))) }
    }

    /// [`RateLimiter::check`] for callers that cannot wait.
    pub fn check_now(&self, key: &str, rule: Rule, now: DateTime<Utc>) -> Decision {
        self.take_now(key, rule, 1, now)
    }

    /// [`RateLimiter::take`] for callers that cannot wait.
    pub fn take_now(&self, key: &str, rule: Rule, uses: u32, now: DateTime<Utc>) -> Decision {
        let moment = WindowTime::new(rule, now);
        let mut entries = self.lock();
        let counts = counts_for(&mut entries, key, rule, moment);
        let allowed = counts.weighted(moment) + u64::from(uses) <= u64::from(rule.limit);
        if allowed {
            counts.current += u64::from(uses);
        }
        counts.decide_about(uses, allowed, rule, moment)
    }

    /// The decision if the next use would be refused, otherwise none. Nothing is counted.
    pub fn refusal(&self, key: &str, rule: Rule, now: DateTime<Utc>) -> Option<Decision> {
        let moment = WindowTime::new(rule, now);
        let mut entries = self.lock();
        if !entries.contains_key(&(key.to_owned(), rule.window_secs)) {
            return None;
        }
        let counts = counts_for(&mut entries, key, rule, moment);
        let is_used_up = counts.weighted(moment) >= u64::from(rule.limit);
        is_used_up.then(|| counts.decide(false, rule, moment))
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<(String, u32), Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryLimiter {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl RateLimiter for MemoryLimiter {
    async fn check(&self, key: &str, rule: Rule, now: DateTime<Utc>) -> Decision {
        self.check_now(key, rule, now)
    }

    async fn take(&self, key: &str, rule: Rule, uses: u32, now: DateTime<Utc>) -> Decision {
        self.take_now(key, rule, uses, now)
    }

    fn try_now(&self, key: &str, rule: Rule, now: DateTime<Utc>) -> Option<Decision> {
        Some(self.check_now(key, rule, now)).filter(|decision| decision.allowed)
    }
}

fn counts_for<'a>(
    entries: &'a mut LruCache<(String, u32), Entry>,
    key: &str,
    rule: Rule,
    moment: WindowTime,
) -> &'a mut Counts {
    let entry = match entries.entry((key.to_owned(), rule.window_secs)) {
        LruEntry::Occupied(mut entry) => {
            entry.to_back();
            entry.into_mut()
        }
        LruEntry::Vacant(entry) => entry.insert(Entry { index: moment.index, counts: Counts::default() }),
    };
    match moment.index - entry.index {
        ..=0 => {}
        1 => entry.counts = Counts { current: 0, previous: entry.counts.current },
        _ => entry.counts = Counts::default(),
    }
    entry.index = entry.index.max(moment.index);
    &mut entry.counts
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { limit: 3, window_secs: 60 };

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).expect("in range")
    }

    #[test]
    fn allows_the_limit_and_refuses_the_next() {
        let limiter = MemoryLimiter::new();
        for remaining in [2, 1, 0] {
            let decision = limiter.check_now("a", RULE, at(0));
            assert_eq!((decision.allowed, decision.remaining), (true, remaining));
        }
        let refused = limiter.check_now("a", RULE, at(10));
        assert_eq!(refused, Decision { allowed: false, limit: 3, remaining: 0, reset_secs: 51 });
        assert!(limiter.check_now("b", RULE, at(10)).allowed);
        assert!(!limiter.check_now("a", RULE, at(10 + 50)).allowed);
        assert!(limiter.check_now("a", RULE, at(10 + 51)).allowed);
    }

    #[test]
    fn several_uses_are_counted_together_or_not_at_all() {
        let limiter = MemoryLimiter::new();
        let rule = Rule::per_minute(100);
        assert!(limiter.take_now("a", rule, 60, at(0)).allowed);
        let refused = limiter.take_now("a", rule, 60, at(30));
        assert_eq!((refused.allowed, refused.remaining), (false, 40));
        assert!(limiter.take_now("a", rule, 40, at(30)).allowed);
        assert!(!limiter.take_now("a", rule, 1, at(30)).allowed);

        let again = limiter.take_now("b", rule, 60, at(0)).allowed;
        let wait = limiter.take_now("b", rule, 60, at(30)).reset_secs;
        assert!(again && !limiter.take_now("b", rule, 60, at(30 + i64::from(wait) - 1)).allowed);
        assert!(limiter.take_now("b", rule, 60, at(30 + i64::from(wait))).allowed, "{wait}");
    }

    #[test]
    fn reports_a_refusal_without_counting() {
        let limiter = MemoryLimiter::new();
        for used in 0..3 {
            assert_eq!(limiter.refusal("a", RULE, at(0)), None, "{used}");
            limiter.check_now("a", RULE, at(0));
        }
        assert_eq!(limiter.refusal("a", RULE, at(10)), Some(limiter.check_now("a", RULE, at(10))));
        assert_eq!(limiter.refusal("b", RULE, at(10)), None);
        assert_eq!(limiter.lock().len(), 1, "who was never counted takes no room");
        assert_eq!(limiter.refusal("a", RULE, at(200)), None);
    }

    #[test]
    fn does_not_count_refused_uses() {
        let limiter = MemoryLimiter::new();
        for _ in 0..100 {
            limiter.check_now("a", RULE, at(0));
        }
        let later = (0..3).filter(|_| limiter.check_now("a", RULE, at(119)).allowed).count();
        assert_eq!(later, 3);
    }

    #[test]
    fn never_lets_two_limits_through_at_a_windows_edge() {
        let limiter = MemoryLimiter::new();
        let allowed = [59, 59, 59, 60, 60, 60, 61, 62, 63]
            .into_iter()
            .filter(|second| limiter.check_now("a", RULE, at(*second)).allowed)
            .count();
        assert_eq!(allowed, 4);
    }

    #[test]
    fn keeps_its_bound_and_forgets_old_windows() {
        let limiter = MemoryLimiter::with_max_keys(100);
        let count = |limiter: &MemoryLimiter| limiter.lock().len();
        for key in 0..1000 {
            limiter.check_now(&format!("{key}"), RULE, at(0));
            assert!(count(&limiter) <= 100);
        }
        for key in 0..100 {
            limiter.check_now(&format!("later {key}"), RULE, at(200));
        }
        assert!(count(&limiter) <= 100);
        assert!((0..100).all(|key| limiter.lock().contains_key(&(format!("later {key}"), 60))));
    }

    #[test]
    fn survives_a_clock_that_steps_back() {
        let limiter = MemoryLimiter::new();
        let allowed =
            [120, 60, 0, 120].into_iter().filter(|s| limiter.check_now("a", RULE, at(*s)).allowed).count();
        assert_eq!(allowed, 3);
    }
}
