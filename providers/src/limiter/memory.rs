//! Counters of this process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Counts, Decision, Moment, RateLimiter, Rule};

const DEFAULT_MAX_KEYS: usize = 100_000;
const FIRST_SWEEP: usize = 1024;

/// Counts in a map that forgets windows that are over and never holds more
/// than its bound of keys.
pub struct MemoryLimiter {
    table: Mutex<Table>,
}

struct Table {
    entries: HashMap<(String, u32), Entry>,
    max_keys: usize,
    sweep_at: usize,
}

struct Entry {
    index: i64,
    counts: Counts,
    expires_millis: i64,
}

impl MemoryLimiter {
    /// Holds at most a hundred thousand keys.
    pub fn new() -> Self {
        Self::with_max_keys(DEFAULT_MAX_KEYS)
    }

    /// Holds at most `max_keys` keys; where more are in use at once, some of
    /// them start anew.
    pub fn with_max_keys(max_keys: usize) -> Self {
        let max_keys = max_keys.max(1);
        let table = Table { entries: HashMap::new(), max_keys, sweep_at: FIRST_SWEEP.min(max_keys) };
        Self { table: Mutex::new(table) }
    }

    /// [`RateLimiter::check`] for callers that cannot wait.
    pub fn check_now(&self, key: &str, rule: Rule, now: DateTime<Utc>) -> Decision {
        let moment = Moment::new(rule, now);
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = table.counts_for(key, rule, moment, now.timestamp_millis());
        let allowed = counts.weighted(moment) < u64::from(rule.limit);
        if allowed {
            counts.current += 1;
        }
        counts.decide(allowed, rule, moment)
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

    fn try_now(&self, key: &str, rule: Rule, now: DateTime<Utc>) -> Option<Decision> {
        Some(self.check_now(key, rule, now)).filter(|decision| decision.allowed)
    }
}

impl Table {
    fn counts_for(&mut self, key: &str, rule: Rule, moment: Moment, now_millis: i64) -> &mut Counts {
        let key = (key.to_owned(), rule.window_secs);
        if self.entries.len() >= self.sweep_at && !self.entries.contains_key(&key) {
            self.sweep(now_millis);
        }
        let entry = self.entries.entry(key).or_insert(Entry {
            index: moment.index,
            counts: Counts::default(),
            expires_millis: 0,
        });
        match moment.index - entry.index {
            ..=0 => {}
            1 => entry.counts = Counts { current: 0, previous: entry.counts.current },
            _ => entry.counts = Counts::default(),
        }
        entry.index = entry.index.max(moment.index);
        let length = i64::try_from(moment.length).unwrap_or(i64::MAX);
        entry.expires_millis = entry.index.saturating_add(2).saturating_mul(length);
        &mut entry.counts
    }

    fn sweep(&mut self, now_millis: i64) {
        self.entries.retain(|_, entry| entry.expires_millis > now_millis);
        if self.entries.len() >= self.max_keys {
            let mut position = 0_usize;
            self.entries.retain(|_, _| {
                position += 1;
                position % 10 != 1
            });
        }
        self.sweep_at = (self.entries.len() * 2).clamp(FIRST_SWEEP.min(self.max_keys), self.max_keys);
    }
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
    fn does_not_count_what_it_refuses() {
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
        let count = |limiter: &MemoryLimiter| limiter.table.lock().expect("the table").entries.len();
        for key in 0..1000 {
            limiter.check_now(&format!("{key}"), RULE, at(0));
            assert!(count(&limiter) <= 100);
        }
        for key in 0..100 {
            limiter.check_now(&format!("later {key}"), RULE, at(200));
        }
        assert!(count(&limiter) <= 100);
        assert!((0..100).all(|key| {
            let table = limiter.table.lock().expect("the table");
            table.entries.contains_key(&(format!("later {key}"), 60))
        }));
    }

    #[test]
    fn survives_a_clock_that_steps_back() {
        let limiter = MemoryLimiter::new();
        let allowed =
            [120, 60, 0, 120].into_iter().filter(|s| limiter.check_now("a", RULE, at(*s)).allowed).count();
        assert_eq!(allowed, 3);
    }
}
