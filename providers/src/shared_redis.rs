//! Redis for shared state that processes can do without: commands have a time limit, and
//! after a failure Redis is not used for a while.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, Cmd, FromRedisValue, RedisError, RedisResult, ScriptInvocation};
use chrono::{DateTime, TimeDelta, Utc};

use crate::resilience::{Breaker, BreakerPolicy};

/// How long Redis is not used after a failure.
const OPEN_FOR: TimeDelta = TimeDelta::seconds(5);

/// The Redis of an installation and the time limit of commands.
#[derive(Debug, Clone)]
pub struct SharedRedisOptions {
    /// Makes connections.
    pub client: Client,
    /// The prefix of every key.
    pub key_prefix: String,
    /// Time limit for one command, including the connection.
    pub command_timeout: Duration,
}

/// A Redis that may be unavailable.
pub(crate) struct SharedRedis {
    client: Client,
    config: ConnectionManagerConfig,
    connection: Mutex<ConnectionManager>,
    timeout: Duration,
    purpose: &'static str,
    breaker: Mutex<Breaker>,
    is_unavailable: AtomicBool,
}

impl SharedRedis {
    /// Prepares the connection, which is made at the first command. `purpose` names the
    /// shared state in log lines. Requires a tokio runtime.
    pub(crate) fn new(options: &SharedRedisOptions, purpose: &'static str) -> RedisResult<Self> {
        let client = options.client.clone();
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(options.command_timeout))
            .set_response_timeout(Some(options.command_timeout));
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config.clone());
        Ok(Self {
            connection: Mutex::new(connection?),
            client,
            config,
            timeout: options.command_timeout,
            purpose,
            breaker: Mutex::new(Breaker::new(BreakerPolicy::new(1, OPEN_FOR))),
            is_unavailable: AtomicBool::new(false),
        })
    }

    /// Whether Redis is unavailable, so that local state is used.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.is_unavailable.load(Ordering::Relaxed)
    }

    /// The result of a command; none if Redis is unavailable.
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd, now: DateTime<Utc>) -> Option<T> {
        let mut connection = self.connection();
        self.within_limits(command.query_async(&mut connection), now).await
    }

    /// The result of a script; none if Redis is unavailable.
    pub(crate) async fn invoke<T: FromRedisValue>(
        &self,
        call: &ScriptInvocation<'_>,
        now: DateTime<Utc>,
    ) -> Option<T> {
        let mut connection = self.connection();
        self.within_limits(call.invoke_async(&mut connection), now).await
    }

    async fn within_limits<T>(
        &self,
        step: impl Future<Output = RedisResult<T>>,
        now: DateTime<Utc>,
    ) -> Option<T> {
        if !self.breaker().allow(now) {
            return None;
        }
        let answer = match tokio::time::timeout(self.timeout, step).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(reason(&error)),
            Err(_) => Err("no answer in time"),
        };
        self.record(answer.as_ref().err().copied(), now);
        answer.ok()
    }

    fn record(&self, failure: Option<&'static str>, now: DateTime<Utc>) {
        let Some(reason) = failure else {
            self.breaker().on_success();
            if self.is_unavailable.swap(false, Ordering::Relaxed) {
                tracing::info!("Redis is available again: {} are shared", self.purpose);
            }
            return;
        };
        self.breaker().on_failure(now);
        self.reconnect();
        if !self.is_unavailable.swap(true, Ordering::Relaxed) {
            tracing::warn!(reason, "Redis is unavailable: {} are local to this process", self.purpose);
        }
    }

    /// Replaces a connection that may never respond again.
    fn reconnect(&self) {
        let fresh = ConnectionManager::new_lazy_with_config(self.client.clone(), self.config.clone());
        if let Ok(fresh) = fresh {
            *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
    }

    fn connection(&self) -> ConnectionManager {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reason(error: &RedisError) -> &'static str {
    if error.to_string().contains("certificate") {
        "its certificate is not trusted"
    } else if error.is_timeout() {
        "no answer in time"
    } else if error.is_io_error() || error.is_connection_dropped() {
        "no connection"
    } else {
        refusal(error.code().unwrap_or_default())
    }
}

/// The reason for an error of Redis, without its details.
fn refusal(code: &str) -> &'static str {
    match code {
        "READONLY" => "it is a read-only replica",
        "OOM" => "its memory is full",
        "NOPERM" | "NOAUTH" | "WRONGPASS" => "its user may not do this",
        _ => "the command failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redis(url: &str) -> SharedRedis {
        let options = SharedRedisOptions {
            client: Client::open(url).expect("a valid URL"),
            key_prefix: "test".into(),
            command_timeout: Duration::from_millis(200),
        };
        SharedRedis::new(&options, "numbers").expect("a runtime")
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).expect("in range")
    }

    #[tokio::test]
    async fn leaves_a_silent_redis_alone_for_a_while() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let redis = redis(&format!("redis://{}", listener.local_addr().expect("an address")));
        assert_eq!(redis.query::<String>(&Cmd::get("a"), at(0)).await, None);

        assert!(redis.is_unavailable());
        assert!(!redis.breaker().allow(at(4)), "the next ones do not wait for Redis");
        assert!(redis.breaker().allow(at(5)), "one of them tries again");
    }

    #[tokio::test]
    async fn an_encrypted_connection_to_a_server_that_speaks_plainly_is_unavailable() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let redis = redis(&format!("rediss://{}", listener.local_addr().expect("an address")));

        assert_eq!(redis.query::<String>(&Cmd::get("a"), at(0)).await, None);
    }
}
