//! Counters that all replicas share, in Redis.

use ::redis::Script;
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::memory::MemoryLimiter;
use super::{Counts, Decision, Moment, RateLimiter, Rule};
use crate::shared_redis::{InvalidRedisUrl, SharedRedis, SharedRedisOptions};

/// Checks and counts in one round trip. Keys: this window's counter and the
/// last one's. Arguments: limit, milliseconds elapsed, length of a window.
const SCRIPT: &str = r"
local current = tonumber(redis.call('GET', KEYS[1]) or '0')
local previous = tonumber(redis.call('GET', KEYS[2]) or '0')
local limit, elapsed, length = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if current + math.floor(previous * (length - elapsed) / length) >= limit then
  return {0, current, previous}
end
current = redis.call('INCR', KEYS[1])
if current == 1 then redis.call('PEXPIRE', KEYS[1], length * 2) end
return {1, current, previous}
";

/// Counts in Redis; while Redis is away, in this process.
pub struct RedisLimiter {
    redis: SharedRedis,
    script: Script,
    key_prefix: String,
    fallback: MemoryLimiter,
}

impl RedisLimiter {
    /// Prepares the connection, which is made at the first check. Needs a
    /// running tokio.
    pub fn new(options: &SharedRedisOptions) -> Result<Self, InvalidRedisUrl> {
        Ok(Self {
            redis: SharedRedis::new(options, "rate limits")?,
            script: Script::new(SCRIPT),
            key_prefix: options.key_prefix.clone(),
            fallback: MemoryLimiter::new(),
        })
    }

    /// Whether the local counters stand in at the moment.
    pub fn is_away(&self) -> bool {
        self.redis.is_away()
    }

    async fn count(
        &self,
        key: &str,
        rule: Rule,
        moment: Moment,
        now: DateTime<Utc>,
    ) -> Option<(bool, Counts)> {
        let name = |index: i64| format!("{}:rate:{{{key}}}:{}:{index}", self.key_prefix, rule.window_secs);
        let mut call = self.script.key(name(moment.index));
        call.key(name(moment.index - 1)).arg(rule.limit).arg(moment.elapsed).arg(moment.length);
        let (allowed, current, previous): (u8, u64, u64) = self.redis.invoke(&call, now).await?;
        Some((allowed == 1, Counts { current, previous }))
    }
}

#[async_trait]
impl RateLimiter for RedisLimiter {
    async fn check(&self, key: &str, rule: Rule, now: DateTime<Utc>) -> Decision {
        let moment = Moment::new(rule, now);
        match self.count(key, rule, moment, now).await {
            Some((allowed, counts)) => counts.decide(allowed, rule, moment),
            None => self.fallback.check_now(key, rule, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RULE: Rule = Rule { limit: 2, window_secs: 60 };

    fn limiter(url: &str) -> Result<RedisLimiter, InvalidRedisUrl> {
        RedisLimiter::new(&SharedRedisOptions {
            url: url.to_owned().into(),
            key_prefix: "test".into(),
            command_timeout: Duration::from_millis(200),
        })
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).expect("in range")
    }

    #[tokio::test]
    async fn limits_locally_while_redis_is_away() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("redis://{}", listener.local_addr().expect("an address"));
        drop(listener);
        let limiter = limiter(&url).expect("a valid URL");
        let mut allowed = Vec::new();
        for _ in 0..3 {
            allowed.push(limiter.check("a", RULE, at(0)).await.allowed);
        }
        assert_eq!(allowed, [true, true, false]);
        assert!(limiter.is_away());
    }
}
