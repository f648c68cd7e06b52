use sea_orm::entity::prelude::*;

use crate::RunId;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_edge_runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: RunId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: String,
    /// The ends of the edge, such as `check.true>send.in`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub edge: String,
    /// Whether it was taken. Otherwise it is dead.
    pub taken: bool,
    /// Whether it carries an error in place of an output.
    pub error: bool,
    /// Whether the node that it leads to had been decided before.
    pub late: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
