use sea_orm::entity::prelude::*;

use crate::{IntegrationId, Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "integrations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: IntegrationId,
    pub user_id: UserId,
    pub name: String,
    /// Which service it is for.
    #[sea_orm(column_name = "type")]
    pub kind: String,
    /// What is no secret, as the type reads it.
    pub settings: Json,
    /// Where its credentials may be sent.
    pub allowed_hosts: Json,
    /// Counts its changes. What was read of an earlier one is not written to a later one.
    pub revision: i64,
    /// Until then one worker gets a new token, and the others wait.
    pub token_lease_until: Option<Timestamp>,
    /// What the last test found.
    pub last_test: Option<Json>,
    /// To a minute.
    pub last_used_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The integrations of an account.
    pub fn find_owned(user: UserId) -> Select<Self> {
        Self::find().filter(Column::UserId.eq(user))
    }

    /// An integration of the account.
    pub fn find_owned_by_id(user: UserId, id: IntegrationId) -> Select<Self> {
        Self::find_owned(user).filter(Column::Id.eq(id))
    }
}
