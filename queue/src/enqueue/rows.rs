//! From prepared jobs to rows: their state, and their rank among their owner's jobs.

use atelier_entities::{JobId, JobState, Timestamp, jobs, to_micros};
use sea_orm::ConnectionTrait;

use super::insert::{NewRow, Turn, insert_rows, insert_unique_row};
use crate::{
    Queue,
    error::QueueError,
    metrics,
    name::QueueName,
    new_job::{Enqueued, PreparedJob},
    rank,
    store::turns::{TurnKey, Turns},
};

/// The result of an insert.
#[derive(Debug)]
pub(super) struct Inserted {
    /// In the order of the jobs.
    pub(super) answers: Vec<Enqueued>,
    /// The jobs that are due, to be dispatched once they are committed.
    pub(super) due: Vec<(QueueName, JobId)>,
}

impl PreparedJob {
    /// Counts and logs that an earlier job stands for this one.
    pub(super) fn suppress(&self, id: JobId, cause: &str) {
        let (queue, kind) = (self.job.queue, self.job.kind);
        metrics::enqueued(queue, kind, true);
        tracing::info!(job.id = %id, job.kind = kind, %queue, cause, "nothing enqueued: an earlier job stands for it");
    }

    /// What its turn is counted by; none where it has no owner.
    fn turn_key(&self) -> Option<TurnKey> {
        Some((self.job.owner?, self.job.queue, self.job.policy.lane))
    }

    /// The same with how much each waiting job delays it.
    fn turn(&self) -> Option<Turn> {
        Some(Turn { key: self.turn_key()?, millis: rank::turn(self.job.policy.timeout) })
    }

    /// Its row, where `waiting` jobs of its owner go before it.
    fn row(&self, now: Timestamp, waiting: i64) -> NewRow<'_> {
        let Self { job, args, args_text } = self;
        let due = job.run_at.map(to_micros).filter(|at| *at > now);
        let (run_at, policy) = (due.unwrap_or(now), job.policy);
        let state = if due.is_some() { JobState::Scheduled } else { JobState::Available };
        let row = jobs::Model {
            id: JobId::new(),
            queue: job.queue.as_str().to_owned(),
            kind: job.kind.to_owned(),
            lane: policy.lane.number(),
            state,
            phase: state.phase(),
            owner_id: job.owner,
            subject_id: job.subject,
            args: args.clone(),
            result: None,
            error: None,
            progress: None,
            attempt: 0,
            max_attempts: policy.max_attempts.max(1).into(),
            timeout_secs: i32::try_from(policy.timeout.as_secs().max(1)).unwrap_or(i32::MAX),
            fence: 0,
            place: None,
            revision: 1,
            unique_key: job.unique_key.clone(),
            run_at,
            rank: rank::of(run_at, policy.lane, waiting, policy.timeout),
            expires_at: job.expires_at.map(to_micros),
            worker_id: None,
            lease_id: None,
            cancel_requested_at: None,
            trace_parent: job.origin.trace_parent.clone(),
            request_id: job.origin.request_id.clone(),
            created_at: now,
            started_at: None,
            finished_at: None,
            updated_at: now,
        };
        NewRow { row, args_text }
    }
}

/// Inserts jobs, each behind the waiting jobs of its owner.
pub(super) async fn insert(
    db: &impl ConnectionTrait,
    queue: &Queue,
    jobs: &[PreparedJob],
) -> Result<Inserted, QueueError> {
    let now = queue.now();
    let answers = match jobs {
        [job] if job.job.unique_key.is_some() => {
            vec![insert_unique_row(db, job.row(now, 0), job.turn(), now).await?]
        }
        jobs => {
            let mut turns = Turns::count(db, jobs.iter().filter_map(PreparedJob::turn_key)).await?;
            let waiting = jobs.iter().map(|job| job.turn_key().map_or(0, |key| turns.take(key)));
            let rows = jobs.iter().zip(waiting).map(|(job, waiting)| job.row(now, waiting)).collect();
            insert_rows(db, rows, now).await?
        }
    };
    let mut due = Vec::with_capacity(jobs.len());
    for (job, answer) in jobs.iter().zip(&answers) {
        if answer.duplicate {
            job.suppress(answer.id, "a job of the same unique key has not ended");
            continue;
        }
        let name = job.job.queue;
        metrics::enqueued(name, job.job.kind, false);
        if answer.job.as_ref().is_some_and(|row| row.state == JobState::Available) {
            due.push((name, answer.id));
        }
    }
    Ok(Inserted { answers, due })
}
