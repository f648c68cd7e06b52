//! Stops the work of deactivated and closed accounts.

use std::collections::BTreeSet;

use atelier_entities::{JobId, UserId, users};
use atelier_queue::{
    QueueName, Transaction,
    inspect::{BulkAction, Cancelled, JobFilter},
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter};

use super::{Identity, IdentityError};
use crate::projects::lock_all_owned;

/// Jobs that one transaction cancels.
const STEP: u64 = 100;

/// The jobs that a deactivation stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stopped {
    /// Jobs that waited and are cancelled.
    pub(super) cancelled: u64,
    /// Running jobs whose workers are asked to stop.
    pub(super) stopping: u64,
}

/// Cancels a person's work. The effects of the jobs refund generations. Call it before the
/// account is locked.
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
    // Locks all projects after all jobs and before the account, as the effects of jobs do.
    lock_all_owned(tx, user).await?;
    let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    let Cancelled { ended, stopping, locked: _ } = tx.cancel_many(&ids).await?;
    Ok(Stopped { cancelled: ended.len() as u64, stopping: stopping.len() as u64 })
}

/// Whether the account exists and is deactivated.
pub async fn is_deactivated(db: &impl ConnectionTrait, user: UserId) -> Result<bool, DbErr> {
    let closed = users::Entity::find_by_id(user).filter(users::Column::IsActive.eq(false));
    Ok(closed.count(db).await? > 0)
}

impl Identity {
    /// The queues with people's work. Mails are in another queue and are still sent.
    pub(super) fn work_queues(&self) -> Vec<QueueName> {
        let queues: BTreeSet<_> = self.personal.iter().flat_map(|part| part.work_queues()).collect();
        queues.into_iter().copied().collect()
    }

    /// Cancels jobs in batches, each in its own transaction.
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

    /// Cancels jobs that concurrent requests enqueued during the deactivation. A job that
    /// is missed here is cancelled when it starts.
    pub(super) async fn cancel_late_jobs(&self, user: UserId) -> Result<(), IdentityError> {
        for queue in self.work_queues() {
            let own = JobFilter { owner: Some(user), queue: Some(queue), ..JobFilter::default() };
            self.cancel_jobs(&own).await?;
        }
        Ok(())
    }
}
