//! Live news between processes: which jobs changed, which running ones are to stop,
//! and whose access changed. News may be lost; whoever acts on it reads the rows, and
//! looks at them from time to time without any news.

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

mod access;
mod heads;

pub use access::{AccessNews, KNOWN_FOR};
pub(crate) use heads::Heads;
pub use heads::JobHead;

/// Longest that telling others of a change of access may hold up its commit.
pub(crate) const BEFORE_COMMIT: Duration = Duration::from_millis(250);

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// These jobs have a new state, progress or log line.
    Changed(Vec<JobId>),
    /// This running job is to stop.
    Cancel(JobId),
    /// What these people may do changes at this moment, or has just changed.
    Access {
        /// Whose access it is.
        people: Vec<UserId>,
        /// Whom to tell that it was heard.
        reply: Option<Reply>,
    },
}

/// Who waits until a piece of news was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The process.
    pub to: Uuid,
    /// Its number for the news.
    pub number: u64,
}

/// Carries news to every process of the installation, this one included.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Tells everybody. Failing is no error: see the module's promise.
    async fn publish(&self, message: Message);

    /// Tells everybody that the access of these people changed, and answers whether
    /// every process that can be told has heard it. It tries for [`KNOWN_FOR`] at most.
    async fn tell_access(&self, people: &[UserId]) -> bool;

    /// This process's end of it.
    fn local(&self) -> &LocalBus;

    /// Everything published from now on. A slow reader misses the oldest.
    fn subscribe(&self) -> broadcast::Receiver<Arc<Message>> {
        self.local().news.subscribe()
    }

    /// The jobs that are to stop, from now on, apart from all other news.
    fn subscribe_stops(&self) -> broadcast::Receiver<JobId> {
        self.local().stops.subscribe()
    }
}

/// News kept for a slow reader.
const BACKLOG: usize = 4_096;

/// A bus within this process.
#[derive(Clone, Debug)]
pub struct LocalBus {
    news: broadcast::Sender<Arc<Message>>,
    stops: broadcast::Sender<JobId>,
    access: Arc<AccessNews>,
    heads: Arc<Heads>,
    hearing: Arc<Hearing>,
}

impl Default for LocalBus {
    fn default() -> Self {
        let bus = Self::deaf();
        bus.hearing.begin();
        bus
    }
}

impl LocalBus {
    /// One that hears nothing of other processes until it is told that it does.
    pub(crate) fn deaf() -> Self {
        Self {
            news: broadcast::Sender::new(BACKLOG),
            stops: broadcast::Sender::new(BACKLOG),
            access: Arc::default(),
            heads: Arc::default(),
            hearing: Arc::default(),
        }
    }

    /// Tells this process only. Once it returns, nothing that the news makes old is
    /// remembered here.
    pub fn tell(&self, message: Message) {
        match &message {
            // An error only says that nobody listens.
            Message::Cancel(id) => {
                let _ = self.stops.send(*id);
            }
            Message::Changed(ids) => self.heads.forget(ids),
            Message::Access { people, .. } => return self.access.note(people),
        }
        if self.news.receiver_count() > 0 {
            let _ = self.news.send(Arc::new(message));
        }
    }

    /// Whether anybody in this process cares for changed jobs.
    pub(crate) fn is_followed(&self) -> bool {
        self.news.receiver_count() > 0 || !self.heads.is_empty()
    }

    /// Whose access changed lately.
    #[must_use]
    pub fn access(&self) -> &AccessNews {
        &self.access
    }

    /// What is remembered of jobs.
    pub(crate) fn heads(&self) -> &Heads {
        &self.heads
    }

    /// A number that stays the same for as long as no news of other processes is
    /// missed; none while it is. What was read from SQL may be kept where the number
    /// is the same before and after, and used for as long as it stays so.
    #[must_use]
    pub fn hearing(&self) -> Option<u64> {
        self.hearing.number()
    }

    /// From here on all news arrives.
    pub(crate) fn begin_hearing(&self) {
        self.hearing.begin();
    }

    /// From here on news may be missed.
    pub(crate) fn end_hearing(&self) {
        self.hearing.end();
    }
}

/// Odd while news arrives; another number after each time that it did not.
#[derive(Debug, Default)]
struct Hearing(AtomicU64);

impl Hearing {
    fn number(&self) -> Option<u64> {
        let number = self.0.load(Ordering::Acquire);
        (number % 2 == 1).then_some(number)
    }

    fn begin(&self) {
        self.turn(0);
    }

    fn end(&self) {
        self.turn(1);
    }

    /// Counts on where the number has this rest; otherwise it is where it should be.
    fn turn(&self, rest: u64) {
        let next = |number: u64| (number % 2 == rest).then_some(number + 1);
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
    fn the_number_changes_with_every_gap() {
        let bus = LocalBus::deaf();
        assert_eq!(bus.hearing(), None);
        bus.begin_hearing();
        let first = bus.hearing();
        bus.begin_hearing();
        assert!(first.is_some() && bus.hearing() == first, "it heard all along");
        bus.end_hearing();
        bus.end_hearing();
        assert_eq!(bus.hearing(), None);
        bus.begin_hearing();
        assert!(bus.hearing().is_some() && bus.hearing() != first);
    }

    #[test]
    fn a_process_of_another_version_may_say_what_it_likes() {
        let news = Message::Access { people: vec![UserId::new()], reply: None };
        let text = serde_json::to_string(&news).expect("JSON");

        assert_eq!(serde_json::from_str::<Message>(&text).expect("news"), news);
        assert!(serde_json::from_str::<Message>(r#"{"weather": "fine"}"#).is_err());
    }
}
