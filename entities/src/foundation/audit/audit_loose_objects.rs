use sea_orm::entity::prelude::*;

use crate::Timestamp;

/// An object for audit entries that no row of `audit_archives` names: one that is being
/// written, or one that is no longer wanted.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_loose_objects")]
pub struct Model {
    /// Key in the object store.
    #[sea_orm(primary_key, auto_increment = false)]
    pub object_key: String,
    /// Whether it is to be deleted. It never becomes an archive any more.
    pub is_doomed: bool,
    /// When its writing began, or since when it is doomed.
    pub since: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
