use sea_orm::entity::prelude::*;

use crate::Timestamp;

/// An object that audit entries were moved to. The row is written in the transaction
/// that deletes them: an object without one holds nothing that is not held elsewhere.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_archives")]
pub struct Model {
    /// Key in the object store.
    #[sea_orm(primary_key, auto_increment = false)]
    pub object_key: String,
    /// Entries in it, one a line.
    pub entries: i64,
    /// SHA-256 of the object, hexadecimal.
    pub sha256: String,
    /// Moment of its oldest entry.
    pub first_at: Timestamp,
    /// Moment of its newest entry.
    pub last_at: Timestamp,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
