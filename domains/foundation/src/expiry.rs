//! Deleting rows that have had their time, in small statements: however many there are,
//! none of them holds locks for long or runs into the time limit of a statement.

use atelier_queue::{Queue, QueueError, Transaction};
use sea_orm::{
    Condition, ConnectionTrait, DatabaseBackend, DbErr, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, LockBehavior, LockType, Query},
};

/// Deletes the rows of a table that the condition selects, `batch` of them in a
/// transaction, and answers how many that were. Rows that somebody else has locked are
/// left for the next time.
///
/// A condition that grows old by itself wants an index: each batch looks for its rows
/// anew.
pub async fn delete_in_batches<E: EntityTrait>(
    queue: &Queue,
    which: Condition,
    batch: u32,
) -> Result<u64, QueueError> {
    let mut deleted = 0;
    loop {
        let tx = queue.begin().await?;
        let some = delete_some::<E>(&tx, which.clone(), batch).await?;
        tx.commit().await?;
        deleted += some;
        if some < u64::from(batch) {
            return Ok(deleted);
        }
    }
}

/// Deletes at most `batch` of the rows that the condition selects, and answers how many.
///
/// The rows are named by where they lie: by their keys, PostgreSQL may look for them in
/// the whole table.
pub async fn delete_some<E: EntityTrait>(
    tx: &Transaction,
    which: Condition,
    batch: u32,
) -> Result<u64, DbErr> {
    let is_postgres = tx.get_database_backend() == DatabaseBackend::Postgres;
    let place = Expr::cust(if is_postgres { "ctid" } else { "rowid" });
    let some = E::find().select_only().expr(place.clone()).filter(which).limit(u64::from(batch));
    let mut some = some.into_query();
    // They are in no order: this waits for nobody.
    some.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let those = match is_postgres {
        true => Expr::cust_with_expr("ctid = ANY(ARRAY $1)", some),
        false => place.in_subquery(some),
    };
    let delete = Query::delete().from_table(E::default()).and_where(those).to_owned();
    Ok(tx.execute(&delete).await?.rows_affected())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use atelier_entities::{idempotency_keys, sessions};
    use sea_orm::{ActiveValue::Set, ColumnTrait, PaginatorTrait};

    use super::*;
    use crate::testing::Bench;

    const BATCH: u32 = 10;

    /// Answers to that many requests of one person, all of which have expired.
    async fn expired_keys(bench: &Bench, count: u32) {
        let user = bench.register("ada@example.org").await.id;
        let now = bench.services.queue.now();
        let rows = (0..count).map(|number| idempotency_keys::ActiveModel {
            user_id: Set(user),
            key: Set(format!("key {number}")),
            request_hash: Set(String::new()),
            status: Set(None),
            location: Set(None),
            body: Set(None),
            created_at: Set(now - Duration::from_secs(100)),
            expires_at: Set(now - Duration::from_secs(1)),
        });
        let insert = idempotency_keys::Entity::insert_many(rows);
        insert.exec_without_returning(bench.services.queue.db()).await.expect("inserted");
    }

    fn expired(bench: &Bench) -> Condition {
        Condition::all().add(idempotency_keys::Column::ExpiresAt.lte(bench.services.queue.now()))
    }

    #[tokio::test]
    async fn no_statement_deletes_more_than_a_batch() {
        let bench = Bench::new().await;
        expired_keys(&bench, 25).await;
        let queue = &bench.services.queue;

        let tx = queue.begin().await.expect("begun");
        let some = delete_some::<idempotency_keys::Entity>(&tx, expired(&bench), BATCH).await;
        tx.commit().await.expect("committed");

        assert_eq!(some.expect("deleted"), u64::from(BATCH));
        assert_eq!(idempotency_keys::Entity::find().count(queue.db()).await.expect("counted"), 15);
    }

    #[tokio::test]
    async fn batch_after_batch_all_of_them_go_and_nothing_else() {
        let bench = Bench::new().await;
        expired_keys(&bench, 30).await;
        let queue = &bench.services.queue;
        let delete = async || {
            delete_in_batches::<idempotency_keys::Entity>(queue, expired(&bench), BATCH)
                .await
                .expect("deleted")
        };

        assert_eq!((delete().await, delete().await), (30, 0));
        assert_eq!(sessions::Entity::find().count(queue.db()).await.expect("counted"), 1);
    }
}
