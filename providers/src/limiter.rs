//! Rate limits: a sliding window over two counters.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

pub mod memory;
pub mod redis;
mod reservations;

/// Counts the uses of keys and limits their rate.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Counts one use of `key` if `rule` allows it. A refused use is not counted. Never
    /// fails: if the shared counters are unavailable, local counters are used.
    async fn check(&self, key: &str, rule: Rule, now: DateTime<Utc>) -> Decision;

    /// Counts `uses` uses at once if `rule` allows all of them, otherwise none.
    async fn take(&self, key: &str, rule: Rule, uses: u32, now: DateTime<Utc>) -> Decision;

    /// The same as [`check`](Self::check) without waiting. None, and nothing counted, if the use is not allowed or if
    /// that is not known without waiting.
    fn try_now(&self, key: &str, rule: Rule, now: DateTime<Utc>) -> Option<Decision>;
}

/// At most `limit` uses in any `window_secs` seconds. This is an estimate which assumes that
/// the uses of the previous window were spread evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Allowed uses in a window.
    pub limit: u32,
    /// Length of the window; zero counts as one second.
    pub window_secs: u32,
}

impl Rule {
    /// `limit` uses a minute.
    pub fn per_minute(limit: u32) -> Self {
        Self { limit, window_secs: 60 }
    }
}

/// Whether a use is allowed, and the values of the `RateLimit` headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether the use is allowed.
    pub allowed: bool,
    /// Allowed uses in a window.
    pub limit: u32,
    /// Uses that are left now.
    pub remaining: u32,
    /// Seconds until the window ends, or, if the use is refused, until the next use is
    /// allowed. At least one.
    pub reset_secs: u32,
}

/// The window of a moment, and the position in it in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WindowTime {
    index: i64,
    elapsed: u64,
    length: u64,
}

impl WindowTime {
    fn new(rule: Rule, now: DateTime<Utc>) -> Self {
        let length = i64::from(rule.window_secs.max(1)) * 1000;
        let millis = now.timestamp_millis();
        Self {
            index: millis.div_euclid(length),
            elapsed: millis.rem_euclid(length).unsigned_abs(),
            length: length.unsigned_abs(),
        }
    }
}

/// Uses in the current window and in the previous one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
    current: u64,
    previous: u64,
}

impl Counts {
    /// Uses in the sliding window that ends now.
    fn weighted(self, moment: WindowTime) -> u64 {
        self.current + self.previous * (moment.length - moment.elapsed) / moment.length
    }

    /// The decision with these counts.
    fn decide(self, allowed: bool, rule: Rule, moment: WindowTime) -> Decision {
        let limit = u64::from(rule.limit);
        let remaining = limit.saturating_sub(self.weighted(moment));
        let wait = if allowed { moment.length - moment.elapsed } else { self.wait(limit, moment) };
        Decision {
            allowed,
            limit: rule.limit,
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
            reset_secs: u32::try_from(wait.div_ceil(1000).max(1)).unwrap_or(u32::MAX),
        }
    }

    /// The decision about several uses at once.
    fn decide_about(self, uses: u32, allowed: bool, rule: Rule, moment: WindowTime) -> Decision {
        let decision = self.decide(allowed, rule, moment);
        if allowed {
            return decision;
        }
        let limit = (u64::from(rule.limit) + 1).saturating_sub(u64::from(uses));
        let secs = self.wait(limit, moment).div_ceil(1000).max(1);
        Decision { reset_secs: u32::try_from(secs).unwrap_or(u32::MAX), ..decision }
    }

    /// Milliseconds until the next use is allowed, if there is no other use meanwhile.
    fn wait(self, limit: u64, moment: WindowTime) -> u64 {
        let to_end = moment.length - moment.elapsed;
        if limit == 0 {
            return to_end;
        }
        // The weighted uses of the previous window must fall below the free uses:
        // count * (length - e) / length < free, so e > length - free * length / count.
        let fades_below = |count: u64, free: u64| {
            (moment.length + 1).saturating_sub((free * moment.length).div_ceil(count.max(1)))
        };
        if self.current >= limit {
            return to_end + fades_below(self.current, limit);
        }
        fades_below(self.previous, limit - self.current).saturating_sub(moment.elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { limit: 10, window_secs: 60 };

    fn moment(elapsed_secs: u64) -> WindowTime {
        WindowTime { index: 0, elapsed: elapsed_secs * 1000, length: 60_000 }
    }

    #[test]
    fn weighs_the_previous_window_by_its_remaining_part() {
        let table =
            [(0, 0, 10, 10), (30, 0, 10, 5), (59, 0, 10, 0), (30, 4, 10, 9), (54, 4, 10, 5), (0, 3, 0, 3)];
        for (elapsed, current, previous, expected) in table {
            assert_eq!(Counts { current, previous }.weighted(moment(elapsed)), expected, "{elapsed} s");
        }
    }

    #[test]
    fn reports_when_the_next_use_is_allowed() {
        for elapsed in [0, 1, 7, 29, 30, 59] {
            for (current, previous) in [(10, 0), (10, 10), (5, 10), (0, 10), (9, 10), (1, 9)] {
                let (counts, now) = (Counts { current, previous }, moment(elapsed));
                if counts.weighted(now) < 10 {
                    continue;
                }
                let wait = counts.wait(10, now);
                let is_allowed = |after: u64| {
                    let at = now.elapsed + after;
                    let later = WindowTime { elapsed: at % now.length, ..now };
                    let counts = if at < now.length {
                        counts
                    } else {
                        Counts { current: 0, previous: counts.current }
                    };
                    counts.weighted(later) < 10
                };
                assert!(is_allowed(wait), "{elapsed} s {counts:?}: {wait} ms is too short");
                assert!(wait == 0 || !is_allowed(wait - 1), "{elapsed} s {counts:?}: {wait} ms is too long");
            }
        }
    }

    #[test]
    fn decides_with_the_headers_numbers() {
        let allowed = Counts { current: 4, previous: 10 }.decide(true, RULE, moment(30));
        assert_eq!(allowed, Decision { allowed: true, limit: 10, remaining: 1, reset_secs: 30 });
        let refused = Counts { current: 10, previous: 0 }.decide(false, RULE, moment(30));
        assert_eq!(refused, Decision { allowed: false, limit: 10, remaining: 0, reset_secs: 31 });
        let never = Counts::default().decide(false, Rule { limit: 0, window_secs: 0 }, moment(59));
        assert_eq!((never.remaining, never.reset_secs), (0, 1));
    }

    #[test]
    fn finds_the_window_of_a_moment() {
        let at = |millis| DateTime::from_timestamp_millis(millis).expect("in range");
        assert_eq!(
            WindowTime::new(RULE, at(125_000)),
            WindowTime { index: 2, elapsed: 5000, length: 60_000 }
        );
        assert_eq!(WindowTime::new(Rule { limit: 1, window_secs: 0 }, at(1500)).length, 1000);
    }
}
