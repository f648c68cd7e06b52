//! An overview of the queues.

use std::collections::HashMap;

use atelier_entities::{JobState, Timestamp, queues};
use sea_orm::{ConnectionTrait, EntityTrait};

use crate::{
    Queue,
    error::QueueError,
    name::QueueName,
    store::{FAILED, UNDUE, WAITING, sql::Sql},
};

/// The overview of a queue.
#[derive(Clone, Debug)]
pub struct QueueOverview {
    /// The queue.
    pub queue: QueueName,
    /// Jobs due later.
    pub scheduled: u64,
    /// Jobs that are due and wait for a worker.
    pub available: u64,
    /// Running jobs.
    pub running: u64,
    /// Jobs that wait for another attempt.
    pub retrying: u64,
    /// Failed jobs that are not deleted yet.
    pub failed: u64,
    /// How long the oldest available job has been due.
    pub oldest_age_secs: Option<f64>,
    /// When it was paused.
    pub paused_at: Option<Timestamp>,
}

impl QueueOverview {
    /// Whether it is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused_at.is_some()
    }

    fn empty(queue: QueueName) -> Self {
        Self {
            queue,
            scheduled: 0,
            available: 0,
            running: 0,
            retrying: 0,
            failed: 0,
            oldest_age_secs: None,
            paused_at: None,
        }
    }
}

impl Queue {
    /// The overview of every queue: two statements, whatever the number of jobs that have
    /// succeeded.
    pub async fn queue_overview(&self) -> Result<Vec<QueueOverview>, QueueError> {
        let paused: HashMap<String, Option<Timestamp>> = queues::Entity::find()
            .all(self.db())
            .await?
            .into_iter()
            .map(|row| (row.name, row.paused_at))
            .collect();
        let mut sql = Sql::new(self.db().get_database_backend());
        // Jobs that succeeded are left out, since they are many. Each part has an index of
        // its own.
        sql.push("SELECT queue, 'running' AS state, COUNT(*) AS jobs, NULL AS oldest FROM running_jobs GROUP BY queue");
        for part in [WAITING, UNDUE, FAILED] {
            sql.push(" UNION ALL SELECT queue, state, COUNT(*), MIN(run_at) FROM jobs WHERE ")
                .push(part)
                .push(" GROUP BY queue, state");
        }
        let mut overview: Vec<QueueOverview> = QueueName::ALL.map(QueueOverview::empty).into();
        for row in self.db().query_all_raw(sql.build()).await? {
            let (name, state): (String, JobState) = (row.try_get("", "queue")?, row.try_get("", "state")?);
            let Some(queue) = overview.iter_mut().find(|queue| queue.queue.as_str() == name) else {
                continue;
            };
            let jobs = u64::try_from(row.try_get::<i64>("", "jobs")?).unwrap_or(0);
            match state {
                JobState::Scheduled => queue.scheduled = jobs,
                JobState::Running => queue.running = jobs,
                JobState::Retrying => queue.retrying = jobs,
                JobState::Failed => queue.failed = jobs,
                JobState::Available => {
                    let oldest: Timestamp = row.try_get("", "oldest")?;
                    queue.available = jobs;
                    queue.oldest_age_secs = (self.now() - oldest).to_std().ok().map(|age| age.as_secs_f64());
                }
                JobState::Succeeded | JobState::Cancelled | JobState::Discarded => {}
            }
        }
        for queue in &mut overview {
            queue.paused_at = paused.get(queue.queue.as_str()).copied().flatten();
        }
        Ok(overview)
    }
}
