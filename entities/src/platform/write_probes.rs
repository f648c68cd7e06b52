use sea_orm::entity::prelude::*;

use crate::Timestamp;

/// A row that is rewritten to see whether the database takes writes.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "write_probes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub slot: i32,
    pub written_at: Timestamp,
    /// What makes the row large where room is in doubt.
    pub filler: Option<Vec<u8>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
