//! The one subscription of a process: wake-ups and news. Whenever it is made anew,
//! every queue is woken, so that nothing missed meanwhile stays unseen.

use std::{collections::HashMap, sync::Arc, time::Duration};

use ::redis::{Client, Msg, RedisError};
use atelier_entities::JobId;
use futures::StreamExt;
use tokio::{sync::Notify, time};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Channels;
use crate::{
    bus::{LocalBus, Message},
    name::QueueName,
};

/// Between two looks whether a silent connection still lives.
const PING_EVERY: Duration = Duration::from_secs(15);

/// Waits between attempts to subscribe.
const RETRY_WAITS: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

pub(super) struct Listener {
    pub(super) client: Client,
    pub(super) channels: Channels,
    pub(super) wakes: Arc<HashMap<QueueName, Notify>>,
    pub(super) news: LocalBus,
    pub(super) timeout: Duration,
}

impl Listener {
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            let listened = tokio::select! {
                listened = self.listen(&mut failures) => listened,
                () = stop.cancelled() => return,
            };
            let Err(error) = listened else { continue };
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
        let Channels { wake, news, changed } = &self.channels;
        time::timeout(self.timeout, sink.subscribe(&[wake, news, changed])).await.map_err(timed_out)??;
        if *failures > 0 {
            tracing::info!("Redis subscription is back");
        }
        *failures = 0;
        self.wakes.values().for_each(Notify::notify_one);
        loop {
            match time::timeout(PING_EVERY, messages.next()).await {
                Ok(Some(message)) => self.hear(&message),
                Ok(None) => return Err(broken("the connection ended")),
                Err(_silent) => {
                    let _: ::redis::Value =
                        time::timeout(self.timeout, sink.ping()).await.map_err(timed_out)??;
                }
            }
        }
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
        } else if let Ok(news) = serde_json::from_str::<Message>(&text) {
            self.news.tell(news);
        }
    }
}

fn timed_out(_: time::error::Elapsed) -> RedisError {
    broken("no answer in time")
}

fn broken(reason: &'static str) -> RedisError {
    RedisError::from(std::io::Error::other(reason))
}
