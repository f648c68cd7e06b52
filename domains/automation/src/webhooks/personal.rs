use async_trait::async_trait;
use atelier_entities::{
    UserId, WebhookStatus, WebhookSubscriptionId, webhook_deliveries as deliveries,
    webhook_subscriptions as subscriptions,
};
use atelier_foundation::personal::{Erased, Erasing, ExportList, Page, PersonalData, Rows};
use atelier_queue::{QueueError, Transaction, removal::delete_some};
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType},
};

use super::ACCOUNT_CLOSED;

/// The list of deliveries in an export.
const DELIVERIES: &str = "webhook_deliveries";

/// People's webhooks with their deliveries. Their secrets are in no export.
pub(crate) struct OwnedWebhooks;

#[async_trait]
impl PersonalData for OwnedWebhooks {
    fn name(&self) -> &'static str {
        "webhooks"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["webhook_subscriptions", "webhook_secrets", "webhook_deliveries", "webhook_delivery_attempts"]
    }

    fn lists(&self) -> &'static [ExportList] {
        &[
            ExportList { name: "webhook_subscriptions", position: 65 },
            ExportList { name: DELIVERIES, position: 66 },
        ]
    }

    async fn read(&self, db: &DatabaseConnection, list: &str, page: Page) -> Result<Rows, DbErr> {
        if list == DELIVERIES {
            let own = deliveries::Entity::find().filter(deliveries::Column::UserId.eq(page.user));
            return Ok(Rows::new(page.fetch(db, own, deliveries::Column::Id).await?, |row| row.id.0));
        }
        let own = subscriptions::Entity::find_owned(page.user);
        Ok(Rows::new(page.fetch(db, own, subscriptions::Column::Id).await?, |row| row.id.0))
    }

    /// Sends nothing any more: the jobs that wait find a disabled subscription.
    async fn withdraw(&self, tx: &Transaction, user: UserId) -> Result<(), QueueError> {
        use subscriptions::Column as C;
        let ids = subscriptions::Entity::find_owned(user)
            .select_only()
            .column(C::Id)
            .order_by_asc(C::Id)
            .lock(LockType::NoKeyUpdate);
        let ids: Vec<WebhookSubscriptionId> = ids.into_tuple().all(&**tx).await?;
        if ids.is_empty() {
            return Ok(());
        }
        subscriptions::Entity::update_many()
            .col_expr(C::Status, Expr::value(WebhookStatus::Disabled.as_str()))
            .col_expr(C::DisabledReason, Expr::value(ACCOUNT_CLOSED))
            .filter(C::UserId.eq(user))
            .exec(&**tx)
            .await?;
        Ok(())
    }

    async fn erase(&self, tx: &Transaction, person: &Erasing, batch: u32) -> Result<Erased, QueueError> {
        let own = Condition::all().add(deliveries::Column::UserId.eq(person.user));
        let rows = delete_some::<deliveries::Entity>(tx, own, batch).await?;
        if rows >= u64::from(batch) {
            return Ok(Erased { rows, is_done: false });
        }
        let own = Condition::all().add(subscriptions::Column::UserId.eq(person.user));
        let more = delete_some::<subscriptions::Entity>(tx, own, batch).await?;
        Ok(Erased { rows: rows + more, is_done: more < u64::from(batch) })
    }
}
