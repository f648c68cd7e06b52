//! Deleting jobs that ended long ago, in small statements that hold no lock for
//! long. Attempts and events go with their job.

use std::time::Duration;

use atelier_entities::JobState;
use sea_orm::ConnectionTrait;

use crate::{Queue, error::QueueError, metrics, store::sql::Sql};

/// How long jobs are kept after they ended.
#[derive(Clone, Copy, Debug)]
pub struct RetentionRules {
    /// Those that succeeded.
    pub succeeded: Duration,
    /// Those that failed or were discarded.
    pub failed: Duration,
    /// Those that were cancelled.
    pub cancelled: Duration,
    /// Rows of one statement.
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

/// Deletes what the rules no longer keep and answers how many jobs that were.
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
    let mut sql = Sql::new(queue.db().get_database_backend());
    sql.delete_some("jobs", |sql| {
        sql.push("phase = ")
            .push(&state.phase().to_string())
            .push(" AND finished_at < ")
            .bind(queue.now() - keep)
            .push(" ORDER BY finished_at LIMIT ")
            .push(&batch.to_string());
    });
    let _turn = queue.write_turn().await;
    let deleted = queue.db().execute_raw(sql.build()).await?.rows_affected();
    metrics::swept(state.as_str(), deleted);
    Ok(deleted)
}
