//! Counters that all replicas share, in Redis.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, RedisError, Script};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::memory::MemoryLimiter;
use super::{Counts, Decision, Moment, RateLimiter, Rule};
use crate::resilience::{Breaker, BreakerPolicy};

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

/// How long Redis is left alone after it failed.
const REST: TimeDelta = TimeDelta::seconds(5);

/// Where Redis is and how long it may take.
#[derive(Debug, Clone)]
pub struct RedisLimiterOptions {
    /// `redis://` URL.
    pub url: secrecy::SecretString,
    /// Put before every key.
    pub key_prefix: String,
    /// For one check, the connection included.
    pub command_timeout: Duration,
}

/// The URL of Redis is not valid.
#[derive(Debug, thiserror::Error)]
#[error("the Redis URL is not valid: {reason}")]
pub struct InvalidRedisUrl {
    reason: String,
}

/// Counts in Redis; while Redis is away, in this process.
pub struct RedisLimiter {
    connection: ConnectionManager,
    script: Script,
    key_prefix: String,
    timeout: Duration,
    fallback: MemoryLimiter,
    breaker: Mutex<Breaker>,
    is_away: AtomicBool,
}

impl RedisLimiter {
    /// Prepares the connection, which is made at the first check. Needs a
    /// running tokio.
    pub fn new(options: &RedisLimiterOptions) -> Result<Self, InvalidRedisUrl> {
        let invalid = |error: RedisError| InvalidRedisUrl { reason: error.category().to_owned() };
        let client = Client::open(secrecy::ExposeSecret::expose_secret(&options.url)).map_err(invalid)?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(options.command_timeout))
            .set_response_timeout(Some(options.command_timeout));
        Ok(Self {
            connection: ConnectionManager::new_lazy_with_config(client, config).map_err(invalid)?,
            script: Script::new(SCRIPT),
            key_prefix: options.key_prefix.clone(),
            timeout: options.command_timeout,
            fallback: MemoryLimiter::new(),
            breaker: Mutex::new(Breaker::new(BreakerPolicy { failures: 1, open_for: REST })),
            is_away: AtomicBool::new(false),
        })
    }

    /// Whether the local counters stand in at the moment.
    pub fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn count(&self, key: &str, rule: Rule, moment: Moment) -> Result<(bool, Counts), &'static str> {
        let name = |index: i64| format!("{}:rate:{{{key}}}:{}:{index}", self.key_prefix, rule.window_secs);
        let mut invocation = self.script.key(name(moment.index));
        invocation.key(name(moment.index - 1)).arg(rule.limit).arg(moment.elapsed).arg(moment.length);
        let mut connection = self.connection.clone();
        let answer = tokio::time::timeout(self.timeout, invocation.invoke_async(&mut connection)).await;
        let (allowed, current, previous): (u8, u64, u64) = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(reason(&error)),
            Err(_) => return Err("no answer in time"),
        };
        Ok((allowed == 1, Counts { current, previous }))
    }

    fn settle(&self, failure: Option<&'static str>, now: DateTime<Utc>) {
        match failure {
            None => {
                self.breaker().on_success();
                if self.is_away.swap(false, Ordering::Relaxed) {
                    tracing::info!("Redis is back: rate limits are shared again");
                }
            }
            Some(reason) => {
                self.breaker().on_failure(now);
                if !self.is_away.swap(true, Ordering::Relaxed) {
                    tracing::warn!(reason, "Redis is away: rate limits are counted in this process");
                }
            }
        }
    }
}

fn reason(error: &RedisError) -> &'static str {
    if error.is_timeout() {
        "no answer in time"
    } else if error.is_io_error() || error.is_connection_dropped() {
        "no connection"
    } else {
        "the command failed"
    }
}

#[async_trait]
impl RateLimiter for RedisLimiter {
    async fn check(&self, key: &str, rule: Rule, now: DateTime<Utc>) -> Decision {
        if !self.breaker().allow(now) {
            return self.fallback.check_now(key, rule, now);
        }
        let moment = Moment::new(rule, now);
        let counted = self.count(key, rule, moment).await;
        self.settle(counted.err(), now);
        match counted {
            Ok((allowed, counts)) => counts.decide(allowed, rule, moment),
            Err(_) => self.fallback.check_now(key, rule, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { limit: 2, window_secs: 60 };

    fn limiter(url: &str) -> Result<RedisLimiter, InvalidRedisUrl> {
        RedisLimiter::new(&RedisLimiterOptions {
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

    #[tokio::test]
    async fn leaves_a_silent_redis_alone_for_a_while() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let limiter = limiter(&format!("redis://{}", listener.local_addr().expect("an address")));
        let limiter = limiter.expect("a valid URL");
        assert!(limiter.check("a", RULE, at(0)).await.allowed);
        assert!(limiter.is_away());
        assert!(!limiter.breaker().allow(at(4)), "the next checks do not wait for Redis");
        assert!(limiter.breaker().allow(at(5)), "one of them tries again");
    }

    #[tokio::test]
    async fn refuses_a_url_without_repeating_it() {
        let error = limiter("nonsense://user:hunter2@host").err().expect("refused");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
