//! Deliveries that wait without a job: the effect of their last one was given up, or its row is gone.

use atelier_entities::{DeliveryState, Timestamp, UserId, WebhookDeliveryId};
use atelier_queue::{Queue, QueueError, Sql, Transaction};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};

use super::jobs::attempt_job;

/// Deliveries of one transaction.
const BATCH: usize = 500;
/// Most batches at once. The next call does the rest.
const BATCHES: u32 = 20;

/// A delivery without a job.
#[derive(Debug, FromQueryResult)]
struct Lost {
    id: WebhookDeliveryId,
    user_id: UserId,
    next_number: i32,
    next_at: Option<Timestamp>,
}

/// Gives the attempts that are due, or will be, and have no job another one, in batches. Returns how many.
///
/// # Errors
/// If the database fails.
pub(crate) async fn restart_lost(queue: &Queue) -> Result<usize, QueueError> {
    let mut total = 0;
    for _ in 0..BATCHES {
        let tx = queue.begin().await?;
        let lost = list_lost(&tx).await?;
        let jobs = lost.iter().map(|one| attempt_job(one.user_id, one.id, one.next_number, one.next_at));
        let jobs: Vec<_> = jobs.collect();
        if !jobs.is_empty() {
            tx.enqueue_all(jobs).await?;
        }
        tx.commit().await?;
        total += lost.len();
        if lost.len() < BATCH {
            break;
        }
    }
    Ok(total)
}

async fn list_lost(tx: &Transaction) -> Result<Vec<Lost>, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT deliveries.id, deliveries.user_id, deliveries.next_number, deliveries.next_at FROM webhook_deliveries AS deliveries WHERE deliveries.state = '")
        .push(DeliveryState::Pending.as_str())
        .push("' AND (SELECT jobs.id FROM jobs WHERE jobs.subject_id = deliveries.id AND jobs.phase < 2 LIMIT 1) IS NULL ORDER BY deliveries.id LIMIT ")
        .push(&BATCH.to_string())
        .skip_locked_of("deliveries");
    Lost::find_by_statement(sql.build()).all(&**tx).await
}
