//! Cancelling, running again and discarding many jobs at once, step by step, so that
//! no step holds anything for long and a job of its own can show how far it is.

use atelier_entities::{JobId, JobState, jobs};
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use super::JobFilter;
use crate::{Queue, error::QueueError, state};

/// What is done to each job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkAction {
    /// Cancels what waits or runs.
    Cancel,
    /// Runs again what failed, was cancelled or discarded.
    Replay,
    /// Throws away what waits, failed or was cancelled.
    Discard,
}

impl BulkAction {
    /// The states in which it can be done.
    fn states(self) -> Vec<JobState> {
        let goal = match self {
            Self::Cancel => JobState::Cancelled,
            Self::Replay => JobState::Available,
            Self::Discard => JobState::Discarded,
        };
        let can = |from: &JobState| state::can_become(*from, goal);
        let ended_or_waiting = |from: &JobState| match self {
            Self::Replay => from.is_terminal(),
            Self::Cancel | Self::Discard => true,
        };
        JobState::ALL.iter().copied().filter(can).filter(ended_or_waiting).collect()
    }
}

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BulkStep {
    /// Jobs it was done to.
    pub done: u64,
    /// Jobs that had moved on in the meantime.
    pub skipped: u64,
    /// The last job looked at: the next step goes on after it. None when there was
    /// nothing left.
    pub last: Option<JobId>,
}

impl Queue {
    /// How many jobs the filter selects that the action can be done to.
    pub async fn count_bulk(&self, filter: &JobFilter, action: BulkAction) -> Result<u64, QueueError> {
        let found = jobs::Entity::find().filter(selected(filter, action, None));
        Ok(found.count(self.db()).await?)
    }

    /// Does it to the next `limit` of them after `after`, oldest first.
    pub async fn bulk_step(
        &self,
        filter: &JobFilter,
        action: BulkAction,
        after: Option<JobId>,
        limit: u64,
    ) -> Result<BulkStep, QueueError> {
        let ids: Vec<JobId> = jobs::Entity::find()
            .select_only()
            .column(jobs::Column::Id)
            .filter(selected(filter, action, after))
            .order_by_asc(jobs::Column::Id)
            .limit(limit)
            .into_tuple()
            .all(self.db())
            .await?;
        let mut step = BulkStep { last: ids.last().copied(), ..BulkStep::default() };
        for id in ids {
            let outcome = match action {
                BulkAction::Cancel => self.cancel(id, None).await,
                BulkAction::Replay => self.retry(id, None).await,
                BulkAction::Discard => self.discard(id).await,
            };
            match outcome {
                Ok(_) => step.done += 1,
                Err(QueueError::NotFound | QueueError::WrongState { .. }) => step.skipped += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(step)
    }
}

fn selected(filter: &JobFilter, action: BulkAction, after: Option<JobId>) -> Condition {
    filter
        .condition()
        .add(jobs::Column::State.is_in(action.states()))
        .add_option(after.map(|after| jobs::Column::Id.gt(after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_is_done_only_where_the_states_allow_it() {
        use JobState::{Available, Cancelled, Discarded, Failed, Retrying, Running, Scheduled};

        assert_eq!(BulkAction::Cancel.states(), [Scheduled, Available, Running, Retrying]);
        assert_eq!(BulkAction::Replay.states(), [Failed, Cancelled, Discarded]);
        assert_eq!(BulkAction::Discard.states(), [Scheduled, Available, Retrying, Failed, Cancelled]);
    }
}
