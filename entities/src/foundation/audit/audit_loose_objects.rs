use sea_orm::entity::prelude::*;

use crate::Timestamp;

/// An object with audit entries that has no row in `audit_archives`: it is being written, or
/// it is to be deleted.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_loose_objects")]
pub struct Model {
    /// Key in the object store.
    #[sea_orm(primary_key, auto_increment = false)]
    pub object_key: String,
    /// Whether it is to be deleted. Then it can no longer become an archive.
    pub is_doomed: bool,
    /// When the writing began, or when it was marked for deletion.
    pub since: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
