//! The transport between processes: apalis-redis with a short window of due ids, and Redis
//! pub/sub for wake-ups and messages.
//!
//! The scripts of apalis-redis 1.0.0 push and fetch the ids. The rest is done here: wake-ups
//! (its pushes wake no worker), removal of claimed ids (it keeps finished ones forever), the
//! bound of the window (its fetch fails from 8,000 due ids), and consumers that are gone.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, atomic::AtomicBool},
    time::Duration,
};

use ::redis::{
    AsyncCommands, Client, RedisError, RedisResult, Script, TlsCertificates, aio::ConnectionManagerConfig,
};
use apalis_core::{task::builder::TaskBuilder, task::task_id::TaskId, worker::context::WorkerContext};
use apalis_redis::{Config, queries};
use async_trait::async_trait;
use atelier_entities::{JobId, UserId, WorkerId};
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::Notify, time};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Consumer, Eviction, ServerFacts, Transport};
use crate::{
    bus::{ACCESS_TTL, Bus, LocalBus, Message, Reply},
    error::TransportError,
    fault::Fault,
    name::QueueName,
};

mod acks;
mod consumer;
mod depth;
mod link;
mod listen;
mod names;
mod probe;
mod retire;

use acks::Acks;
use depth::DepthCache;
use link::Link;
use listen::SubscriptionFault;
use names::{Channels, queue_config};

/// Ids of one push: apalis-redis's script takes seven arguments for each.
const PUSH_CHUNK: usize = 500;

/// Stores a consumer's heartbeat, by the clock of Redis.
const BEAT: &str = r"
return redis.call('zadd', KEYS[1], redis.call('time')[1], ARGV[1])
";

/// Moves pushed ids from the scheduled set to the active list, which is fetched from, and
/// wakes the queue's workers. Answers how many ids it moved and how many wait.
const MAKE_DUE: &str = r"
local moved = 0
for i = 3, #ARGV do
    if redis.call('zrem', KEYS[1], ARGV[i]) == 1 then
        redis.call('rpush', KEYS[2], ARGV[i])
        moved = moved + 1
    end
end
redis.call('publish', ARGV[1], ARGV[2])
return {moved, redis.call('llen', KEYS[2])}
";

/// Puts back the ids of consumers without a heartbeat for ARGV[1] seconds. Ids whose data is
/// gone were settled and are not put back.
const RECLAIM: &str = r"
local before = tonumber(redis.call('time')[1]) - tonumber(ARGV[1])
local expired = redis.call('zrangebyscore', KEYS[1], 0, before)
local reclaimed = 0
for _, worker in ipairs(expired) do
    local inflight = KEYS[3] .. ':' .. worker
    for _, id in ipairs(redis.call('smembers', inflight)) do
        if redis.call('hexists', KEYS[4], id) == 1 then
            redis.call('rpush', KEYS[2], id)
            reclaimed = reclaimed + 1
        end
    end
    redis.call('del', inflight)
    redis.call('zrem', KEYS[1], worker)
end
return reclaimed
";

/// The Redis of an installation, and time limits.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// Makes connections: see [`open_redis`].
    pub client: Client,
    /// Prefix of every key.
    pub key_prefix: String,
    /// Time limit of a command.
    pub command_timeout: Duration,
    /// Time without heartbeat after which a consumer counts as gone.
    pub consumer_timeout: Duration,
}

/// What makes connections to the Redis of a redis:// or rediss:// URL. `authorities` are the
/// certificates (PEM) of the authorities for a rediss:// server; none for the public ones.
/// Fails for an invalid URL, without repeating it.
pub fn open_redis(url: &SecretString, authorities: Option<String>) -> Result<Client, TransportError> {
    let url = url.expose_secret();
    let client = match authorities {
        None => Client::open(url),
        Some(authorities) => {
            let root_cert = Some(authorities.into_bytes());
            Client::build_with_tls(url, TlsCertificates { client_tls: None, root_cert })
        }
    };
    let invalid = |error: RedisError| format!("the Redis URL is not valid: {}", error.category());
    client.map_err(|error| TransportError::new(Fault::of_redis(&error), invalid(error)))
}

/// The connection of a process to Redis, as transport and bus.
pub struct RedisHub {
    connection: Link,
    options: RedisOptions,
    wakes: Arc<HashMap<QueueName, Notify>>,
    depths: HashMap<QueueName, DepthCache>,
    local: LocalBus,
    acks: Arc<Acks>,
    subscription_fault: Arc<SubscriptionFault>,
    /// The Redis user may access only names of this version.
    is_confined: AtomicBool,
    _listener: DropGuard,
}

impl RedisHub {
    /// Connects in the background, so that a Redis that is away now is used later.
    pub async fn connect(options: RedisOptions) -> Result<Arc<Self>, TransportError> {
        let client = options.client.clone();
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(options.command_timeout))
            .set_connection_timeout(Some(options.command_timeout))
            .set_number_of_retries(2)
            .set_min_delay(Duration::from_millis(50))
            .set_max_delay(Duration::from_millis(500));
        let connection = Link::new(client.clone(), config)?;
        let wakes: Arc<HashMap<_, _>> =
            Arc::new(QueueName::ALL.into_iter().map(|queue| (queue, Notify::new())).collect());
        let (local, acks) = (LocalBus::disconnected(), Arc::new(Acks::default()));
        let subscription_fault = Arc::new(SubscriptionFault::default());
        let stop = CancellationToken::new();
        let listener = listen::Listener {
            client,
            link: connection.clone(),
            channels: Channels::of(&options.key_prefix),
            wakes: wakes.clone(),
            local: local.clone(),
            acks: acks.clone(),
            fault: subscription_fault.clone(),
            timeout: options.command_timeout,
        };
        tokio::spawn(listener.run(stop.clone()));
        let depths = QueueName::ALL.into_iter().map(|queue| (queue, DepthCache::default())).collect();
        let _listener = stop.drop_guard();
        let is_confined = AtomicBool::new(false);
        Ok(Arc::new(Self {
            connection,
            options,
            wakes,
            depths,
            local,
            acks,
            subscription_fault,
            is_confined,
            _listener,
        }))
    }

    fn config(&self, queue: QueueName) -> Config {
        queue_config(&self.options.key_prefix, queue)
    }

    fn channels(&self) -> Channels {
        Channels::of(&self.options.key_prefix)
    }

    /// Makes pushed ids due and wakes workers. apalis-redis schedules a push by the clock of
    /// the pushing process and fetches by that of the worker; where these differ, due ids
    /// would wait.
    async fn make_due_and_wake(&self, queue: QueueName, ids: &[JobId]) -> Result<usize, TransportError> {
        static SCRIPT: OnceLock<Script> = OnceLock::new();
        let script = SCRIPT.get_or_init(|| Script::new(MAKE_DUE));
        let config = self.config(queue);
        let mut call = script.key(config.scheduled_jobs_set());
        call.key(config.active_jobs_list()).arg(self.channels().wake).arg(queue.as_str());
        for id in ids {
            call.arg(id.to_string());
        }
        let (moved, waiting) = call.invoke_async(&mut self.connection.clone()).await?;
        self.depths[&queue].store(waiting);
        Ok(moved)
    }

    /// Whether the queue's window is full, by the cached depth where that is far from full.
    async fn is_full(&self, queue: QueueName, ids: usize, window: usize) -> Result<bool, TransportError> {
        let cached = self.depths[&queue].cached();
        if cached.is_some_and(|waiting| waiting + ids <= window / 2) {
            return Ok(false);
        }
        let waiting = self.depth(queue).await?;
        self.depths[&queue].store(waiting);
        Ok(waiting >= window)
    }
}

#[async_trait]
impl Transport for RedisHub {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn is_remote(&self) -> bool {
        true
    }

    async fn push(&self, queue: QueueName, ids: &[JobId], window: usize) -> Result<usize, TransportError> {
        // Ids that it has are not added again, so that concurrent pushes fill the window to
        // at most twice its size.
        if self.is_full(queue, ids.len(), window).await? {
            return Ok(0);
        }
        let config = self.config(queue);
        let mut connection = self.connection.clone();
        let mut taken = 0;
        for chunk in ids[..ids.len().min(window)].chunks(PUSH_CHUNK) {
            let tasks: Vec<_> = chunk
                .iter()
                .map(|id| {
                    TaskBuilder::new(id.0.as_bytes().to_vec())
                        .task_id(TaskId::from_string(id.to_string()))
                        .build()
                })
                .collect();
            // Pipelined over the same connection.
            let (pushed, moved) = futures::join!(
                queries::push_tasks(&mut connection, &config, &tasks),
                self.make_due_and_wake(queue, chunk),
            );
            let (active, scheduled) = pushed?;
            if moved? < scheduled as usize {
                // Redis had to load the first script, so that it ran after the second one.
                self.make_due_and_wake(queue, chunk).await?;
            }
            taken += (active + scheduled) as usize;
        }
        Ok(taken)
    }

    async fn depth(&self, queue: QueueName) -> Result<usize, TransportError> {
        let config = self.config(queue);
        let mut connection = self.connection.clone();
        let (active, scheduled): (usize, usize) = ::redis::pipe()
            .llen(config.active_jobs_list())
            .zcard(config.scheduled_jobs_set())
            .query_async(&mut connection)
            .await?;
        Ok(active + scheduled)
    }

    async fn consumer(&self, queue: QueueName, worker: WorkerId) -> Box<dyn Consumer> {
        Box::new(consumer::RedisConsumer {
            connection: self.connection.clone(),
            config: self.config(queue),
            worker: WorkerContext::new(&worker.to_string()),
            wakes: self.wakes.clone(),
            queue,
            has_unknown: false,
        })
    }

    async fn reclaim(&self) -> Result<usize, TransportError> {
        static SCRIPT: OnceLock<Script> = OnceLock::new();
        let script = SCRIPT.get_or_init(|| Script::new(RECLAIM));
        let timeout = self.options.consumer_timeout.as_secs().max(1);
        let mut connection = self.connection.clone();
        let mut reclaimed = 0;
        for queue in QueueName::ALL {
            let config = self.config(queue);
            let count: usize = script
                .key(config.workers_set())
                .key(config.active_jobs_list())
                .key(config.inflight_jobs_set())
                .key(config.job_data_hash())
                .arg(timeout)
                .invoke_async(&mut connection)
                .await?;
            reclaimed += count;
        }
        Ok(reclaimed)
    }

    async fn retire(&self) -> Result<usize, TransportError> {
        retire::former_keys(self).await
    }

    async fn ping(&self) -> Result<(), TransportError> {
        let _: String = self.connection.clone().ping().await?;
        Ok(())
    }

    async fn probe(&self) -> Result<(), TransportError> {
        probe::run(self).await
    }

    async fn eviction(&self) -> Result<Option<Eviction>, TransportError> {
        let info: String =
            ::redis::cmd("INFO").arg("memory").query_async(&mut self.connection.clone()).await?;
        Ok(Eviction::parse(&info))
    }

    async fn facts(&self) -> Result<Option<ServerFacts>, TransportError> {
        let info: RedisResult<String> = ::redis::cmd("INFO").query_async(&mut self.connection.clone()).await;
        match info {
            Ok(info) => Ok(Some(ServerFacts::parse(&info))),
            // The Redis user may lack this permission.
            Err(error) if Fault::of_redis(&error) == Fault::Forbidden => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[async_trait]
impl Bus for RedisHub {
    async fn publish(&self, message: Message) {
        let (channel, payload) = match &message {
            Message::Changed(ids) => {
                (self.channels().changed, ids.iter().flat_map(|id| *id.0.as_bytes()).collect())
            }
            Message::Cancel(_) | Message::Access { .. } => {
                (self.channels().news, serde_json::to_vec(&message).unwrap_or_default())
            }
        };
        let sent: Result<i64, _> = self.connection.clone().publish(channel, payload).await;
        if let Err(error) = sent {
            tracing::debug!(%error, "message not published");
            // This process itself still receives the message.
            self.local.tell(message);
        }
    }

    async fn tell_access(&self, people: &[UserId]) -> bool {
        let (number, confirmations) = self.acks.open();
        let reply = Some(Reply { to: self.acks.process(), number });
        let message = Message::Access { people: people.to_vec(), reply };
        let payload = serde_json::to_vec(&message).unwrap_or_default();
        self.local.tell(message);
        let confirmed = time::timeout(ACCESS_TTL, async {
            let listeners: usize = self.connection.clone().publish(self.channels().news, payload).await?;
            Ok::<bool, TransportError>(confirmations.receive(listeners).await)
        });
        let confirmed = confirmed.await;
        self.acks.close(number);
        matches!(confirmed, Ok(Ok(true)))
    }

    fn local(&self) -> &LocalBus {
        &self.local
    }
}

impl std::fmt::Debug for RedisHub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisHub").field("prefix", &self.options.key_prefix).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_an_invalid_url_nor_its_password_is_repeated() {
        let refused = open_redis(&"nonsense://user:hunter2@host".into(), None).expect_err("refused");
        let client = open_redis(&"redis://user:hunter2@host".into(), None).expect("a URL");

        assert!(!refused.to_string().contains("hunter2"), "{refused}");
        assert!(!format!("{client:?}").contains("hunter2"), "{client:?}");
    }
}
