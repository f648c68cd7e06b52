//! Removes the keys of earlier versions, whose names began with a brace in place of the
//! prefix. Nothing is lost: the relay has pushed all due jobs from SQL under the new names.
//!
//! While processes of both versions run, each pushes under its own names and wakes all
//! workers. A worker that is woken and finds no id claims from SQL, so that workers of each
//! version start the other's jobs too. The keys stay until no worker of the earlier version
//! has sent a heartbeat for a while.
//!
//! Can be removed once no installation is upgraded from such a version.

use std::sync::{OnceLock, atomic::Ordering};

use ::redis::{RedisError, Script};

use super::{RedisHub, names::former_config};
use crate::{error::TransportError, fault::Fault, name::QueueName};

/// Deletes a queue's keys, unless one of its workers has sent a heartbeat within ARGV[1]
/// seconds. Answers how many ids there were.
const RETIRE: &str = r"
local since = tonumber(redis.call('time')[1]) - tonumber(ARGV[1])
if #redis.call('zrangebyscore', KEYS[1], since, '+inf', 'limit', 0, 1) > 0 then
    return 0
end
for _, worker in ipairs(redis.call('zrange', KEYS[1], 0, -1)) do
    redis.call('del', KEYS[2] .. ':' .. worker)
end
local ids = redis.call('hkeys', KEYS[3])
for _, id in ipairs(ids) do
    redis.call('del', KEYS[4] .. ':' .. id)
end
redis.call('del', KEYS[1], KEYS[3], KEYS[5], KEYS[6], KEYS[7])
return #ids
";

/// Removes the former keys of every queue. A Redis user without that permission does not try
/// again, since its server logs each attempt.
pub(super) async fn former_keys(hub: &RedisHub) -> Result<usize, TransportError> {
    static SCRIPT: OnceLock<Script> = OnceLock::new();
    if hub.is_confined.load(Ordering::Relaxed) {
        return Ok(0);
    }
    let script = SCRIPT.get_or_init(|| Script::new(RETIRE));
    // Twice the usual timeout, so that no living worker loses its keys.
    let silence = hub.options.consumer_timeout.as_secs().max(1) * 2;
    let mut connection = hub.connection.clone();
    let mut removed = 0;
    for queue in QueueName::ALL {
        let config = former_config(&hub.options.key_prefix, queue);
        let ids: Result<usize, RedisError> = script
            .key(config.workers_set())
            .key(config.inflight_jobs_set())
            .key(config.job_data_hash())
            .key(config.job_meta_hash())
            .key(config.active_jobs_list())
            .key(config.scheduled_jobs_set())
            .key(config.signal_list())
            .arg(silence)
            .invoke_async(&mut connection)
            .await;
        removed += match ids {
            Err(error) if Fault::of_redis(&error) == Fault::Forbidden => {
                hub.is_confined.store(true, Ordering::Relaxed);
                return Ok(removed);
            }
            ids => ids?,
        };
    }
    Ok(removed)
}
