//! Enqueues that belong to no other change share their statements: what comes while
//! one is being written goes with the next. Each caller is answered after the commit
//! of its own job.

use std::sync::{Mutex, MutexGuard, PoisonError};

use sea_orm::{DbErr, RuntimeErr};
use tokio::sync::oneshot;

use super::{
    Enqueued, NewJob,
    rows::{self, Inserted, Prepared},
};
use crate::{Queue, commit::note_commit, error::QueueError, store};

/// Jobs of one statement.
const BATCH: usize = 1_000;

/// Statements under way at the same time.
const WRITERS: usize = 2;

/// Callers that wait for their jobs to be written.
#[derive(Debug, Default)]
pub(crate) struct Group {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    jobs: Vec<Request>,
    writers: usize,
}

#[derive(Debug)]
struct Request {
    job: Prepared,
    answer: oneshot::Sender<Result<Enqueued, QueueError>>,
}

impl Group {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job. True where somebody must begin to write.
    fn add(&self, request: Request) -> bool {
        let mut waiting = self.lock();
        waiting.jobs.push(request);
        let begins = waiting.writers == 0 || (waiting.writers < WRITERS && waiting.jobs.len() >= BATCH);
        waiting.writers += usize::from(begins);
        begins
    }
}

/// One writer of a group. Whatever ends it, its place is free again.
struct Writer<'a> {
    group: &'a Group,
    ended: bool,
}

impl Writer<'_> {
    /// What is to be written next; none ends the writer.
    fn take(&mut self) -> Option<Vec<Request>> {
        let mut waiting = self.group.lock();
        let count = waiting.jobs.len().min(BATCH);
        if count == 0 {
            waiting.writers -= 1;
            self.ended = true;
            return None;
        }
        Some(waiting.jobs.drain(..count).collect())
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.group.lock().writers -= 1;
        }
    }
}

impl Queue {
    /// Enqueues a job that belongs to no other change. It is committed when this
    /// answers, but within [`Queue::defer`].
    pub async fn enqueue(&self, job: NewJob) -> Result<Enqueued, QueueError> {
        // A unique key may have to wait for another transaction: nobody else should.
        if self.is_deferring() || job.unique_key.is_some() || job.spacing.is_some() {
            let tx = self.begin().await?;
            let enqueued = tx.enqueue(job).await;
            return tx.close(enqueued).await;
        }
        let (answer, answered) = oneshot::channel();
        if self.group().add(Request { job: job.prepare(self)?, answer }) {
            // Beside the callers: the one that began it may go away.
            tokio::spawn(write_all(self.clone()));
        }
        let ended = || DbErr::Conn(RuntimeErr::Internal("the writer ended early".to_owned()));
        let answer = answered.await.unwrap_or_else(|_| Err(ended().into()));
        note_commit(&answer);
        answer
    }
}

async fn write_all(queue: Queue) {
    let mut writer = Writer { group: queue.group(), ended: false };
    while let Some(requests) = writer.take() {
        let (jobs, answers): (Vec<_>, Vec<_>) =
            requests.into_iter().map(|request| (request.job, request.answer)).unzip();
        let mut due = Vec::with_capacity(jobs.len());
        match insert(&queue, &jobs).await {
            Ok(inserted) => {
                due.extend(inserted.due);
                for (answer, enqueued) in answers.into_iter().zip(inserted.answers) {
                    // A caller that went away no longer wants to know.
                    let _ = answer.send(Ok(enqueued));
                }
            }
            // One job that cannot be written must not hold up the others.
            Err(error) if jobs.len() > 1 && store::refused(&error) => {
                for (job, answer) in jobs.chunks(1).zip(answers) {
                    let inserted = insert(&queue, job).await;
                    let _ = answer.send(inserted.map(|inserted| {
                        due.extend(inserted.due);
                        inserted.answers[0]
                    }));
                }
            }
            Err(error) => {
                for answer in answers {
                    let _ = answer.send(Err(same(&error)));
                }
            }
        }
        queue.announce(due, Vec::new()).await;
    }
}

/// One statement, which is its own transaction. Where its answer is lost it may have
/// been committed all the same, as every commit may.
async fn insert(queue: &Queue, jobs: &[Prepared]) -> Result<Inserted, QueueError> {
    let _turn = queue.write_turn().await;
    let inserted = store::bounded(rows::insert(queue.db(), queue, jobs)).await;
    inserted.inspect_err(|error| queue.heed(error))
}

/// The error once more, for the next of those it is meant for.
fn same(error: &QueueError) -> QueueError {
    match error {
        QueueError::Database(error) => error.clone().into(),
        error => DbErr::Custom(error.to_string()).into(),
    }
}
