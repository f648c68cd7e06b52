//! Cancelling many jobs of one transaction.

use std::collections::HashSet;

use atelier_entities::{JobId, JobState, jobs};
use sea_orm::{ConnectionTrait, EntityTrait};

use crate::{
    Transaction,
    error::QueueError,
    finish,
    outcome::JobError,
    store::{UNFINISHED, sql::Sql},
};

/// Ids of one statement: below the parameters that SQLite allows.
const IDS: usize = 10_000;

impl Transaction {
    /// Cancels those of these jobs that no other transaction has locked: waiting ones at once, with
    /// their effects, while running ones are told to stop. Returns the unfinished jobs that others
    /// have locked, which are left as they are.
    ///
    /// A transaction that has locked other rows already, such as an effect, must not wait for jobs.
    pub async fn cancel_free(&self, ids: &[JobId]) -> Result<Vec<JobId>, QueueError> {
        let mut left = Vec::new();
        for some in ids.chunks(IDS) {
            let mut sql = Sql::new(self.get_database_backend());
            sql.push("SELECT * FROM jobs WHERE ").push(UNFINISHED).push(" AND id ").among(some);
            sql.push(" ORDER BY id").skip_locked();
            let free = jobs::Entity::find().from_raw_sql(sql.build()).all(&**self).await?;
            if free.len() < some.len() {
                left.extend(self.list_unfinished_but(some, &free).await?);
            }
            self.cancel_locked(&free).await?;
        }
        Ok(left)
    }

    /// Cancels unfinished jobs that this transaction has locked, such as those of
    /// [`Transaction::lock_about`]: waiting ones at once, while running ones are told to stop.
    pub async fn cancel_locked(&self, jobs: &[jobs::Model]) -> Result<(), QueueError> {
        let (running, waiting): (Vec<_>, Vec<_>) =
            jobs.iter().partition(|job| job.state == JobState::Running);
        let running: Vec<JobId> = running.into_iter().map(|job| job.id).collect();
        if !running.is_empty() {
            let mut sql = Sql::new(self.get_database_backend());
            sql.push("UPDATE jobs SET cancel_requested_at = COALESCE(cancel_requested_at, ")
                .bind(self.now())
                .push("), revision = revision + 1 WHERE state = 'running' AND id ")
                .among(&running);
            self.execute_raw(sql.build()).await?;
        }
        for id in running {
            self.note_stop(id);
            self.note_change(id);
        }
        let error = JobError::fail("CANCELLED", "cancelled before it ran");
        finish::end_all_unstarted(self, &waiting, &error).await
    }

    async fn list_unfinished_but(
        &self,
        ids: &[JobId],
        free: &[jobs::Model],
    ) -> Result<Vec<JobId>, QueueError> {
        let free: HashSet<JobId> = free.iter().map(|job| job.id).collect();
        let mut sql = Sql::new(self.get_database_backend());
        sql.push("SELECT id FROM jobs WHERE ").push(UNFINISHED).push(" AND id ").among(ids);
        let rows = self.query_all_raw(sql.build()).await?;
        let unfinished: Result<Vec<JobId>, _> = rows.iter().map(|row| row.try_get_by_index(0)).collect();
        Ok(unfinished?.into_iter().filter(|id| !free.contains(id)).collect())
    }
}
