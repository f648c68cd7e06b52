//! The bus: messages between processes about changed jobs, running jobs that are to stop, and
//! people whose access changed. Messages may be lost. Receivers read the rows, and poll
//! them from time to time without any message.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use atelier_entities::{JobId, UserId};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use uuid::Uuid;

mod access_changes;
mod job_cache;

pub use access_changes::{ACCESS_TTL, AccessChanges};
pub(crate) use job_cache::JobCache;
pub use job_cache::JobSummary;

/// How long announcing a change of access may delay its commit.
pub(crate) const BEFORE_COMMIT: Duration = Duration::from_millis(250);

/// A message of the bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// These jobs have a new state, progress or log line; or what jobs are about has changed, which is named by
    /// the id that is their subject.
    Changed(Vec<JobId>),
    /// This running job is to stop.
    Cancel(JobId),
    /// The access of these people is changing or has just changed.
    Access {
        /// The people.
        people: Vec<UserId>,
        /// Who waits for a confirmation.
        reply: Option<Reply>,
    },
}

/// Who waits for the confirmations of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The process.
    pub to: Uuid,
    /// Its number of the message.
    pub number: u64,
}

/// Carries messages to every process of the installation, including this one.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Sends a message to every process. A failure is no error: messages may be lost.
    async fn publish(&self, message: Message);

    /// Tells every process that the access of these people changed. Answers whether every
    /// reachable process has confirmed within [`ACCESS_TTL`].
    async fn tell_access(&self, people: &[UserId]) -> bool;

    /// The bus within this process.
    fn local(&self) -> &LocalBus;

    /// Every message from now on, except stops. A slow receiver misses the oldest.
    fn subscribe(&self) -> broadcast::Receiver<Arc<Message>> {
        self.local().messages.subscribe()
    }

    /// The jobs that are to stop, from now on.
    fn subscribe_stops(&self) -> broadcast::Receiver<JobId> {
        self.local().stops.subscribe()
    }
}

/// Messages kept for a slow receiver.
const BACKLOG: usize = 4_096;

/// A bus within this process.
#[derive(Clone, Debug)]
pub struct LocalBus {
    messages: broadcast::Sender<Arc<Message>>,
    stops: broadcast::Sender<JobId>,
    access: Arc<AccessChanges>,
    job_cache: Arc<JobCache>,
    epoch: Arc<Epoch>,
}

impl Default for LocalBus {
    fn default() -> Self {
        let bus = Self::disconnected();
        bus.epoch.begin();
        bus
    }
}

impl LocalBus {
    /// A bus that receives nothing from other processes until [`LocalBus::mark_connected`].
    pub(crate) fn disconnected() -> Self {
        Self {
            messages: broadcast::Sender::new(BACKLOG),
            stops: broadcast::Sender::new(BACKLOG),
            access: Arc::default(),
            job_cache: Arc::default(),
            epoch: Arc::default(),
        }
    }

    /// Delivers a message in this process only. When it returns, the caches hold nothing that
    /// the message invalidates.
    pub fn tell(&self, message: Message) {
        match &message {
            // An error only means that nobody listens.
            Message::Cancel(id) => {
                let _ = self.stops.send(*id);
            }
            Message::Changed(ids) => self.job_cache.remove(ids),
            Message::Access { people, .. } => return self.access.note(people),
        }
        if self.messages.receiver_count() > 0 {
            let _ = self.messages.send(Arc::new(message));
        }
    }

    /// Whether anything in this process uses messages about changed jobs.
    pub(crate) fn is_followed(&self) -> bool {
        self.messages.receiver_count() > 0 || !self.job_cache.is_empty()
    }

    /// The people whose access changed lately.
    #[must_use]
    pub fn access(&self) -> &AccessChanges {
        &self.access
    }

    /// The cache of polled jobs.
    pub(crate) fn job_cache(&self) -> &JobCache {
        &self.job_cache
    }

    /// The epoch of the connection to other processes: it changes whenever messages may have
    /// been missed, and is none while disconnected. A value read from SQL may be cached if
    /// the epoch is the same before and after the read, and used while it stays the same.
    #[must_use]
    pub fn epoch(&self) -> Option<u64> {
        self.epoch.current()
    }

    /// All messages arrive from now on.
    pub(crate) fn mark_connected(&self) {
        self.epoch.begin();
    }

    /// Messages may be missed from now on.
    pub(crate) fn mark_disconnected(&self) {
        self.epoch.end();
    }
}

/// An odd number while connected; another one after each interruption.
#[derive(Debug, Default)]
struct Epoch(AtomicU64);

impl Epoch {
    fn current(&self) -> Option<u64> {
        let number = self.0.load(Ordering::Acquire);
        (number % 2 == 1).then_some(number)
    }

    fn begin(&self) {
        self.advance_from(0);
    }

    fn end(&self) {
        self.advance_from(1);
    }

    /// Advances a number of this parity; the other parity is already right.
    fn advance_from(&self, parity: u64) {
        let next = |number: u64| (number % 2 == parity).then_some(number + 1);
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
    }
}

#[async_trait]
impl Bus for LocalBus {
    async fn publish(&self, message: Message) {
        self.tell(message);
    }

    async fn tell_access(&self, people: &[UserId]) -> bool {
        self.access.note(people);
        true
    }

    fn local(&self) -> &LocalBus {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_changes_with_every_interruption() {
        let bus = LocalBus::disconnected();
        assert_eq!(bus.epoch(), None);
        bus.mark_connected();
        let first = bus.epoch();
        bus.mark_connected();
        assert!(first.is_some() && bus.epoch() == first, "it stayed connected");
        bus.mark_disconnected();
        bus.mark_disconnected();
        assert_eq!(bus.epoch(), None);
        bus.mark_connected();
        assert!(bus.epoch().is_some() && bus.epoch() != first);
    }

    #[test]
    fn messages_of_other_versions_are_read_or_refused() {
        let message = Message::Access { people: vec![UserId::new()], reply: None };
        let text = serde_json::to_string(&message).expect("JSON");

        assert_eq!(serde_json::from_str::<Message>(&text).expect("a message"), message);
        assert!(serde_json::from_str::<Message>(r#"{"weather": "fine"}"#).is_err());
    }
}
