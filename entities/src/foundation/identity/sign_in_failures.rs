use sea_orm::entity::prelude::*;

use crate::Timestamp;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_in_failures")]
pub struct Model {
    /// `account:` and a hash of the mail address, `address:` and the client's, `device:` or
    /// `known:` and a hash of an account's device or network, or `inside:` and the
    /// account's id for somebody who is signed in.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// Attempts that were begun and did not succeed.
    pub failures: i32,
    /// Up to when forgetting is reckoned: at most a few minutes before the last failure.
    pub last_at: Timestamp,
    /// No attempt is looked at before.
    pub blocked_until: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
