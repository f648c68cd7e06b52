//! Deleting rows that are no longer needed, in batches: however many there are, no statement
//! holds locks for long or reaches the time limit of statements.

use sea_orm::{Condition, DbErr, EntityTrait};

use crate::{
    Queue, Transaction,
    error::QueueError,
    store::removal::{Removal, delete_batch},
};

/// Deletes the rows of a table that the condition selects, `batch` of them in a transaction,
/// and answers how many. Rows that others have locked are skipped and left for the next
/// call.
///
/// The condition should have an index: each batch looks for its rows again.
pub async fn delete_in_batches<E: EntityTrait>(
    queue: &Queue,
    which: Condition,
    batch: u32,
) -> Result<u64, QueueError> {
    let mut deleted = 0;
    loop {
        let tx = queue.begin().await?;
        let rows = delete_some::<E>(&tx, which.clone(), batch).await?;
        tx.commit().await?;
        deleted += rows;
        if rows < u64::from(batch) {
            return Ok(deleted);
        }
    }
}

/// Deletes at most `batch` of the rows that the condition selects, and answers how many. Rows
/// that others have locked are skipped.
pub async fn delete_some<E: EntityTrait>(
    tx: &Transaction,
    which: Condition,
    batch: u32,
) -> Result<u64, DbErr> {
    delete_batch::<E>(&**tx, Removal { which, order: None, batch }).await
}
