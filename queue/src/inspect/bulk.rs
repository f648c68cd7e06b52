//! Cancelling, replaying and discarding many jobs, in steps: no step holds locks for long,
//! and a job that runs the steps can show its progress. Jobs that are cancelled or discarded
//! end in batches; a job that is run again takes a turn of its owner and does so alone.

use std::collections::BTreeMap;

use atelier_entities::{JobId, JobState, jobs};
use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select, sea_query::Expr,
};
use serde::{Deserialize, Serialize};

use super::{
    JobFilter, in_phase,
    steer::{Cancelled, discard_many},
};
use crate::{Queue, error::QueueError, state, store::fails_alone};

/// The action for each job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkAction {
    /// Cancels waiting and running jobs.
    Cancel,
    /// Runs failed, cancelled and discarded jobs again.
    Replay,
    /// Discards waiting, failed and cancelled jobs.
    Discard,
}

impl BulkAction {
    /// The states that allow the action.
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

    /// Those states by phase, as the indexes are.
    fn phases(self) -> BTreeMap<i16, Vec<JobState>> {
        let mut phases: BTreeMap<i16, Vec<JobState>> = BTreeMap::new();
        for state in self.states() {
            phases.entry(state.phase()).or_default().push(state);
        }
        phases
    }
}

/// Jobs that end in one transaction: few, since their effects lock what they change.
const BATCH: usize = 200;

/// Jobs that one transaction has ended, and jobs that are left to be tried alone.
struct Batch {
    done: usize,
    alone: Vec<JobId>,
}

/// The result of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BulkStep {
    /// Jobs that the action was done to.
    pub done: u64,
    /// Jobs whose state had changed meanwhile.
    pub skipped: u64,
    /// The last job of the step; the next step starts after it. None where no jobs were left.
    pub last: Option<JobId>,
}

impl Queue {
    /// How many jobs of the filter allow the action.
    pub async fn count_bulk(&self, filter: &JobFilter, action: BulkAction) -> Result<u64, QueueError> {
        let mut total = 0;
        for (phase, states) in action.phases() {
            total += selected(filter, phase, states).count(self.db()).await?;
        }
        Ok(total)
    }

    /// The next `limit` of those jobs after `after`, oldest first.
    pub async fn select_bulk(
        &self,
        filter: &JobFilter,
        action: BulkAction,
        after: Option<JobId>,
        limit: u64,
    ) -> Result<Vec<JobId>, QueueError> {
        let mut ids: Vec<JobId> = Vec::new();
        for (phase, states) in action.phases() {
            let mut found =
                selected(filter, phase, states).select_only().column(jobs::Column::Id).limit(limit);
            if let Some(after) = after {
                found = found.filter(jobs::Column::Id.gt(after));
            }
            ids.extend(in_order(filter, found).into_tuple::<JobId>().all(self.db()).await?);
        }
        ids.sort_unstable();
        ids.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(ids)
    }

    /// Does the action to each of these jobs. Many are cancelled or discarded in one
    /// transaction; each is tried alone where an effect fails or another transaction has locked
    /// the job.
    pub async fn bulk(&self, action: BulkAction, ids: &[JobId]) -> Result<BulkStep, QueueError> {
        let mut step = BulkStep { last: ids.last().copied(), ..BulkStep::default() };
        for some in ids.chunks(BATCH) {
            let Batch { done, alone } = self.end_batch(action, some).await?;
            let one_by_one = self.one_by_one(action, &alone).await?;
            step.done += done as u64 + one_by_one.done;
            step.skipped += (some.len() - done - alone.len()) as u64 + one_by_one.skipped;
        }
        Ok(step)
    }

    /// Cancels or discards these jobs in one transaction. A replay is done to each alone.
    async fn end_batch(&self, action: BulkAction, ids: &[JobId]) -> Result<Batch, QueueError> {
        let all_alone = Batch { done: 0, alone: ids.to_vec() };
        if action == BulkAction::Replay || ids.len() == 1 {
            return Ok(all_alone);
        }
        let tx = self.begin().await?;
        let ended = match action {
            BulkAction::Discard => discard_many(&tx, ids).await,
            _ => tx.cancel_many(ids).await,
        };
        match tx.close(ended).await {
            Ok(Cancelled { ended, stopping, locked }) => {
                Ok(Batch { done: ended.len() + stopping.len(), alone: locked })
            }
            Err(error) if fails_alone(&error) => {
                tracing::warn!(%error, jobs = ids.len(), "a batch of jobs was refused; ending each alone");
                Ok(all_alone)
            }
            Err(error) => Err(error),
        }
    }

    /// Does the action to each of these jobs in a transaction of its own.
    async fn one_by_one(&self, action: BulkAction, ids: &[JobId]) -> Result<BulkStep, QueueError> {
        let mut step = BulkStep::default();
        for &id in ids {
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

    /// Does the action to the next `limit` jobs after `after`, oldest first.
    pub async fn bulk_step(
        &self,
        filter: &JobFilter,
        action: BulkAction,
        after: Option<JobId>,
        limit: u64,
    ) -> Result<BulkStep, QueueError> {
        let ids = self.select_bulk(filter, action, after, limit).await?;
        self.bulk(action, &ids).await
    }
}

/// The jobs of the filter in one phase. Other phases, which may have nearly all rows, are not
/// read.
fn selected(filter: &JobFilter, phase: i16, states: Vec<JobState>) -> Select<jobs::Entity> {
    let condition = filter.condition().add(in_phase(phase)).add(jobs::Column::State.is_in(states));
    jobs::Entity::find().filter(condition)
}

/// Oldest first. The indexes of owners and subjects have that order. Otherwise the order is
/// by an expression without an index: PostgreSQL would walk the primary key, past all
/// ended jobs that are older than the first match.
fn in_order(filter: &JobFilter, found: Select<jobs::Entity>) -> Select<jobs::Entity> {
    if filter.owner.is_some() || filter.subject.is_some() {
        found.order_by_asc(jobs::Column::Id)
    } else {
        found.order_by_asc(Expr::cust("COALESCE(id, id)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_is_done_only_in_the_states_that_allow_it() {
        use JobState::{Available, Cancelled, Discarded, Failed, Retrying, Running, Scheduled};

        assert_eq!(BulkAction::Cancel.states(), [Scheduled, Available, Running, Retrying]);
        assert_eq!(BulkAction::Replay.states(), [Failed, Cancelled, Discarded]);
        assert_eq!(BulkAction::Discard.states(), [Scheduled, Available, Retrying, Failed, Cancelled]);
    }

    #[test]
    fn each_action_reads_only_the_phases_of_its_states() {
        let phases = |action: BulkAction| action.phases().into_keys().collect::<Vec<_>>();

        assert_eq!(phases(BulkAction::Cancel), [0, 1]);
        assert_eq!(phases(BulkAction::Replay), [3, 4, 5]);
        assert_eq!(phases(BulkAction::Discard), [0, 1, 3, 4]);
    }
}
