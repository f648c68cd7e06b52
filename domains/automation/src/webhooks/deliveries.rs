//! Reading deliveries, and sending them again.

use atelier_entities::{
    DeliveryState, JobState, Timestamp, WebhookDeliveryId, WebhookStatus, WebhookSubscriptionId, jobs,
    webhook_deliveries as deliveries, webhook_delivery_attempts as attempts,
    webhook_subscriptions as subscriptions,
};
use atelier_foundation::{Actor, Page, audit, paging::fetch};
use atelier_queue::{QueueError, Transaction};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType},
};
use serde_json::json;

use super::{
    PING, WebhookError, Webhooks,
    announce::{Owned, insert, new_delivery},
    event::{body, new_event_id},
    jobs::attempt_job,
    webhook_target,
};

/// Which deliveries a list has.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Those in this state.
    pub state: Option<DeliveryState>,
    /// Those of this event.
    pub event: Option<String>,
}

/// A delivery with its attempts.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Its row.
    pub row: deliveries::Model,
    /// What its attempts found, the newest one first.
    pub attempts: Vec<attempts::Model>,
}

/// A delivery whose attempt is due now.
#[derive(Clone, Debug, PartialEq)]
pub struct StartedDelivery {
    /// Its row.
    pub delivery: deliveries::Model,
    /// The job of the attempt.
    pub job: jobs::Model,
}

impl Webhooks {
    /// The deliveries of a subscription, newest first, and their number.
    ///
    /// # Errors
    /// If there is no such subscription.
    pub async fn list_deliveries(
        &self,
        actor: &Actor,
        id: WebhookSubscriptionId,
        filter: DeliveryFilter,
        page: Page,
    ) -> Result<(Vec<deliveries::Model>, u64), WebhookError> {
        use deliveries::Column as C;
        self.get(actor, id).await?;
        let condition = Condition::all()
            .add_option(filter.state.map(|state| C::State.eq(state)))
            .add_option(filter.event.map(|event| C::Event.eq(event)));
        let rows = deliveries::Entity::find().filter(C::SubscriptionId.eq(id)).filter(condition);
        Ok(fetch(self.queue.db(), rows.order_by_desc(C::Id), page).await?)
    }

    /// A delivery of a subscription, with its attempts.
    ///
    /// # Errors
    /// If there is none.
    pub async fn get_delivery(
        &self,
        actor: &Actor,
        id: WebhookSubscriptionId,
        delivery: WebhookDeliveryId,
    ) -> Result<Delivery, WebhookError> {
        self.get(actor, id).await?;
        let db = self.queue.db();
        let row = find(id, delivery).one(db).await?.ok_or(WebhookError::NotFound("delivery"))?;
        let attempts = attempts::Entity::find()
            .filter(attempts::Column::DeliveryId.eq(delivery))
            .order_by_desc(attempts::Column::Number)
            .all(db)
            .await?;
        Ok(Delivery { row, attempts })
    }

    /// Sends a test event to a subscription, whichever events it gets otherwise.
    ///
    /// # Errors
    /// If it is not enabled.
    pub async fn ping(
        &self,
        actor: &Actor,
        id: WebhookSubscriptionId,
    ) -> Result<StartedDelivery, WebhookError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        ensure_enabled(&tx, actor, id).await?;
        let data = json!({"webhook_id": id});
        let payload = body(PING, tx.now(), &data);
        let new = new_delivery(&Owned { id, user }, &new_event_id(), PING, payload, tx.now());
        let delivery = new.id.clone().take().unwrap_or_else(WebhookDeliveryId::new);
        let mut jobs = insert(&tx, vec![new]).await?;
        let job = jobs.pop().ok_or(QueueError::NotFound)?.from_origin(actor.origin.clone());
        let job = tx.enqueue(job).await?.into_job()?;
        audit::record(&tx, actor, "webhook.ping", webhook_target(id), json!({"delivery": delivery})).await?;
        self.started(tx, id, delivery, job).await
    }

    /// Sends a delivery again, under the same id of its event, by a schedule that begins anew. One that waits
    /// for its next attempt is sent now.
    ///
    /// # Errors
    /// If there is none, or the subscription is not enabled.
    pub async fn redeliver(
        &self,
        actor: &Actor,
        id: WebhookSubscriptionId,
        delivery: WebhookDeliveryId,
    ) -> Result<StartedDelivery, WebhookError> {
        let user = actor.person()?;
        self.get(actor, id).await?;
        let tx = self.queue.begin().await?;
        // Jobs are locked before subscriptions.
        let earlier = tx.lock_about(&[delivery.0]).await?;
        ensure_enabled(&tx, actor, id).await?;
        let row = find(id, delivery).lock_exclusive().one(&*tx).await?;
        let row = row.ok_or(WebhookError::NotFound("delivery"))?;
        let running = earlier.iter().find(|job| job.state == JobState::Running);
        let job = match running.filter(|_| row.state == DeliveryState::Pending) {
            Some(running) => running.clone(),
            None => {
                let number = row.next_number + 1;
                make_due(&tx, delivery, number).await?;
                // The end of a replaced attempt changes nothing: another number is due.
                for job in &earlier {
                    tx.cancel(job.id, None).await?;
                }
                let job = attempt_job(user, delivery, number, None).from_origin(actor.origin.clone());
                tx.enqueue(job).await?.into_job()?
            }
        };
        let context = json!({"delivery": delivery, "job": job.id});
        audit::record(&tx, actor, "webhook.redeliver", webhook_target(id), context).await?;
        self.started(tx, id, delivery, job).await
    }

    /// Reads the delivery as the transaction leaves it, and commits.
    async fn started(
        &self,
        tx: Transaction,
        id: WebhookSubscriptionId,
        delivery: WebhookDeliveryId,
        job: jobs::Model,
    ) -> Result<StartedDelivery, WebhookError> {
        let row = find(id, delivery).one(&*tx).await?.ok_or(WebhookError::NotFound("delivery"))?;
        tx.commit().await?;
        Ok(StartedDelivery { delivery: row, job })
    }
}

fn find(of: WebhookSubscriptionId, id: WebhookDeliveryId) -> sea_orm::Select<deliveries::Entity> {
    deliveries::Entity::find_by_id(id).filter(deliveries::Column::SubscriptionId.eq(of))
}

/// Refuses where nothing would be sent.
async fn ensure_enabled(
    tx: &Transaction,
    actor: &Actor,
    id: WebhookSubscriptionId,
) -> Result<(), WebhookError> {
    let found = subscriptions::Entity::find_owned_by_id(actor.person()?, id);
    let found = found.lock(LockType::NoKeyUpdate);
    let found = found.one(&**tx).await?.ok_or(WebhookError::NotFound("webhook"))?;
    if found.status == WebhookStatus::Enabled { Ok(()) } else { Err(WebhookError::NotEnabled) }
}

/// Makes an attempt of that number due now, as the first one of a schedule.
async fn make_due(tx: &Transaction, id: WebhookDeliveryId, number: i32) -> Result<(), WebhookError> {
    use deliveries::Column as C;
    deliveries::Entity::update_many()
        .col_expr(C::State, Expr::value(DeliveryState::Pending.as_str()))
        .col_expr(C::Error, Expr::value(None::<String>))
        .col_expr(C::NextNumber, Expr::value(number))
        .col_expr(C::ScheduleFrom, Expr::value(number))
        .col_expr(C::NextAt, Expr::value(tx.now()))
        .col_expr(C::EndedAt, Expr::value(None::<Timestamp>))
        .filter(C::Id.eq(id))
        .exec(&**tx)
        .await?;
    Ok(())
}
