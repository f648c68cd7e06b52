//! Following one job: every state, stage and log line, in order, from wherever the
//! watcher left off. News only says that there is something to read; what is told
//! is what the rows say.

use std::{collections::VecDeque, fmt, str::FromStr, sync::Arc, time::Duration};

use atelier_entities::{JobId, job_events, jobs};
use futures::{Stream, stream};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::{sync::broadcast, time};

use crate::{Queue, bus::Message, error::QueueError, store};

/// Longest time without a look at the rows: what lost news can cost.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Events read at once.
const PAGE: u64 = 200;

/// How far a watcher has come: the job's revision and the number of its last event.
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

/// Text that is no event id.
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

/// Something new about a job.
#[derive(Clone, Debug)]
pub enum JobUpdate {
    /// Its state or progress, as it is now.
    Status {
        /// Where the watcher is after this.
        id: EventId,
        /// The job.
        job: Box<jobs::Model>,
    },
    /// A stage it entered (`progress`) or a line of its log (`log`).
    Event {
        /// Where the watcher is after this.
        id: EventId,
        /// The event.
        event: job_events::Model,
    },
}

impl Queue {
    /// Follows a job from where `since` left off; from the beginning without. Ends
    /// after the job has ended and everything about it is told, or when it is gone.
    pub fn watch(
        &self,
        id: JobId,
        since: Option<EventId>,
    ) -> impl Stream<Item = Result<JobUpdate, QueueError>> + Send + 'static {
        let watcher = Watcher {
            queue: self.clone(),
            // Before the first look, so that nothing falls between.
            news: self.bus().subscribe(),
            job: id,
            at: since.unwrap_or_default(),
            told: VecDeque::new(),
            ended: false,
        };
        stream::try_unfold(watcher, |mut watcher| async move {
            let update = watcher.next().await?;
            Ok(update.map(|update| (update, watcher)))
        })
    }
}

struct Watcher {
    queue: Queue,
    news: broadcast::Receiver<Arc<Message>>,
    job: JobId,
    at: EventId,
    told: VecDeque<JobUpdate>,
    ended: bool,
}

impl Watcher {
    async fn next(&mut self) -> Result<Option<JobUpdate>, QueueError> {
        loop {
            if let Some(update) = self.told.pop_front() {
                return Ok(Some(update));
            }
            if self.ended {
                return Ok(None);
            }
            store::bounded(self.look()).await?;
            if self.told.is_empty() && !self.ended {
                self.wait().await;
            }
        }
    }

    /// Reads what is new. The job's row is read before its events: everything it
    /// told before it ended is there by then.
    async fn look(&mut self) -> Result<(), QueueError> {
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
            self.told.push_back(JobUpdate::Event { id: self.at, event });
        }
        if all_read {
            self.ended = job.state.is_terminal();
            if job.revision > self.at.revision {
                self.at.revision = job.revision;
                self.told.push_back(JobUpdate::Status { id: self.at, job: Box::new(job) });
            }
        }
        Ok(())
    }

    async fn wait(&mut self) {
        let changed = async {
            loop {
                match self.news.recv().await.as_deref() {
                    Ok(Message::Changed(ids)) if ids.contains(&self.job) => return,
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(missed)) => {
                        tracing::debug!(missed, job.id = %self.job, "news came too fast; looking at the rows");
                        return;
                    }
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        // Nothing heard for a while is a reason to look as well.
        let _ = time::timeout(LOOK_EVERY, changed).await;
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
    fn what_is_no_event_id_is_refused() {
        for text in ["", "7", "7-", "-7", "a-b", "1-2-3", "-1-2", "99999999999999999999-1"] {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
    }
}
