//! Telling every process that what somebody may do has changed, so that none goes by
//! what it knew before.

use atelier_entities::UserId;
use tokio::time::{self, Instant};

use crate::{
    Queue,
    bus::{AccessNews, BEFORE_COMMIT, KNOWN_FOR, Message},
};

impl Queue {
    /// Whose access changed lately.
    #[must_use]
    pub fn access_news(&self) -> &AccessNews {
        self.bus().local().access()
    }

    /// To be called before the commit that changes the access of these people: should
    /// this process end right after the commit, the others know all the same.
    pub(crate) async fn announce_access(&self, people: &[UserId]) {
        if people.is_empty() {
            return;
        }
        let news = Message::Access { people: people.to_vec(), reply: None };
        self.bus().local().tell(news.clone());
        if self.transport().is_remote() {
            // Late news is no reason not to commit: see `settle_access`.
            let _ = time::timeout(BEFORE_COMMIT, self.bus().publish(news)).await;
        }
    }

    /// To be called after that commit. Returns once every process has heard of it.
    /// Where one cannot be told, or does not say so, this waits until it must have
    /// forgotten by itself. The news goes out also where the caller goes away.
    pub(crate) async fn settle_access(&self, people: Vec<UserId>) {
        if people.is_empty() {
            return;
        }
        let queue = self.clone();
        let settling = async move {
            let forgotten_at = Instant::now() + KNOWN_FOR;
            if !queue.bus().tell_access(&people).await {
                tracing::info!("not every process has heard of a change of access; waiting until all forget");
                time::sleep_until(forgotten_at).await;
            }
        };
        if !self.transport().is_remote() {
            return settling.await;
        }
        if let Err(error) = tokio::spawn(settling).await {
            tracing::error!(%error, "a change of access was not told");
        }
    }
}
