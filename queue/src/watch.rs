//! Watching a job: every state, stage and log line in order, from any point on. A message of
//! the bus only wakes the watcher; the updates come from the rows. What jobs are about is followed in the same
//! way, by who reads its rows.

use std::{collections::VecDeque, fmt, str::FromStr, sync::Arc, time::Duration};

use atelier_entities::{JobId, job_events, jobs};
use futures::{Stream, stream};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::{
    sync::broadcast::{self, error::TryRecvError},
    time,
};
use uuid::Uuid;

use crate::{Queue, bus::Message, error::QueueError, store};

/// How often the rows are read without any message: the delay where one is lost.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Events of one query.
const PAGE: u64 = 200;

/// The position of a watcher: the job's revision and the number of its last event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventId {
    /// [`jobs::Model::revision`].
    pub revision: i64,
    /// [`job_events::Model::seq`].
    pub seq: i64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.revision, self.seq)
    }
}

/// The error of text that is not an event id.
#[derive(Debug, thiserror::Error)]
#[error("an event id is written as <revision>-<seq>")]
pub struct ParseEventIdError;

impl FromStr for EventId {
    type Err = ParseEventIdError;

    fn from_str(text: &str) -> Result<Self, ParseEventIdError> {
        let (revision, seq) = text.split_once('-').ok_or(ParseEventIdError)?;
        let number = |text: &str| text.parse::<u32>().map(i64::from).map_err(|_| ParseEventIdError);
        Ok(Self { revision: number(revision)?, seq: number(seq)? })
    }
}

/// An update of a job.
#[derive(Clone, Debug)]
pub enum JobUpdate {
    /// The job's current state and progress.
    Status {
        /// The position after this update.
        id: EventId,
        /// The job.
        job: Box<jobs::Model>,
    },
    /// A new stage (`progress`), log line (`log`), or event of the job's own kind.
    Event {
        /// The position after this update.
        id: EventId,
        /// The event.
        event: job_events::Model,
    },
}

impl Queue {
    /// Watches a job from `since` on, or from the beginning. The stream ends after all updates
    /// of an ended job, or where the job is deleted.
    pub fn watch(
        &self,
        id: JobId,
        since: Option<EventId>,
    ) -> impl Stream<Item = Result<JobUpdate, QueueError>> + Send + 'static {
        let watcher = Watcher {
            queue: self.clone(),
            // Before the first read, so that no message is missed.
            changes: self.follow(id.0),
            job: id,
            at: since.unwrap_or_default(),
            updates: VecDeque::new(),
            ended: false,
        };
        stream::try_unfold(watcher, |mut watcher| async move {
            let update = watcher.next().await?;
            Ok(update.map(|update| (update, watcher)))
        })
    }

    /// Tells from now on when a job, or what jobs are about, may have changed. Call it before the first read of
    /// its rows.
    #[must_use]
    pub fn follow(&self, id: Uuid) -> Changes {
        Changes { messages: self.bus().subscribe(), id: JobId(id) }
    }
}

/// The changes of a job, or of what jobs are about.
#[derive(Debug)]
pub struct Changes {
    messages: broadcast::Receiver<Arc<Message>>,
    id: JobId,
}

impl Changes {
    /// Waits until it may have changed: a message came, or messages may have been lost. At most 2 seconds.
    pub async fn wait(&mut self) {
        let changed = async {
            loop {
                match self.messages.recv().await.as_deref() {
                    Ok(Message::Changed(ids)) if ids.contains(&self.id) => return,
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(missed)) => {
                        tracing::debug!(missed, id = %self.id, "messages missed; reading the rows");
                        return;
                    }
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        // After a while without a message the rows are read as well.
        let _ = time::timeout(POLL_INTERVAL, changed).await;
        // The next read sees what further messages are about.
        while !matches!(self.messages.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {}
    }
}

struct Watcher {
    queue: Queue,
    changes: Changes,
    job: JobId,
    at: EventId,
    updates: VecDeque<JobUpdate>,
    ended: bool,
}

impl Watcher {
    async fn next(&mut self) -> Result<Option<JobUpdate>, QueueError> {
        loop {
            if let Some(update) = self.updates.pop_front() {
                return Ok(Some(update));
            }
            if self.ended {
                return Ok(None);
            }
            store::bounded(self.read()).await?;
            if self.updates.is_empty() && !self.ended {
                self.changes.wait().await;
            }
        }
    }

    /// Reads the updates. The job's row is read before its events, so that all events of an
    /// ended job are found.
    async fn read(&mut self) -> Result<(), QueueError> {
        let Some(job) = jobs::Entity::find_by_id(self.job).one(self.queue.db()).await? else {
            self.ended = true;
            return Ok(());
        };
        let events = job_events::Entity::find()
            .filter(job_events::Column::JobId.eq(self.job))
            .filter(job_events::Column::Seq.gt(self.at.seq))
            .order_by_asc(job_events::Column::Seq)
            .limit(PAGE)
            .all(self.queue.db())
            .await?;
        let all_read = u64::try_from(events.len()).unwrap_or(PAGE) < PAGE;
        for event in events {
            self.at.seq = event.seq;
            self.updates.push_back(JobUpdate::Event { id: self.at, event });
        }
        if all_read {
            self.ended = job.state.is_terminal();
            if job.revision > self.at.revision {
                self.at.revision = job.revision;
                self.updates.push_back(JobUpdate::Status { id: self.at, job: Box::new(job) });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_ids_read_as_they_are_written() {
        let id = EventId { revision: 7, seq: 12 };

        assert_eq!(id.to_string().parse::<EventId>().expect("an id"), id);
    }

    #[test]
    fn text_that_is_not_an_event_id_is_refused() {
        for text in ["", "7", "7-", "-7", "a-b", "1-2-3", "-1-2", "99999999999999999999-1"] {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
    }
}
