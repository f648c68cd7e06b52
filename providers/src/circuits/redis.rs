//! Circuits in Redis, shared by all processes. The state machine is in Rust: a process reads
//! the state, decides, and writes if no other process has written meanwhile.

use ::redis::{Cmd, RedisResult, Script};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::{Circuits, Event, LocalCircuits, Permit, Report, record_change, step};
use crate::{
    resilience::{BreakerPolicy, BreakerState},
    shared_redis::{SharedRedis, SharedRedisOptions},
};

/// Compare-and-set: writes ARGV[2] for ARGV[3] milliseconds if the value is still ARGV[1].
/// Returns the value after that.
const REPLACE: &str = r"
local found = redis.call('GET', KEYS[1]) or ''
if found ~= ARGV[1] then return found end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return ARGV[2]
";

/// How long a state is kept: older failures do not count as failures in a row.
const STATE_LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// How often a write is retried after another process has written. After that, the state of
/// the other process is used.
const MAX_WRITES: usize = 5;

/// Circuits in Redis. While Redis is unavailable, the circuits of this process with their
/// last known state.
pub struct RedisCircuits {
    redis: SharedRedis,
    replace: Script,
    key_prefix: String,
    policy: BreakerPolicy,
    local: LocalCircuits,
}

impl RedisCircuits {
    /// Prepares the connection, which is made at the first use. Requires a tokio runtime.
    pub fn new(options: &SharedRedisOptions, policy: BreakerPolicy) -> RedisResult<Self> {
        Ok(Self {
            redis: SharedRedis::new(options, "circuits")?,
            replace: Script::new(REPLACE),
            key_prefix: options.key_prefix.clone(),
            policy,
            local: LocalCircuits::new(policy),
        })
    }

    async fn apply(&self, name: &str, event: Event, now: DateTime<Utc>) -> Permit {
        match self.shared(name, event, now).await {
            Some((state, permit)) => {
                self.local.learn(name, state);
                permit
            }
            None => self.local.apply(name, event, now),
        }
    }

    fn key(&self, name: &str) -> String {
        format!("{}:circuit:{name}", self.key_prefix)
    }

    /// None if Redis is unavailable.
    async fn shared(&self, name: &str, event: Event, now: DateTime<Utc>) -> Option<(BreakerState, Permit)> {
        let key = self.key(name);
        let found: Option<String> = self.redis.query(&Cmd::get(&key), now).await?;
        let mut found = found.unwrap_or_default();
        for _ in 0..MAX_WRITES {
            let before = decode(&found);
            let (after, permit) = step(self.policy, before, event, now);
            if after == before {
                return Some((after, permit));
            }
            let wanted = encode(after);
            let mut call = self.replace.key(&key);
            call.arg(&found).arg(&wanted).arg(kept_millis(after, now));
            let stands: String = self.redis.invoke(&call, now).await?;
            if stands == wanted {
                record_change(name, before, after);
                return Some((after, permit));
            }
            found = stands;
        }
        let state = decode(&found);
        let (_, permit) = step(self.policy, state, Event::Asked, now);
        Some((state, permit))
    }
}

#[async_trait]
impl Circuits for RedisCircuits {
    async fn ask(&self, name: &str, now: DateTime<Utc>) -> Permit {
        self.apply(name, Event::Asked, now).await
    }

    async fn report(&self, name: &str, report: Report, now: DateTime<Utc>) {
        self.apply(name, Event::Reported(report), now).await;
    }

    async fn get_state(&self, name: &str, now: DateTime<Utc>) -> BreakerState {
        let key = self.key(name);
        match self.redis.query::<Option<String>>(&Cmd::get(&key), now).await {
            Some(found) => decode(&found.unwrap_or_default()),
            None => self.local.get_state(name, now).await,
        }
    }
}

fn kept_millis(state: BreakerState, now: DateTime<Utc>) -> i64 {
    let rest = match state {
        BreakerState::Open { until } => (until - now).max(TimeDelta::zero()),
        BreakerState::Closed { .. } | BreakerState::HalfOpen { .. } => TimeDelta::zero(),
    };
    (rest + STATE_LIFETIME).num_milliseconds()
}

/// A state as it is stored in Redis: `closed:2`, `open:<µs>`, `trial:<µs>`.
fn encode(state: BreakerState) -> String {
    match state {
        BreakerState::Closed { failures } => format!("closed:{failures}"),
        BreakerState::Open { until } => format!("open:{}", until.timestamp_micros()),
        BreakerState::HalfOpen { since } => format!("trial:{}", since.timestamp_micros()),
    }
}

/// The state of a stored text; a closed circuit if the text is invalid.
fn decode(text: &str) -> BreakerState {
    let read = || {
        let (word, number) = text.split_once(':')?;
        let at = || DateTime::from_timestamp_micros(number.parse().ok()?);
        match word {
            "closed" => Some(BreakerState::Closed { failures: number.parse().ok()? }),
            "open" => Some(BreakerState::Open { until: at()? }),
            "trial" => Some(BreakerState::HalfOpen { since: at()? }),
            _ => None,
        }
    };
    read().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const POLICY: BreakerPolicy = BreakerPolicy::new(2, TimeDelta::seconds(60));

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).expect("in range")
    }

    #[test]
    fn states_are_read_as_they_were_written() {
        for state in [
            BreakerState::Closed { failures: 0 },
            BreakerState::Closed { failures: 2 },
            BreakerState::Open { until: at(7) },
            BreakerState::HalfOpen { since: at(-7) },
        ] {
            assert_eq!(decode(&encode(state)), state);
        }
        for nonsense in ["", "open", "open:soon", "ajar:1", "closed:-1"] {
            assert_eq!(decode(nonsense), BreakerState::Closed { failures: 0 }, "{nonsense}");
        }
    }

    #[tokio::test]
    async fn a_local_circuit_is_used_while_redis_is_unavailable() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("redis://{}", listener.local_addr().expect("an address"));
        drop(listener);
        let options = SharedRedisOptions {
            client: ::redis::Client::open(url).expect("a valid URL"),
            key_prefix: "test".into(),
            command_timeout: Duration::from_millis(200),
        };
        let circuits = RedisCircuits::new(&options, POLICY).expect("a runtime");

        circuits.report("one", Report::Failed, at(0)).await;
        assert_eq!(circuits.ask("one", at(1)).await, Permit::Granted);
        circuits.report("one", Report::Failed, at(1)).await;

        assert_eq!(circuits.ask("one", at(2)).await, Permit::Refused { until: at(61) });
        assert!(circuits.redis.is_unavailable());
    }
}
