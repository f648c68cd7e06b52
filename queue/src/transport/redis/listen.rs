//! The one subscription of a process: wake-ups and news. Whenever it is made anew,
//! every queue is woken, so that nothing missed meanwhile stays unseen.

use std::{collections::HashMap, sync::Arc, time::Duration};

use ::redis::{Client, Msg, RedisError};
use futures::StreamExt;
use tokio::{sync::Notify, time};
use tokio_util::sync::CancellationToken;

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
        time::timeout(self.timeout, sink.subscribe(&[&self.channels.wake, &self.channels.news]))
            .await
            .map_err(timed_out)??;
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
