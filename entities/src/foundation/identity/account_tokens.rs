use sea_orm::entity::prelude::*;

use crate::{AccountTokenId, Timestamp, TokenPurpose, UserId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "account_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccountTokenId,
    pub user_id: UserId,
    pub purpose: TokenPurpose,
    /// SHA-256 of the token, hexadecimal; unique.
    pub token_hash: String,
    /// The mail address that it was sent to.
    pub email: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
