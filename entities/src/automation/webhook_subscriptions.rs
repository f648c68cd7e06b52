use sea_orm::entity::prelude::*;

use crate::{Timestamp, UserId, WebhookStatus, WebhookSubscriptionId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_subscriptions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookSubscriptionId,
    pub user_id: UserId,
    pub url: String,
    /// The names of events, or `*`.
    pub events: Json,
    pub description: String,
    pub status: WebhookStatus,
    /// A code that says why the platform disabled it.
    pub disabled_reason: Option<String>,
    /// When the first attempt failed after the last one that succeeded.
    pub failing_since: Option<Timestamp>,
    pub last_success_at: Option<Timestamp>,
    /// Until then nothing is sent, since the server is overloaded.
    pub throttled_until: Option<Timestamp>,
    /// Counts the changes of its owner.
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The subscriptions of an account.
    pub fn find_owned(user: UserId) -> Select<Self> {
        Self::find().filter(Column::UserId.eq(user))
    }

    /// A subscription of the account.
    pub fn find_owned_by_id(user: UserId, id: WebhookSubscriptionId) -> Select<Self> {
        Self::find_owned(user).filter(Column::Id.eq(id))
    }
}
