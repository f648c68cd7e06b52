//! Retention: deletes jobs that ended long ago, in batches that hold no lock for long.
//! Attempts and events are deleted with their job.

use std::time::Duration;

use atelier_entities::{JobState, jobs};
use sea_orm::{ColumnTrait, Condition, sea_query::Expr};

use crate::{
    Queue,
    error::QueueError,
    metrics,
    store::removal::{self, Removal},
};

/// How long jobs are kept after they ended.
#[derive(Clone, Copy, Debug)]
pub struct RetentionRules {
    /// Jobs that succeeded.
    pub succeeded: Duration,
    /// Jobs that failed or were discarded.
    pub failed: Duration,
    /// Jobs that were cancelled.
    pub cancelled: Duration,
    /// Most rows of a statement.
    pub batch: u32,
}

impl RetentionRules {
    fn keep(&self, state: JobState) -> Option<Duration> {
        match state {
            JobState::Succeeded => Some(self.succeeded),
            JobState::Failed | JobState::Discarded => Some(self.failed),
            JobState::Cancelled => Some(self.cancelled),
            JobState::Scheduled | JobState::Available | JobState::Running | JobState::Retrying => None,
        }
    }
}

/// Deletes the jobs that the rules no longer keep and answers how many.
pub async fn sweep(queue: &Queue, rules: &RetentionRules) -> Result<u64, QueueError> {
    let mut swept = 0;
    for state in JobState::TERMINAL {
        let Some(keep) = rules.keep(state) else { continue };
        loop {
            let deleted = delete_batch(queue, state, keep, rules.batch).await?;
            swept += deleted;
            if deleted < u64::from(rules.batch) {
                break;
            }
        }
    }
    Ok(swept)
}

async fn delete_batch(queue: &Queue, state: JobState, keep: Duration, batch: u32) -> Result<u64, QueueError> {
    let which = Condition::all()
        // In the text, so that PostgreSQL plans with the phase that it is.
        .add(Expr::cust(format!("phase = {}", state.phase())))
        .add(jobs::Column::FinishedAt.lt(queue.now() - keep));
    let removal = Removal { which, order: Some(jobs::Column::FinishedAt), batch };
    let _turn = queue.write_turn().await;
    let deleted = removal::delete_batch::<jobs::Entity>(queue.db(), removal).await?;
    metrics::swept(state.as_str(), deleted);
    Ok(deleted)
}
