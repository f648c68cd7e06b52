//! Group commit of enqueues that belong to no other change: those that come while one
//! statement is under way share the next one. Each caller is answered after the commit
//! of its own job.

use sea_orm::{DbErr, RuntimeErr};
use tokio::sync::oneshot;

use super::rows::{self, Inserted};
use crate::{
    Queue,
    error::QueueError,
    group::{Request, Writer},
    new_job::{Enqueued, NewJob, PreparedJob},
    queue::note_commit,
    store,
};

impl Queue {
    /// Enqueues a job in a transaction of its own, which is committed when this answers.
    /// Within [`Queue::defer`] the job becomes a part of the deferred transaction.
    pub async fn enqueue(&self, job: NewJob) -> Result<Enqueued, QueueError> {
        // A unique key may wait for another transaction, and other callers must not.
        if self.is_deferring() || job.unique_key.is_some() || job.spacing.is_some() {
            let tx = self.begin().await?;
            let enqueued = tx.enqueue(job).await;
            return tx.close(enqueued).await;
        }
        let (answer, answered) = oneshot::channel();
        let job = job.prepare(self.options().max_args_bytes)?;
        if self.group().add(Request { job, answer }) {
            // A task of its own, since the caller that starts it may be dropped.
            tokio::spawn(write_all(self.clone()));
        }
        let ended = || DbErr::Conn(RuntimeErr::Internal("the writer ended early".to_owned()));
        let answer = answered.await.unwrap_or_else(|_| Err(ended().into()));
        note_commit(&answer);
        answer
    }
}

async fn write_all(queue: Queue) {
    let mut writer = Writer::of(queue.group());
    while let Some(requests) = writer.take() {
        let (jobs, answers): (Vec<_>, Vec<_>) =
            requests.into_iter().map(|request| (request.job, request.answer)).unzip();
        let mut due = Vec::with_capacity(jobs.len());
        match insert(&queue, &jobs).await {
            Ok(inserted) => {
                due.extend(inserted.due);
                for (answer, enqueued) in answers.into_iter().zip(inserted.answers) {
                    // A caller that was dropped does not receive it.
                    let _ = answer.send(Ok(enqueued));
                }
            }
            // A job that the database refuses must not fail the others.
            Err(error) if jobs.len() > 1 && store::refused(&error) => {
                for (job, answer) in jobs.chunks(1).zip(answers) {
                    let inserted = insert(&queue, job).await.and_then(|mut inserted| {
                        due.append(&mut inserted.due);
                        inserted.answers.pop().ok_or(QueueError::NotFound)
                    });
                    let _ = answer.send(inserted);
                }
            }
            Err(error) => {
                for answer in answers {
                    let _ = answer.send(Err(copy(&error)));
                }
            }
        }
        queue.announce(due, Vec::new()).await;
    }
}

/// One statement in a transaction of its own. Where its answer is lost, it may have been
/// committed.
async fn insert(queue: &Queue, jobs: &[PreparedJob]) -> Result<Inserted, QueueError> {
    let _turn = queue.write_turn().await;
    let inserted = store::bounded(rows::insert(queue.db(), queue, jobs)).await;
    inserted.inspect_err(|error| queue.note_error(error))
}

/// A copy of the error for another caller of the same statement.
fn copy(error: &QueueError) -> QueueError {
    match error {
        QueueError::Database(error) => error.clone().into(),
        error => DbErr::Custom(error.to_string()).into(),
    }
}
