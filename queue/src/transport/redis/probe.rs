//! Whether Redis does what carrying ids takes.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use ::redis::Script;
use tokio::time;

use super::RedisHub;
use crate::{error::TransportError, fault::Fault};

/// Writes to each type of key that a queue has, and to a channel, as pushes and claims do.
/// Nothing of it stays.
const PROBE: &str = r"
redis.call('hset', KEYS[1], ARGV[2], 1)
redis.call('rpush', KEYS[2], ARGV[2])
redis.call('zadd', KEYS[3], 0, ARGV[2])
redis.call('sadd', KEYS[4], ARGV[2])
redis.call('del', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
return redis.call('publish', ARGV[1], '')
";

/// Longest wait for a subscription that is being made again.
const HEARING_BOUND: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Fails where a write does, or where no news arrives.
pub(super) async fn run(hub: &RedisHub) -> Result<(), TransportError> {
    static SCRIPT: OnceLock<Script> = OnceLock::new();
    let script = SCRIPT.get_or_init(|| Script::new(PROBE));
    let process = hub.roll.process();
    let key = |kind: &str| format!("{}:{{probe}}:{kind}", hub.options.key_prefix);
    let mut call = script.key(key("hash"));
    call.key(key("list")).key(key("sorted")).key(key("set"));
    // Only this process hears it, and knows that it means nothing.
    call.arg(hub.channels().heard_by(process)).arg(process.to_string());
    let _listeners: i64 = call.invoke_async(&mut hub.connection.clone()).await?;
    hears(hub).await
}

async fn hears(hub: &RedisHub) -> Result<(), TransportError> {
    let begun = Instant::now();
    while hub.news.hearing().is_none() {
        if begun.elapsed() > HEARING_BOUND {
            let fault = hub.deafness.cause().unwrap_or(Fault::NoAnswer);
            return Err(TransportError::new(fault, "there is no subscription to its channels"));
        }
        time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}
