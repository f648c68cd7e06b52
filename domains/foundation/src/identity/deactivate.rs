//! The work of people who may not sign in any more.

use std::collections::BTreeSet;

use atelier_entities::{JobState, UserId, users};
use atelier_queue::{
    QueueError, QueueName, Transaction,
    inspect::{BulkAction, JobFilter},
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter};

use super::{Identity, IdentityError};
use crate::projects::lock_all_owned;

/// Jobs cancelled in one step.
const STEP: u64 = 100;

/// What a deactivation did to the jobs of its person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stopped {
    /// They waited.
    pub(super) cancelled: u64,
    /// They run, and their workers are asked to stop.
    pub(super) stopping: u64,
}

/// Stops a person's work as they would themselves: what generations cost goes back with
/// the end of each. To be called before the account is locked.
pub(super) async fn stop_work(
    tx: &Transaction,
    user: UserId,
    queues: &[QueueName],
) -> Result<Stopped, IdentityError> {
    if queues.is_empty() {
        return Ok(Stopped::default());
    }
    let jobs = tx.lock_unfinished(user, queues).await?;
    if jobs.is_empty() {
        return Ok(Stopped::default());
    }
    // All projects after all jobs and before the account, the order of jobs' ends.
    lock_all_owned(tx, user).await?;
    let mut stopped = Stopped::default();
    for job in jobs {
        match tx.cancel(job.id, Some(user)).await {
            Ok(before) if before.state == JobState::Running => stopped.stopping += 1,
            Ok(_) => stopped.cancelled += 1,
            Err(QueueError::WrongState { .. } | QueueError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(stopped)
}

/// Whether the account is there and deactivated.
pub async fn is_deactivated(db: &impl ConnectionTrait, user: UserId) -> Result<bool, DbErr> {
    let closed = users::Entity::find_by_id(user).filter(users::Column::IsActive.eq(false));
    Ok(closed.count(db).await? > 0)
}

impl Identity {
    /// Where the work of people is. Mails to them are in another queue, and go.
    pub(super) fn work_queues(&self) -> Vec<QueueName> {
        let queues: BTreeSet<_> = self.personal.iter().flat_map(|part| part.work_queues()).collect();
        queues.into_iter().copied().collect()
    }

    /// Cancels jobs step by step, each in a transaction of its own.
    async fn cancel_jobs(&self, filter: &JobFilter) -> Result<(), IdentityError> {
        let mut after = None;
        loop {
            let step = self.queue.bulk_step(filter, BulkAction::Cancel, after, STEP).await?;
            if step.last.is_none() {
                return Ok(());
            }
            after = step.last;
        }
    }

    /// Stops what requests started that were under way while their person was
    /// deactivated. What is missed here is cancelled when it starts.
    pub(super) async fn stop_stragglers(&self, user: UserId) -> Result<(), IdentityError> {
        for queue in self.work_queues() {
            let own = JobFilter { owner: Some(user), queue: Some(queue), ..JobFilter::default() };
            self.cancel_jobs(&own).await?;
        }
        Ok(())
    }
}
