use sea_orm::entity::prelude::*;

use crate::{Timestamp, WebhookDeliveryId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_delivery_attempts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub delivery_id: WebhookDeliveryId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    pub started_at: Timestamp,
    /// The HTTP status of the answer.
    pub status: Option<i32>,
    pub duration_ms: i64,
    /// A code that says why it failed.
    pub error: Option<String>,
    /// The headers that were sent, without the signature.
    pub request_headers: Json,
    /// The headers of the answer, as far as they are kept.
    pub response_headers: Option<Json>,
    /// The beginning of the body of the answer.
    pub response_body: Option<String>,
    /// The pause that the server asked for, in seconds.
    pub retry_after_secs: Option<i32>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
