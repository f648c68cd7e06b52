//! Probing Redis: whether it takes writes and delivers messages.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use ::redis::Script;
use tokio::time;

use super::RedisHub;
use crate::{error::TransportError, fault::Fault};

/// Writes a key of each type that a queue has, publishes to a channel, and deletes the keys.
const PROBE: &str = r"
redis.call('hset', KEYS[1], ARGV[2], 1)
redis.call('rpush', KEYS[2], ARGV[2])
redis.call('zadd', KEYS[3], 0, ARGV[2])
redis.call('sadd', KEYS[4], ARGV[2])
redis.call('del', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
return redis.call('publish', ARGV[1], '')
";

/// Longest wait for a subscription that reconnects.
const SUBSCRIPTION_BOUND: Duration = Duration::from_secs(1);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Fails where a write fails or there is no subscription.
pub(super) async fn run(hub: &RedisHub) -> Result<(), TransportError> {
    static SCRIPT: OnceLock<Script> = OnceLock::new();
    let script = SCRIPT.get_or_init(|| Script::new(PROBE));
    let process = hub.acks.process();
    let key = |kind: &str| format!("{}:{{probe}}:{kind}", hub.options.key_prefix);
    let mut call = script.key(key("hash"));
    call.key(key("list")).key(key("sorted")).key(key("set"));
    // Only this process receives it, and ignores an empty confirmation.
    call.arg(hub.channels().confirmations_of(process)).arg(process.to_string());
    let _listeners: i64 = call.invoke_async(&mut hub.connection.clone()).await?;
    await_subscription(hub).await
}

async fn await_subscription(hub: &RedisHub) -> Result<(), TransportError> {
    let begun = Instant::now();
    while hub.local.epoch().is_none() {
        if begun.elapsed() > SUBSCRIPTION_BOUND {
            let fault = hub.subscription_fault.last().unwrap_or(Fault::NoAnswer);
            return Err(TransportError::new(fault, "there is no subscription to its channels"));
        }
        time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}
