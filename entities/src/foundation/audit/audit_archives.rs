use sea_orm::entity::prelude::*;

use crate::Timestamp;

/// An object that audit entries were moved to. The row is written in the transaction that
/// deletes the entries, so that an object without a row contains only copies.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_archives")]
pub struct Model {
    /// Key in the object store.
    #[sea_orm(primary_key, auto_increment = false)]
    pub object_key: String,
    /// Number of entries, one per line.
    pub entries: i64,
    /// SHA-256 of the object, hexadecimal.
    pub sha256: String,
    /// Time of its oldest entry.
    pub first_at: Timestamp,
    /// Time of its newest entry.
    pub last_at: Timestamp,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
