use sea_orm::entity::prelude::*;

use crate::{ApiTokenId, Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "api_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApiTokenId,
    pub user_id: UserId,
    pub name: String,
    /// Its first characters, for display.
    pub prefix: String,
    /// SHA-256 of the token, hexadecimal; unique.
    pub token_hash: String,
    /// Names of scopes, a JSON array.
    pub scopes: Json,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The tokens of an account.
    pub fn find_owned(user: UserId) -> Select<Self> {
        Self::find().filter(Column::UserId.eq(user))
    }
}
