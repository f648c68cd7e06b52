use sea_orm::entity::prelude::*;

use crate::WorkflowVersionId;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_nodes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub version_id: WorkflowVersionId,
    /// Unique in the version.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// The order in which the nodes of the version were made.
    pub position: i32,
    /// The key of the loop whose body it lies in.
    pub parent: Option<String>,
    #[sea_orm(column_name = "type")]
    pub kind: String,
    pub type_version: i32,
    pub name: Option<String>,
    pub x: Option<f64>,
    pub y: Option<f64>,
    pub disabled: bool,
    pub config: Json,
    pub policy: Json,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
