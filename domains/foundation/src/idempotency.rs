//! Answers kept for requests that are sent again under the same key, so that asking
//! twice does and costs as much as asking once.
//!
//! What a request did and what it was answered are one commit, and that commit is
//! fenced: it takes the claim by which the request holds its key. So whoever asks
//! again finds both or neither, whatever became of the process or of the answer to
//! the commit; and of two that hold the key one after the other only one is done.

mod personal;
#[cfg(test)]
mod tests;

use std::time::Duration;

use atelier_entities::{Timestamp, UserId, idempotency_keys};
use atelier_queue::{Queue, QueueError, Transaction, removal::delete_in_batches};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, RuntimeErr, TryInsertResult,
    sea_query::Expr,
};

use crate::{Problem, Refusal};

pub(crate) use personal::KeptAnswers;

/// How long a repeat is refused while the first request is not answered. After that it
/// takes the key over, which does no harm where the first one still runs: it then
/// commits nothing. So this may be shorter than a request may take. It is longer than
/// nearly all do, so that work is seldom thrown away.
const TAKEN_OVER_AFTER: Duration = Duration::from_secs(10);

/// Longest any one step may take: its connection may have fallen silent.
const STEP_BOUND: Duration = Duration::from_secs(10);

/// Answers by key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Idempotency {
    queue: Queue,
    keep: Duration,
}

/// What to do with a request that carries a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Do it by [`Queue::defer`], then call `finish` or `release`.
    Fresh(Claim),
    /// It was done: answer the same.
    Replay {
        /// HTTP status.
        status: u16,
        /// The `Location` header.
        location: Option<String>,
        /// The body, as it was sent.
        body: String,
    },
    /// The key was used for another request.
    Conflict,
    /// The first request is still running.
    InFlight,
}

/// A key as one request holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    user: UserId,
    key: String,
    /// Tells it from the claims before and after it: a key is taken over only later.
    at: Timestamp,
}

/// What a request was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    /// The `Location` header.
    pub location: Option<&'a str>,
    /// The body.
    pub body: &'a str,
}

/// Why a key could not be looked up.
#[derive(Debug, thiserror::Error)]
pub enum IdempotencyError {
    /// The database did not do it.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The queue did not do it.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Problem for IdempotencyError {
    fn refusal(&self) -> Refusal {
        Refusal::internal()
    }
}

/// The state of a key for a request.
enum KeyState {
    Answered(Begin),
    /// Its request has run for too long without an answer.
    Abandoned(Timestamp),
}

fn judge(row: idempotency_keys::Model, request_hash: &str, now: Timestamp) -> KeyState {
    if row.request_hash != request_hash {
        return KeyState::Answered(Begin::Conflict);
    }
    match row.status.and_then(|status| u16::try_from(status).ok()) {
        Some(status) => {
            let body = row.body.unwrap_or_default();
            KeyState::Answered(Begin::Replay { status, location: row.location, body })
        }
        None if row.created_at + TAKEN_OVER_AFTER <= now => KeyState::Abandoned(row.created_at),
        None => KeyState::Answered(Begin::InFlight),
    }
}

impl Idempotency {
    pub(crate) fn new(queue: Queue, keep: Duration) -> Self {
        Self { queue, keep }
    }

    /// Claims a key for a request, or tells what became of the one that did.
    /// `request_hash` stands for method, path and body.
    pub async fn begin(
        &self,
        user: UserId,
        key: &str,
        request_hash: &str,
    ) -> Result<Begin, IdempotencyError> {
        bounded(self.claim(user, key, request_hash)).await
    }

    async fn claim(&self, user: UserId, key: &str, request_hash: &str) -> Result<Begin, IdempotencyError> {
        let tx = self.queue.begin().await?;
        let claim = Claim { user, key: key.to_owned(), at: tx.now() };
        idempotency_keys::Entity::delete_many()
            .filter(of(&claim))
            .filter(idempotency_keys::Column::ExpiresAt.lte(claim.at))
            .exec(&*tx)
            .await?;
        let inserted = idempotency_keys::Entity::insert(self.row(&claim, request_hash))
            .on_conflict_do_nothing()
            .exec_without_returning(&*tx)
            .await?;
        let begin = match inserted {
            TryInsertResult::Inserted(1..) => Begin::Fresh(claim),
            _there => look(&tx, claim, request_hash).await?,
        };
        tx.commit().await?;
        Ok(begin)
    }

    fn row(&self, claim: &Claim, request_hash: &str) -> idempotency_keys::ActiveModel {
        idempotency_keys::ActiveModel {
            user_id: Set(claim.user),
            key: Set(claim.key.clone()),
            request_hash: Set(request_hash.to_owned()),
            status: Set(None),
            location: Set(None),
            body: Set(None),
            created_at: Set(claim.at),
            expires_at: Set(claim.at + self.keep),
        }
    }

    /// Commits what a request did together with its answer. False where somebody else
    /// holds the key by now: then nothing was done. After an error it is not known to
    /// have been done, and a repeat will find out.
    pub async fn finish(
        &self,
        claim: &Claim,
        done: Option<Transaction>,
        answer: Answer<'_>,
    ) -> Result<bool, IdempotencyError> {
        let tx = match done {
            Some(done) => done,
            None => bounded(self.queue.begin()).await?,
        };
        match bounded(keep(&tx, claim, answer)).await {
            Ok(true) => {}
            Ok(false) => {
                bounded(tx.rollback()).await?;
                return Ok(false);
            }
            Err(error) => {
                drop(tx);
                self.give_back(claim).await?;
                return Err(error);
            }
        }
        match bounded(tx.commit()).await {
            Ok(()) => Ok(true),
            Err(error) => self.find_out(claim, error).await,
        }
    }

    /// What became of a commit that was not answered. Its row of the key is locked
    /// until that is decided, so nobody reads or takes the key before.
    async fn find_out(&self, claim: &Claim, error: IdempotencyError) -> Result<bool, IdempotencyError> {
        if self.give_back(claim).await? {
            return Err(error);
        }
        let kept = idempotency_keys::Entity::find()
            .filter(of(claim))
            .filter(idempotency_keys::Column::CreatedAt.eq(claim.at));
        Ok(bounded(kept.one(self.queue.db())).await?.is_some())
    }

    /// Gives a key back whose request is to change nothing but what `done` has, such as
    /// the trace of a refusal, so that it may be tried again. False where somebody else
    /// holds the key by now: then nothing is changed at all.
    pub async fn release(&self, claim: &Claim, done: Option<Transaction>) -> Result<bool, IdempotencyError> {
        let Some(tx) = done else { return self.give_back(claim).await };
        if bounded(forget(&tx, claim)).await? {
            bounded(tx.commit()).await?;
            return Ok(true);
        }
        bounded(tx.rollback()).await?;
        Ok(false)
    }

    /// Gives a key back whose request changed nothing. False where the claim has ended.
    async fn give_back(&self, claim: &Claim) -> Result<bool, IdempotencyError> {
        let giving = async {
            let tx = self.queue.begin().await?;
            let held = forget(&tx, claim).await?;
            tx.commit().await?;
            Ok::<_, IdempotencyError>(held)
        };
        bounded(giving).await
    }
}

async fn bounded<T, E>(step: impl Future<Output = Result<T, E>>) -> Result<T, IdempotencyError>
where
    IdempotencyError: From<E>,
{
    match tokio::time::timeout(STEP_BOUND, step).await {
        Ok(done) => Ok(done?),
        Err(late) => Err(DbErr::Conn(RuntimeErr::Internal(late.to_string())).into()),
    }
}

/// What became of the request that has the key; the claim, where it is abandoned.
async fn look(tx: &Transaction, claim: Claim, request_hash: &str) -> Result<Begin, DbErr> {
    let find = idempotency_keys::Entity::find().filter(of(&claim));
    let Some(row) = find.clone().one(&**tx).await? else { return Ok(Begin::InFlight) };
    let abandoned = match judge(row, request_hash, claim.at) {
        KeyState::Answered(begin) => return Ok(begin),
        KeyState::Abandoned(at) => Claim { at, ..claim.clone() },
    };
    // This waits for one that is just being committed.
    let taken = idempotency_keys::Entity::update_many()
        .col_expr(idempotency_keys::Column::CreatedAt, Expr::value(claim.at))
        .filter(held(&abandoned))
        .exec(&**tx)
        .await?;
    if taken.rows_affected > 0 {
        tracing::info!(since = %abandoned.at, "an idempotency key was taken over");
        return Ok(Begin::Fresh(claim));
    }
    let row = find.one(&**tx).await?;
    Ok(match row.map(|row| judge(row, request_hash, claim.at)) {
        Some(KeyState::Answered(begin)) => begin,
        Some(KeyState::Abandoned(_)) | None => Begin::InFlight,
    })
}

/// Writes the answer down where the claim still holds.
async fn keep(tx: &Transaction, claim: &Claim, answer: Answer<'_>) -> Result<bool, DbErr> {
    let kept = idempotency_keys::Entity::update_many()
        .col_expr(idempotency_keys::Column::Status, Expr::value(i32::from(answer.status)))
        .col_expr(idempotency_keys::Column::Location, Expr::value(answer.location.map(str::to_owned)))
        .col_expr(idempotency_keys::Column::Body, Expr::value(answer.body))
        .filter(held(claim))
        .exec(&**tx)
        .await?;
    Ok(kept.rows_affected > 0)
}

/// Removes the key where the claim still holds.
async fn forget(tx: &Transaction, claim: &Claim) -> Result<bool, DbErr> {
    let removed = idempotency_keys::Entity::delete_many().filter(held(claim)).exec(&**tx).await?;
    Ok(removed.rows_affected > 0)
}

fn of(claim: &Claim) -> Condition {
    Condition::all()
        .add(idempotency_keys::Column::UserId.eq(claim.user))
        .add(idempotency_keys::Column::Key.eq(claim.key.as_str()))
}

/// The row, while the claim holds and nothing is answered.
fn held(claim: &Claim) -> Condition {
    of(claim)
        .add(idempotency_keys::Column::CreatedAt.eq(claim.at))
        .add(idempotency_keys::Column::Status.is_null())
}

/// Deletes answers that have expired, `batch` of them in a statement; how many.
pub(crate) async fn purge(queue: &Queue, batch: u32) -> Result<u64, QueueError> {
    let expired = Condition::all().add(idempotency_keys::Column::ExpiresAt.lte(queue.now()));
    delete_in_batches::<idempotency_keys::Entity>(queue, expired, batch).await
}
