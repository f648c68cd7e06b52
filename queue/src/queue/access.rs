//! Telling every process that somebody's access has changed, so that none uses what it
//! remembered of them.

use atelier_entities::UserId;
use tokio::time::{self, Instant};

use super::Queue;
use crate::bus::{ACCESS_TTL, AccessChanges, BEFORE_COMMIT, Message};

impl Queue {
    /// The people whose access changed lately.
    #[must_use]
    pub fn access_changes(&self) -> &AccessChanges {
        self.bus().local().access()
    }

    /// Tells every process before the commit that changes the access of these people. So
    /// the others know even if this process ends right after the commit.
    pub(super) async fn announce_access(&self, people: &[UserId]) {
        if people.is_empty() {
            return;
        }
        let message = Message::Access { people: people.to_vec(), reply: None };
        self.bus().local().tell(message.clone());
        if self.transport().is_remote() {
            // A late message does not stop the commit: `settle_access` tells it again.
            let _ = time::timeout(BEFORE_COMMIT, self.bus().publish(message)).await;
        }
    }

    /// Tells every process after that commit, and returns once each has heard of it. Where
    /// one cannot be told or does not confirm, this waits until what it remembered has
    /// expired. The message is sent even if the caller is dropped.
    pub(super) async fn settle_access(&self, people: Vec<UserId>) {
        if people.is_empty() {
            return;
        }
        let queue = self.clone();
        let settling = async move {
            let expired_at = Instant::now() + ACCESS_TTL;
            if !queue.bus().tell_access(&people).await {
                tracing::info!(
                    "a process did not confirm a change of access; waiting until its cache has expired"
                );
                time::sleep_until(expired_at).await;
            }
        };
        if !self.transport().is_remote() {
            return settling.await;
        }
        if let Err(error) = tokio::spawn(settling).await {
            tracing::error!(%error, "a change of access was not announced");
        }
    }
}
