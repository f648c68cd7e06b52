use sea_orm::entity::prelude::*;

use crate::Timestamp;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_in_failures")]
pub struct Model {
    /// `account:` and a hash of the mail address, `address:` and the client's address,
    /// `device:` or `known:` and a hash of an account's device or network, or `inside:` and
    /// the id of a signed-in account.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// Failed attempts.
    pub failures: i32,
    /// The time up to which failures have decayed: at most a few minutes before the last
    /// failure.
    pub last_at: Timestamp,
    /// Attempts before this time are refused without a check.
    pub blocked_until: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
