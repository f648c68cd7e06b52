//! From jobs to rows: their args as text, their place in the order, their state.

use atelier_entities::{JobId, JobState, Timestamp};
use sea_orm::ConnectionTrait;
use serde_json::Value;

use super::{Enqueued, NewJob};
use crate::{
    Queue,
    error::QueueError,
    metrics,
    name::QueueName,
    rank,
    store::{
        self,
        insert::NewRow,
        table::json_text,
        turns::{Line, Turns},
    },
};

/// A job whose args are fit to be stored.
#[derive(Debug)]
pub(super) struct Prepared {
    job: NewJob,
    args: String,
}

/// What became of jobs that were to be inserted.
#[derive(Debug)]
pub(super) struct Inserted {
    /// In the order of the jobs.
    pub(super) answers: Vec<Enqueued>,
    /// Those that are due, to be dispatched once they are committed.
    pub(super) due: Vec<(QueueName, JobId)>,
}

impl NewJob {
    /// Checks the args and writes them down.
    pub(super) fn prepare(self, queue: &Queue) -> Result<Prepared, QueueError> {
        let refuse = |reason| QueueError::Args { kind: self.kind, reason };
        let args = json_text(self.args.as_ref().map_err(|reason| refuse(reason.clone()))?);
        let (size, bound) = (args.len(), queue.options().max_args_bytes);
        if size > bound {
            return Err(refuse(format!("{size} bytes, at most {bound} are allowed")));
        }
        Ok(Prepared { job: self, args })
    }
}

impl Prepared {
    /// Its args, which were found fit to be stored.
    pub(super) fn args(&self) -> Option<&Value> {
        self.job.args.as_ref().ok()
    }

    /// What its caller is told where that job stands for it.
    pub(super) fn answered_by(&self, id: JobId, cause: &str) -> Enqueued {
        suppress(self.job.queue, self.job.kind, id, cause);
        Enqueued { id, duplicate: true }
    }

    /// Where it stands in line; what belongs to nobody stands in none.
    fn line(&self) -> Option<Line> {
        Some((self.job.owner?, self.job.queue, self.job.policy.lane))
    }

    fn row(&self, now: Timestamp, waiting: i64) -> NewRow {
        let Self { job, args } = self;
        let due = job.run_at.filter(|at| *at > now);
        let run_at = due.unwrap_or(now);
        NewRow {
            id: JobId::new(),
            queue: job.queue,
            kind: job.kind,
            lane: job.policy.lane.number(),
            state: if due.is_some() { JobState::Scheduled } else { JobState::Available },
            owner: job.owner,
            subject: job.subject,
            args: args.clone(),
            max_attempts: job.policy.max_attempts.max(1),
            timeout_secs: i32::try_from(job.policy.timeout.as_secs().max(1)).unwrap_or(i32::MAX),
            unique_key: job.unique_key.clone(),
            run_at,
            rank: rank::of(run_at, job.policy.lane, waiting, job.policy.timeout),
            expires_at: job.expires_at,
            trace_parent: job.origin.trace_parent.clone(),
            request_id: job.origin.request_id.clone(),
        }
    }
}

/// Inserts jobs, each behind those of its owner that wait already.
pub(super) async fn insert(
    db: &impl ConnectionTrait,
    queue: &Queue,
    jobs: &[Prepared],
) -> Result<Inserted, QueueError> {
    let now = queue.now();
    let mut turns = Turns::count(db, jobs.iter().filter_map(Prepared::line)).await?;
    let rows: Vec<_> =
        jobs.iter().map(|job| job.row(now, job.line().map_or(0, |line| turns.take(line)))).collect();
    let answers = store::insert::jobs(db, &rows, now).await?;
    let mut due = Vec::with_capacity(rows.len());
    for (row, answer) in rows.iter().zip(&answers) {
        if answer.duplicate {
            suppress(row.queue, row.kind, answer.id, "it has the same unique key and has not ended");
            continue;
        }
        metrics::enqueued(row.queue, row.kind, false);
        if row.state == JobState::Available {
            due.push((row.queue, answer.id));
        }
    }
    Ok(Inserted { answers, due })
}

/// Counts an enqueue that another job stands for, and says so.
fn suppress(queue: QueueName, kind: &str, id: JobId, cause: &str) {
    metrics::enqueued(queue, kind, true);
    tracing::info!(job.id = %id, job.kind = kind, %queue, cause, "nothing enqueued: another job stands for it");
}
