//! The subscription of a process: wake-ups and messages. After a reconnect every queue is
//! woken, since wake-ups may have been missed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ::redis::{
    AsyncCommands, Client, Msg, RedisError, Value,
    aio::{PubSubSink, PubSubStream},
};
use atelier_entities::JobId;
use futures::StreamExt;
use tokio::{sync::Notify, time};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Channels, acks::Acks, link::Link};
use crate::{
    bus::{LocalBus, Message, Reply},
    fault::Fault,
    name::QueueName,
};

/// How long a connection may be silent before it is pinged. A dead one wakes no worker.
const PING_INTERVAL: Duration = Duration::from_secs(1);

/// Waits between attempts to subscribe.
const RETRY_WAITS: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(250), Duration::from_millis(500)];

pub(super) struct Listener {
    pub(super) client: Client,
    /// The connection of commands.
    pub(super) link: Link,
    pub(super) channels: Channels,
    pub(super) wakes: Arc<HashMap<QueueName, Notify>>,
    pub(super) local: LocalBus,
    pub(super) acks: Arc<Acks>,
    pub(super) fault: Arc<SubscriptionFault>,
    pub(super) timeout: Duration,
}

/// The last fault of the subscription.
#[derive(Debug, Default)]
pub(super) struct SubscriptionFault(Mutex<Option<Fault>>);

impl SubscriptionFault {
    /// The fault of the last attempt to subscribe.
    pub(super) fn last(&self) -> Option<Fault> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, fault: Fault) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
    }
}

impl Listener {
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            let listened = tokio::select! {
                listened = self.listen(&mut failures) => listened,
                () = stop.cancelled() => return,
            };
            self.local.mark_disconnected();
            let Err(error) = listened else { continue };
            self.fault.store(Fault::of_redis(&error));
            if failures == 0 {
                tracing::warn!(%error, "Redis subscription lost; subscribing again");
            }
            let wait = RETRY_WAITS[failures.min(RETRY_WAITS.len() - 1)];
            failures += 1;
            time::sleep(wait).await;
        }
    }

    /// Subscribes and listens until the connection fails.
    async fn listen(&self, failures: &mut usize) -> Result<(), RedisError> {
        let pubsub =
            time::timeout(self.timeout, self.client.get_async_pubsub()).await.map_err(timed_out)??;
        let (mut sink, mut messages) = pubsub.split();
        let Channels { wake, news, changed, .. } = &self.channels;
        let confirmations = self.channels.confirmations_of(self.acks.process());
        let channels = [wake, news, changed, &confirmations];
        time::timeout(self.timeout, sink.subscribe(&channels)).await.map_err(timed_out)??;
        self.local.mark_connected();
        if *failures > 0 {
            tracing::info!("Redis subscription is back");
        }
        *failures = 0;
        self.link.clear_timeouts();
        self.wakes.values().for_each(Notify::notify_one);
        loop {
            let message = tokio::select! {
                message = self.next(&mut sink, &mut messages) => message?,
                () = self.link.timed_out() => return Err(broken("commands got no answer")),
            };
            self.receive(&message);
        }
    }

    /// Waits for the next message, and pings a silent connection.
    async fn next(&self, sink: &mut PubSubSink, messages: &mut PubSubStream) -> Result<Msg, RedisError> {
        loop {
            match time::timeout(PING_INTERVAL, messages.next()).await {
                Ok(Some(message)) => return Ok(message),
                Ok(None) => return Err(broken("the connection ended")),
                Err(_silent) => self.ping(sink).await?,
            }
        }
    }

    /// Pings the connection. Where it does not answer, the connection of commands is replaced
    /// as well.
    async fn ping(&self, sink: &mut PubSubSink) -> Result<(), RedisError> {
        let Ok(answer) = time::timeout(self.timeout, sink.ping::<Value>()).await else {
            self.link.renew()?;
            return Err(broken("no answer in time"));
        };
        answer.map(drop)
    }

    fn receive(&self, message: &Msg) {
        if message.get_channel_name() == self.channels.changed {
            if self.local.is_followed() {
                let ids = message.get_payload_bytes().chunks_exact(16);
                let ids = ids.filter_map(|id| Uuid::from_slice(id).ok()).map(JobId).collect();
                self.local.tell(Message::Changed(ids));
            }
            return;
        }
        let Ok(text) = message.get_payload::<String>() else { return };
        if message.get_channel_name() == self.channels.wake {
            if let Some(wake) = QueueName::parse(&text).and_then(|queue| self.wakes.get(&queue)) {
                wake.notify_one();
            }
        } else if message.get_channel_name() == self.channels.news {
            self.deliver(&text);
        } else if let Ok(number) = text.parse() {
            self.acks.confirm(number);
        }
    }

    /// Delivers a message in this process, and confirms it where its sender waits.
    fn deliver(&self, text: &str) {
        let Ok(message) = serde_json::from_str::<Message>(text) else { return };
        let reply = if let Message::Access { reply, .. } = &message { *reply } else { None };
        self.local.tell(message);
        if let Some(Reply { to, number }) = reply {
            let (mut link, channel) = (self.link.clone(), self.channels.confirmations_of(to));
            tokio::spawn(async move {
                let confirmed: Result<i64, _> = link.publish(channel, number).await;
                if let Err(error) = confirmed {
                    tracing::debug!(%error, "message not confirmed");
                }
            });
        }
    }
}

fn timed_out(_: time::error::Elapsed) -> RedisError {
    broken("no answer in time")
}

fn broken(reason: &'static str) -> RedisError {
    RedisError::from(std::io::Error::other(reason))
}
