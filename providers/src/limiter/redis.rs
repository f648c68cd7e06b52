//! Counters in Redis, shared by all replicas.

use ::redis::{RedisResult, Script};
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::memory::MemoryLimiter;
use super::reservations::Reservations;
use super::{Counts, Decision, RateLimiter, Rule, WindowTime};
use crate::shared_redis::{SharedRedis, SharedRedisOptions};

/// Checks and counts in one round trip. Keys: the counters of the current and the previous
/// window. Arguments: limit, elapsed milliseconds, length of the window, requested uses, least
/// useful number of uses. Returns the number of counted uses, which is at most the number of
/// free ones, and both counters.
const SCRIPT: &str = r"
local current = tonumber(redis.call('GET', KEYS[1]) or '0')
local previous = tonumber(redis.call('GET', KEYS[2]) or '0')
local limit, elapsed, length = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local free = limit - current - math.floor(previous * (length - elapsed) / length)
if free < tonumber(ARGV[5]) then
  return {0, current, previous}
end
local taken = math.min(free, tonumber(ARGV[4]))
local is_new = current == 0
current = redis.call('INCRBY', KEYS[1], taken)
if is_new then redis.call('PEXPIRE', KEYS[1], length * 2) end
return {taken, current, previous}
";

/// Counts in Redis, and in this process while Redis is unavailable.
///
/// Of a large limit, a process reserves one percent at a time and counts it down locally.
/// Reserved uses that are left when the window ends expire. So the processes together never
/// exceed the limit; if many of them serve one key, some uses may be refused early.
pub struct RedisLimiter {
    redis: SharedRedis,
    script: Script,
    key_prefix: String,
    reservations: Reservations,
    fallback: MemoryLimiter,
}

impl RedisLimiter {
    /// Prepares the connection, which is made at the first check. Requires a tokio runtime.
    pub fn new(options: &SharedRedisOptions) -> RedisResult<Self> {
        Ok(Self {
            redis: SharedRedis::new(options, "rate limits")?,
            script: Script::new(SCRIPT),
            key_prefix: options.key_prefix.clone(),
            reservations: Reservations::default(),
            fallback: MemoryLimiter::new(),
        })
    }

    /// Whether Redis is unavailable and the local counters are used.
    pub fn is_unavailable(&self) -> bool {
        self.redis.is_unavailable()
    }

    /// Counts between `least` and `most` uses, or none. None if Redis is unavailable.
    async fn count(
        &self,
        key: &str,
        rule: Rule,
        (least, most): (u64, u64),
        now: DateTime<Utc>,
    ) -> Option<(u64, Counts)> {
        let moment = WindowTime::new(rule, now);
        let name = |index: i64| format!("{}:rate:{{{key}}}:{}:{index}", self.key_prefix, rule.window_secs);
        let mut call = self.script.key(name(moment.index));
        call.key(name(moment.index - 1)).arg(rule.limit).arg(moment.elapsed).arg(moment.length);
        call.arg(most).arg(least);
        let (taken, current, previous): (u64, u64, u64) = self.redis.invoke(&call, now).await?;
        Some((taken, Counts { current, previous }))
    }
}

/// Uses that are reserved at a time.
fn batch_of(rule: Rule) -> u64 {
    u64::from((rule.limit / 100).max(1))
}

#[async_trait]
impl RateLimiter for RedisLimiter {
    async fn check(&self, key: &str, rule: Rule, now: DateTime<Utc>) -> Decision {
        let moment = WindowTime::new(rule, now);
        if let Some(counts) = self.reservations.spend(key, rule, moment) {
            return counts.decide(true, rule, moment);
        }
        let Some((taken, counts)) = self.count(key, rule, (1, batch_of(rule)), now).await else {
            return self.fallback.check_now(key, rule, now);
        };
        let counts = self.reservations.add(key, rule, moment, taken.saturating_sub(1), counts);
        counts.decide(taken > 0, rule, moment)
    }

    async fn take(&self, key: &str, rule: Rule, uses: u32, now: DateTime<Utc>) -> Decision {
        let wanted = u64::from(uses);
        let Some((taken, counts)) = self.count(key, rule, (wanted, wanted), now).await else {
            return self.fallback.take_now(key, rule, uses, now);
        };
        counts.decide_about(uses, taken == wanted, rule, WindowTime::new(rule, now))
    }

    fn try_now(&self, key: &str, rule: Rule, now: DateTime<Utc>) -> Option<Decision> {
        let moment = WindowTime::new(rule, now);
        self.reservations.spend(key, rule, moment).map(|counts| counts.decide(true, rule, moment))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RULE: Rule = Rule { limit: 2, window_secs: 60 };

    fn limiter(url: &str) -> RedisLimiter {
        let options = SharedRedisOptions {
            client: ::redis::Client::open(url).expect("a valid URL"),
            key_prefix: "test".into(),
            command_timeout: Duration::from_millis(200),
        };
        RedisLimiter::new(&options).expect("a runtime")
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).expect("in range")
    }

    #[test]
    fn small_limits_are_counted_one_by_one() {
        for (limit, reservation) in [(0, 1), (1, 1), (100, 1), (199, 1), (200, 2), (1_000_000, 10_000)] {
            assert_eq!(batch_of(Rule::per_minute(limit)), reservation, "{limit}");
        }
    }

    #[tokio::test]
    async fn limits_locally_while_redis_is_unavailable() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("redis://{}", listener.local_addr().expect("an address"));
        drop(listener);
        let limiter = limiter(&url);
        let mut allowed = Vec::new();
        for _ in 0..3 {
            allowed.push(limiter.check("a", RULE, at(0)).await.allowed);
        }
        assert_eq!(allowed, [true, true, false]);
        assert!(limiter.is_unavailable());
    }
}
