use sea_orm::entity::prelude::*;

use crate::Timestamp;

/// A row that is rewritten to check whether the database accepts writes.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "write_probes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub slot: i32,
    pub written_at: Timestamp,
    /// Makes the row large, to check that there is free space.
    pub filler: Option<Vec<u8>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
