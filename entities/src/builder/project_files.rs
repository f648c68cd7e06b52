use sea_orm::{QueryOrder, entity::prelude::*};

use crate::VersionId;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "project_files")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub version_id: VersionId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub path: String,
    pub language: String,
    pub content: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The files of a version, ordered by path.
    pub fn find_of(version: VersionId) -> Select<Self> {
        Self::find().filter(Column::VersionId.eq(version)).order_by_asc(Column::Path)
    }
}
