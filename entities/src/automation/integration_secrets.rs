use sea_orm::entity::prelude::*;

use crate::{IntegrationId, IntegrationSecretId, Timestamp};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "integration_secrets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: IntegrationSecretId,
    pub integration_id: IntegrationId,
    /// The field of its type, or that of a token that was got with it.
    pub field: String,
    /// The key of the ring that encrypts its data key.
    pub key_id: String,
    pub sealed: String,
    /// The revision of the integration that it was sealed for.
    pub revision: i64,
    /// Its last characters, if it is long enough.
    pub hint: Option<String>,
    /// Until when a token is good.
    pub expires_at: Option<Timestamp>,
    pub updated_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
