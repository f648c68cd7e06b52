use sea_orm::entity::prelude::*;

use crate::WorkflowVersionId;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_edges")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub version_id: WorkflowVersionId,
    /// The order in which the edges of the version were made.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i32,
    /// The key of the loop whose body it lies in.
    pub parent: Option<String>,
    pub from_node: String,
    pub from_port: String,
    pub to_node: String,
    pub to_port: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
