use sea_orm::entity::prelude::*;

use crate::Timestamp;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "platform_stats")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    /// Always 1: there is one row.
    pub id: i32,
    pub total_users: i64,
    pub total_apps: i64,
    pub total_countries: i64,
    pub active_users_today: i64,
    pub projects_created_today: i64,
    pub computed_at: Timestamp,
    /// Further figures for operators; none before the first computation.
    pub overview: Option<Json>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
