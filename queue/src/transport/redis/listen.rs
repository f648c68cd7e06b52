//! The one subscription of a process: wake-ups and news. Whenever it is made anew,
//! every queue is woken, so that nothing missed meanwhile stays unseen.

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

use super::{Channels, link::Link, roll::Roll};
use crate::{
    bus::{LocalBus, Message, Reply},
    fault::Fault,
    name::QueueName,
};

/// How long a connection may be silent until it is asked whether it still lives.
/// Nobody is woken by one that does not.
const PING_EVERY: Duration = Duration::from_secs(1);

/// Waits between attempts to subscribe.
const RETRY_WAITS: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(250), Duration::from_millis(500)];

pub(super) struct Listener {
    pub(super) client: Client,
    /// The connection that commands go over.
    pub(super) link: Link,
    pub(super) channels: Channels,
    pub(super) wakes: Arc<HashMap<QueueName, Notify>>,
    pub(super) news: LocalBus,
    pub(super) roll: Arc<Roll>,
    pub(super) deafness: Arc<Deafness>,
    pub(super) timeout: Duration,
}

/// Why nothing is heard, as far as that is known.
#[derive(Debug, Default)]
pub(super) struct Deafness(Mutex<Option<Fault>>);

impl Deafness {
    /// What the last attempt to listen came to.
    pub(super) fn cause(&self) -> Option<Fault> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, cause: Fault) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause);
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
            self.news.end_hearing();
            let Err(error) = listened else { continue };
            self.deafness.note(Fault::of_redis(&error));
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
        let heard = self.channels.heard_by(self.roll.process());
        let channels = [wake, news, changed, &heard];
        time::timeout(self.timeout, sink.subscribe(&channels)).await.map_err(timed_out)??;
        self.news.begin_hearing();
        if *failures > 0 {
            tracing::info!("Redis subscription is back");
        }
        *failures = 0;
        self.link.forget_silence();
        self.wakes.values().for_each(Notify::notify_one);
        loop {
            let message = tokio::select! {
                message = self.next(&mut sink, &mut messages) => message?,
                () = self.link.fell_silent() => return Err(broken("commands got no answer")),
            };
            self.hear(&message);
        }
    }

    /// The next message, however long it takes, from a connection that lives.
    async fn next(&self, sink: &mut PubSubSink, messages: &mut PubSubStream) -> Result<Msg, RedisError> {
        loop {
            match time::timeout(PING_EVERY, messages.next()).await {
                Ok(Some(message)) => return Ok(message),
                Ok(None) => return Err(broken("the connection ended")),
                Err(_silent) => self.ask(sink).await?,
            }
        }
    }

    /// Asks whether the connection lives. Where it does not answer, the other one need
    /// not be waited for either.
    async fn ask(&self, sink: &mut PubSubSink) -> Result<(), RedisError> {
        let Ok(answer) = time::timeout(self.timeout, sink.ping::<Value>()).await else {
            self.link.renew()?;
            return Err(broken("no answer in time"));
        };
        answer.map(drop)
    }

    fn hear(&self, message: &Msg) {
        if message.get_channel_name() == self.channels.changed {
            if self.news.is_followed() {
                let ids = message.get_payload_bytes().chunks_exact(16);
                let ids = ids.filter_map(|id| Uuid::from_slice(id).ok()).map(JobId).collect();
                self.news.tell(Message::Changed(ids));
            }
            return;
        }
        let Ok(text) = message.get_payload::<String>() else { return };
        if message.get_channel_name() == self.channels.wake {
            if let Some(wake) = QueueName::parse(&text).and_then(|queue| self.wakes.get(&queue)) {
                wake.notify_one();
            }
        } else if message.get_channel_name() == self.channels.news {
            self.pass_on(&text);
        } else if let Ok(number) = text.parse() {
            self.roll.answer(number);
        }
    }

    fn pass_on(&self, text: &str) {
        let Ok(news) = serde_json::from_str::<Message>(text) else { return };
        let reply = if let Message::Access { reply, .. } = &news { *reply } else { None };
        self.news.tell(news);
        if let Some(Reply { to, number }) = reply {
            let (mut link, channel) = (self.link.clone(), self.channels.heard_by(to));
            tokio::spawn(async move {
                let told: Result<i64, _> = link.publish(channel, number).await;
                if let Err(error) = told {
                    tracing::debug!(%error, "not told that news was heard");
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
