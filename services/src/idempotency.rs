//! Answers kept for requests that are sent again under the same key, so that asking
//! twice does and costs as much as asking once.

use std::time::Duration;

use atelier_entities::{Timestamp, UserId, idempotency_keys};
use atelier_queue::{Queue, QueueError};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, TryInsertResult, sea_query::Expr,
};

/// A request without an answer for this long died with its process; a repeat takes
/// its place.
const ABANDONED_AFTER: Duration = Duration::from_secs(120);

/// Answers by key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Idempotency {
    queue: Queue,
    keep: Duration,
}

/// What to do with a request that carries a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Do it, then call `finish` or `abandon`.
    Fresh,
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

fn judge(row: idempotency_keys::Model, request_hash: &str, now: Timestamp) -> Begin {
    if row.request_hash != request_hash {
        return Begin::Conflict;
    }
    match row.status.and_then(|status| u16::try_from(status).ok()) {
        Some(status) => Begin::Replay { status, location: row.location, body: row.body.unwrap_or_default() },
        None if row.created_at + ABANDONED_AFTER <= now => Begin::Fresh,
        None => Begin::InFlight,
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
        let tx = self.queue.begin().await?;
        let now = tx.now();
        idempotency_keys::Entity::delete_many()
            .filter(of(user, key))
            .filter(idempotency_keys::Column::ExpiresAt.lte(now))
            .exec(&*tx)
            .await?;
        let row = idempotency_keys::ActiveModel {
            user_id: Set(user),
            key: Set(key.to_owned()),
            request_hash: Set(request_hash.to_owned()),
            status: Set(None),
            location: Set(None),
            body: Set(None),
            created_at: Set(now),
            expires_at: Set(now + self.keep),
        };
        let inserted = idempotency_keys::Entity::insert(row)
            .on_conflict_do_nothing()
            .exec_without_returning(&*tx)
            .await?;
        let begin = if matches!(inserted, TryInsertResult::Inserted(1..)) {
            Begin::Fresh
        } else {
            let found = idempotency_keys::Entity::find_by_id((user, key.to_owned())).one(&*tx).await?;
            found.map_or(Begin::InFlight, |row| judge(row, request_hash, now))
        };
        if begin == Begin::Fresh {
            idempotency_keys::Entity::update_many()
                .col_expr(idempotency_keys::Column::CreatedAt, Expr::value(now))
                .filter(of(user, key))
                .exec(&*tx)
                .await?;
        }
        tx.commit().await?;
        Ok(begin)
    }

    /// Keeps the answer of a request that `begin` called fresh.
    pub async fn finish(
        &self,
        user: UserId,
        key: &str,
        status: u16,
        location: Option<&str>,
        body: &str,
    ) -> Result<(), IdempotencyError> {
        idempotency_keys::Entity::update_many()
            .col_expr(idempotency_keys::Column::Status, Expr::value(i32::from(status)))
            .col_expr(idempotency_keys::Column::Location, Expr::value(location.map(str::to_owned)))
            .col_expr(idempotency_keys::Column::Body, Expr::value(body))
            .filter(of(user, key))
            .exec(self.queue.db())
            .await?;
        Ok(())
    }

    /// Gives a key back whose request changed nothing, so that it may be tried again.
    pub async fn abandon(&self, user: UserId, key: &str) -> Result<(), IdempotencyError> {
        idempotency_keys::Entity::delete_many()
            .filter(of(user, key))
            .filter(idempotency_keys::Column::Status.is_null())
            .exec(self.queue.db())
            .await?;
        Ok(())
    }
}

fn of(user: UserId, key: &str) -> sea_orm::Condition {
    sea_orm::Condition::all()
        .add(idempotency_keys::Column::UserId.eq(user))
        .add(idempotency_keys::Column::Key.eq(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    #[tokio::test]
    async fn replays_the_first_answer_and_refuses_another_request() {
        let bench = Bench::new().await;
        let user = bench.register("ada@example.org").await.id;
        let keys = &bench.services.idempotency;

        assert_eq!(keys.begin(user, "k", "one").await.expect("asked"), Begin::Fresh);
        assert_eq!(keys.begin(user, "k", "one").await.expect("asked"), Begin::InFlight);
        assert_eq!(keys.begin(user, "k", "two").await.expect("asked"), Begin::Conflict);
        keys.finish(user, "k", 202, Some("/api/jobs/1"), "{}").await.expect("kept");
        let replay =
            Begin::Replay { status: 202, location: Some("/api/jobs/1".to_owned()), body: "{}".to_owned() };
        assert_eq!(keys.begin(user, "k", "one").await.expect("asked"), replay);
        keys.abandon(user, "k").await.expect("a finished key stays");
        assert_eq!(keys.begin(user, "k", "one").await.expect("asked"), replay);
    }

    #[tokio::test]
    async fn gives_abandoned_keys_away_again() {
        let bench = Bench::new().await;
        let user = bench.register("ada@example.org").await.id;
        let keys = &bench.services.idempotency;

        assert_eq!(keys.begin(user, "k", "one").await.expect("asked"), Begin::Fresh);
        keys.abandon(user, "k").await.expect("abandoned");
        assert_eq!(keys.begin(user, "k", "two").await.expect("asked"), Begin::Fresh);
        bench.advance(121);
        assert_eq!(keys.begin(user, "k", "two").await.expect("asked"), Begin::Fresh, "its process died");
        assert_eq!(keys.begin(user, "k", "two").await.expect("asked"), Begin::InFlight);
        keys.finish(user, "k", 200, None, "").await.expect("kept");
        bench.advance(25 * 3600);
        assert_eq!(keys.begin(user, "k", "three").await.expect("asked"), Begin::Fresh, "it expired");
    }
}
