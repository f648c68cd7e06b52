//! Events become deliveries, in the transaction of the event.

use std::collections::BTreeSet;

use atelier_entities::{
    DeliveryState, Timestamp, UserId, WebhookDeliveryId, WebhookStatus, WebhookSubscriptionId,
    webhook_deliveries as deliveries,
};
use atelier_queue::{NewJob, Sql, Transaction};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DatabaseBackend, DbErr, EntityTrait, FromQueryResult};
use serde_json::Value;

use super::{NewEvent, event::new_event_id, jobs::attempt_job};

/// Rows of one statement.
const ROWS: usize = 500;

/// A subscription that gets events.
#[derive(Debug, FromQueryResult)]
struct Listening {
    id: WebhookSubscriptionId,
    user_id: UserId,
    events: Value,
}

/// Writes the deliveries of events, and returns their first jobs, which the caller enqueues in the same
/// transaction. It is one statement where nobody has subscribed.
///
/// # Errors
/// If the database fails.
pub(crate) async fn announce(tx: &Transaction, events: &[NewEvent]) -> Result<Vec<NewJob>, DbErr> {
    let owners: BTreeSet<UserId> = events.iter().map(|event| event.owner).collect();
    if owners.is_empty() {
        return Ok(Vec::new());
    }
    let listening = list_listening(tx, owners.into_iter().collect()).await?;
    let mut rows = Vec::new();
    for event in events {
        let id = new_event_id();
        for subscription in listening.iter().filter(|one| one.0.user_id == event.owner) {
            if let Some(name) = event.name_for(&subscription.1) {
                let body = event.body(name, tx.now());
                rows.push(new_delivery(&subscription.0.owned(), &id, name, body, tx.now()));
            }
        }
    }
    insert(tx, rows).await
}

/// A subscription with its owner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owned {
    pub(super) id: WebhookSubscriptionId,
    pub(super) user: UserId,
}

impl Listening {
    fn owned(&self) -> Owned {
        Owned { id: self.id, user: self.user_id }
    }
}

/// A delivery whose first attempt is due at once.
pub(super) fn new_delivery(
    of: &Owned,
    event_id: &str,
    event: &str,
    payload: String,
    now: Timestamp,
) -> deliveries::ActiveModel {
    deliveries::ActiveModel {
        id: Set(WebhookDeliveryId::new()),
        subscription_id: Set(of.id),
        user_id: Set(of.user),
        event_id: Set(event_id.to_owned()),
        event: Set(event.to_owned()),
        payload: Set(payload),
        state: Set(DeliveryState::Pending),
        error: Set(None),
        attempts: Set(0),
        next_number: Set(1),
        schedule_from: Set(1),
        next_at: Set(Some(now)),
        created_at: Set(now),
        ended_at: Set(None),
    }
}

/// Inserts deliveries and returns their first jobs.
pub(super) async fn insert(
    tx: &Transaction,
    rows: Vec<deliveries::ActiveModel>,
) -> Result<Vec<NewJob>, DbErr> {
    let job_of = |row: &deliveries::ActiveModel| {
        let (user, id) = (row.user_id.try_as_ref()?, row.id.try_as_ref()?);
        Some(attempt_job(*user, *id, 1, None))
    };
    let jobs = rows.iter().filter_map(job_of).collect();
    for some in rows.chunks(ROWS) {
        deliveries::Entity::insert_many(some.iter().cloned()).exec_without_returning(&**tx).await?;
    }
    Ok(jobs)
}

/// The subscriptions of these people that get events, with the events. They cannot be deleted before the
/// transaction ends.
async fn list_listening(
    tx: &Transaction,
    owners: Vec<UserId>,
) -> Result<Vec<(Listening, Vec<String>)>, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT id, user_id, events FROM webhook_subscriptions WHERE status = ")
        .bind(WebhookStatus::Enabled.as_str())
        .push(" AND user_id ")
        .among(&owners)
        .push(" ORDER BY id");
    if sql.backend() == DatabaseBackend::Postgres {
        sql.push(" FOR KEY SHARE");
    }
    let rows = Listening::find_by_statement(sql.build()).all(&**tx).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let events = serde_json::from_value(row.events.clone()).unwrap_or_default();
            (row, events)
        })
        .collect())
}
