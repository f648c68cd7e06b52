use sea_orm::entity::prelude::*;

use crate::{DeliveryState, Timestamp, UserId, WebhookDeliveryId, WebhookSubscriptionId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_deliveries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookDeliveryId,
    pub subscription_id: WebhookSubscriptionId,
    pub user_id: UserId,
    /// The id of the event, the same for all subscriptions and all attempts.
    pub event_id: String,
    /// The name of the event.
    pub event: String,
    /// The body as it is sent and signed, byte by byte.
    pub payload: String,
    pub state: DeliveryState,
    /// Why it was aborted, or the error of the last attempt.
    pub error: Option<String>,
    /// Attempts that ended.
    pub attempts: i32,
    /// The number of the attempt that is due. No other one may end.
    pub next_number: i32,
    /// The number that the schedule of the attempts began with: that of the first one, or of the last redelivery.
    pub schedule_from: i32,
    /// When the attempt is due.
    pub next_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
