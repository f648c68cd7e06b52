//! Live news between processes: which jobs changed, and which running ones are to
//! stop. News may be lost; whoever acts on it reads the rows, and looks at them from
//! time to time without any news.

use std::sync::Arc;

use async_trait::async_trait;
use atelier_entities::JobId;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// These jobs have a new state, progress or log line.
    Changed(Vec<JobId>),
    /// This running job is to stop.
    Cancel(JobId),
}

/// Carries news to every process of the installation, this one included.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Tells everybody. Failing is no error: see the module's promise.
    async fn publish(&self, message: Message);

    /// Everything published from now on. A slow reader misses the oldest.
    fn subscribe(&self) -> broadcast::Receiver<Arc<Message>>;

    /// The jobs that are to stop, from now on, apart from all other news.
    fn subscribe_stops(&self) -> broadcast::Receiver<JobId>;
}

/// News kept for a slow reader.
const BACKLOG: usize = 4_096;

/// A bus within this process.
#[derive(Clone, Debug)]
pub struct LocalBus {
    news: broadcast::Sender<Arc<Message>>,
    stops: broadcast::Sender<JobId>,
}

impl Default for LocalBus {
    fn default() -> Self {
        Self { news: broadcast::Sender::new(BACKLOG), stops: broadcast::Sender::new(BACKLOG) }
    }
}

impl LocalBus {
    /// Tells this process only.
    pub fn tell(&self, message: Message) {
        // An error only says that nobody listens.
        if let Message::Cancel(id) = &message {
            let _ = self.stops.send(*id);
        }
        if self.is_followed() {
            let _ = self.news.send(Arc::new(message));
        }
    }

    /// Whether anybody in this process follows the news.
    pub(crate) fn is_followed(&self) -> bool {
        self.news.receiver_count() > 0
    }
}

#[async_trait]
impl Bus for LocalBus {
    async fn publish(&self, message: Message) {
        self.tell(message);
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<Message>> {
        self.news.subscribe()
    }

    fn subscribe_stops(&self) -> broadcast::Receiver<JobId> {
        self.stops.subscribe()
    }
}
