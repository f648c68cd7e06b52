use sea_orm::entity::prelude::*;

use crate::{Timestamp, WebhookSecretId, WebhookSubscriptionId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_secrets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookSecretId,
    pub subscription_id: WebhookSubscriptionId,
    pub sealed: String,
    /// The key of the ring that encrypts its data key.
    pub key_id: String,
    /// Its number in the subscription.
    pub revision: i64,
    pub created_at: Timestamp,
    /// Until when it signs beside its successor. None for the newest one.
    pub expires_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
