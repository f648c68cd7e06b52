//! Stores the response of a request under its idempotency key, so that a repeat has the
//! same effect and the same cost as one request.
//!
//! The changes of a request and its response are one commit. That commit is fenced by the
//! claim with which the request holds the key. So a repeat finds both or neither, even if
//! the process died or the result of the commit was lost; and of two requests that held the
//! key one after the other only one takes effect.

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

pub(crate) use personal::StoredResponses;

/// How long a repeat is refused while the first request has no response. After that the
/// repeat takes the key over. The first request may still run: it then commits nothing. So
/// this may be shorter than the time limit of a request. It is longer than nearly all
/// requests, so that work is rarely lost.
const TAKEOVER_AFTER: Duration = Duration::from_secs(10);

/// Time limit of a database step: the connection may be dead.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// Stored responses by key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Idempotency {
    queue: Queue,
    keep: Duration,
}

/// What to do with a request that has a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BeginOutcome {
    /// Run it with [`Queue::defer`], then call `finish` or `release`.
    Fresh(Claim),
    /// It was done: send the same response.
    Replay {
        /// HTTP status.
        status: u16,
        /// The `Location` header.
        location: Option<String>,
        /// The body.
        body: String,
    },
    /// The key was used for another request.
    Conflict,
    /// The first request is still running.
    InFlight,
}

/// The claim of one request on a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    user: UserId,
    key: String,
    /// Distinguishes it from earlier and later claims: a takeover always has a later time.
    at: Timestamp,
}

/// The response of a request.
#[derive(Clone, Copy, Debug)]
pub struct StoredResponse<'a> {
    /// HTTP status.
    pub status: u16,
    /// The `Location` header.
    pub location: Option<&'a str>,
    /// The body.
    pub body: &'a str,
}

/// Why a key could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum IdempotencyError {
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The queue failed.
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
    Decided(BeginOutcome),
    /// Its request has had no response for too long.
    Abandoned(Timestamp),
}

fn key_state(row: idempotency_keys::Model, request_hash: &str, now: Timestamp) -> KeyState {
    if row.request_hash != request_hash {
        return KeyState::Decided(BeginOutcome::Conflict);
    }
    match row.status.and_then(|status| u16::try_from(status).ok()) {
        Some(status) => {
            let body = row.body.unwrap_or_default();
            KeyState::Decided(BeginOutcome::Replay { status, location: row.location, body })
        }
        None if row.created_at + TAKEOVER_AFTER <= now => KeyState::Abandoned(row.created_at),
        None => KeyState::Decided(BeginOutcome::InFlight),
    }
}

impl Idempotency {
    pub(crate) fn new(queue: Queue, keep: Duration) -> Self {
        Self { queue, keep }
    }

    /// Claims a key for a request, or returns the state of the request that has it.
    /// `request_hash` is a hash of method, path and body.
    pub async fn begin(
        &self,
        user: UserId,
        key: &str,
        request_hash: &str,
    ) -> Result<BeginOutcome, IdempotencyError> {
        bounded(self.claim(user, key, request_hash)).await
    }

    async fn claim(
        &self,
        user: UserId,
        key: &str,
        request_hash: &str,
    ) -> Result<BeginOutcome, IdempotencyError> {
        let tx = self.queue.begin().await?;
        let claim = Claim { user, key: key.to_owned(), at: tx.now() };
        idempotency_keys::Entity::delete_many()
            .filter(by_key(&claim))
            .filter(idempotency_keys::Column::ExpiresAt.lte(claim.at))
            .exec(&*tx)
            .await?;
        let inserted = idempotency_keys::Entity::insert(self.row(&claim, request_hash))
            .on_conflict_do_nothing()
            .exec_without_returning(&*tx)
            .await?;
        let begin = match inserted {
            TryInsertResult::Inserted(1..) => BeginOutcome::Fresh(claim),
            _there => inspect_key(&tx, claim, request_hash).await?,
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

    /// Commits the changes of a request together with its response. Returns false if
    /// another request holds the key by now: then nothing is committed. After an error the
    /// result is unknown; a repeat finds it out.
    pub async fn finish(
        &self,
        claim: &Claim,
        done: Option<Transaction>,
        response: StoredResponse<'_>,
    ) -> Result<bool, IdempotencyError> {
        let tx = match done {
            Some(done) => done,
            None => bounded(self.queue.begin()).await?,
        };
        match bounded(store_response(&tx, claim, response)).await {
            Ok(true) => {}
            Ok(false) => {
                bounded(tx.rollback()).await?;
                return Ok(false);
            }
            Err(error) => {
                drop(tx);
                self.release_unchanged(claim).await?;
                return Err(error);
            }
        }
        match bounded(tx.commit()).await {
            Ok(()) => Ok(true),
            Err(error) => self.resolve_commit(claim, error).await,
        }
    }

    /// Finds out whether a commit took effect whose result was lost. Its row of the key is
    /// locked until then, so nobody reads or takes over the key before.
    async fn resolve_commit(&self, claim: &Claim, error: IdempotencyError) -> Result<bool, IdempotencyError> {
        if self.release_unchanged(claim).await? {
            return Err(error);
        }
        let kept = idempotency_keys::Entity::find()
            .filter(by_key(claim))
            .filter(idempotency_keys::Column::CreatedAt.eq(claim.at));
        Ok(bounded(kept.one(self.queue.db())).await?.is_some())
    }

    /// Releases the key of a request that was refused, so that it may be repeated. Commits
    /// only `done`, such as the audit entry of the refusal. Returns false, and changes
    /// nothing, if another request holds the key by now.
    pub async fn release(&self, claim: &Claim, done: Option<Transaction>) -> Result<bool, IdempotencyError> {
        let Some(tx) = done else { return self.release_unchanged(claim).await };
        if bounded(delete_key(&tx, claim)).await? {
            bounded(tx.commit()).await?;
            return Ok(true);
        }
        bounded(tx.rollback()).await?;
        Ok(false)
    }

    /// Releases the key of a request that changed nothing. Returns false if the claim has
    /// ended.
    async fn release_unchanged(&self, claim: &Claim) -> Result<bool, IdempotencyError> {
        let giving = async {
            let tx = self.queue.begin().await?;
            let held = delete_key(&tx, claim).await?;
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
    match tokio::time::timeout(STEP_TIMEOUT, step).await {
        Ok(done) => Ok(done?),
        Err(late) => Err(DbErr::Conn(RuntimeErr::Internal(late.to_string())).into()),
    }
}

/// The state of the request that has the key. Takes the key over if that request is
/// abandoned.
async fn inspect_key(tx: &Transaction, claim: Claim, request_hash: &str) -> Result<BeginOutcome, DbErr> {
    let find = idempotency_keys::Entity::find().filter(by_key(&claim));
    let Some(row) = find.clone().one(&**tx).await? else { return Ok(BeginOutcome::InFlight) };
    let abandoned = match key_state(row, request_hash, claim.at) {
        KeyState::Decided(begin) => return Ok(begin),
        KeyState::Abandoned(at) => Claim { at, ..claim.clone() },
    };
    // This waits for a concurrent commit.
    let taken = idempotency_keys::Entity::update_many()
        .col_expr(idempotency_keys::Column::CreatedAt, Expr::value(claim.at))
        .filter(by_claim(&abandoned))
        .exec(&**tx)
        .await?;
    if taken.rows_affected > 0 {
        tracing::info!(since = %abandoned.at, "an idempotency key was taken over");
        return Ok(BeginOutcome::Fresh(claim));
    }
    let row = find.one(&**tx).await?;
    Ok(match row.map(|row| key_state(row, request_hash, claim.at)) {
        Some(KeyState::Decided(begin)) => begin,
        Some(KeyState::Abandoned(_)) | None => BeginOutcome::InFlight,
    })
}

/// Stores the response if the claim still holds.
async fn store_response(
    tx: &Transaction,
    claim: &Claim,
    response: StoredResponse<'_>,
) -> Result<bool, DbErr> {
    let kept = idempotency_keys::Entity::update_many()
        .col_expr(idempotency_keys::Column::Status, Expr::value(i32::from(response.status)))
        .col_expr(idempotency_keys::Column::Location, Expr::value(response.location.map(str::to_owned)))
        .col_expr(idempotency_keys::Column::Body, Expr::value(response.body))
        .filter(by_claim(claim))
        .exec(&**tx)
        .await?;
    Ok(kept.rows_affected > 0)
}

/// Deletes the key if the claim still holds.
async fn delete_key(tx: &Transaction, claim: &Claim) -> Result<bool, DbErr> {
    let removed = idempotency_keys::Entity::delete_many().filter(by_claim(claim)).exec(&**tx).await?;
    Ok(removed.rows_affected > 0)
}

fn by_key(claim: &Claim) -> Condition {
    Condition::all()
        .add(idempotency_keys::Column::UserId.eq(claim.user))
        .add(idempotency_keys::Column::Key.eq(claim.key.as_str()))
}

/// The row of a claim that still holds and has no response.
fn by_claim(claim: &Claim) -> Condition {
    by_key(claim)
        .add(idempotency_keys::Column::CreatedAt.eq(claim.at))
        .add(idempotency_keys::Column::Status.is_null())
}

/// Deletes expired responses, `batch` of them in a statement. Returns their number.
pub(crate) async fn purge(queue: &Queue, batch: u32) -> Result<u64, QueueError> {
    let expired = Condition::all().add(idempotency_keys::Column::ExpiresAt.lte(queue.now()));
    delete_in_batches::<idempotency_keys::Entity>(queue, expired, batch).await
}
