use sea_orm::entity::prelude::*;

use crate::{Timestamp, UserId};

/// An account that was closed and is being erased. The row goes with the account.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "account_erasures")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Every mail address that is known of the person, with small letters: a JSON array.
    pub addresses: Json,
    /// Nothing older says anything of the account.
    pub since: Timestamp,
    /// Rows erased so far, by what they are: a JSON object.
    pub erased: Json,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
