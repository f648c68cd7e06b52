use sea_orm::entity::prelude::*;

use crate::{ProjectId, ProjectKind, ProjectStatus, Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "projects")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ProjectId,
    pub user_id: UserId,
    pub title: String,
    pub description: String,
    pub kind: ProjectKind,
    pub status: ProjectStatus,
    pub repository_url: Option<String>,
    pub deployment_url: Option<String>,
    pub config: Json,
    /// Number of the current version; none before the first generation.
    pub current_version: Option<i32>,
    pub views: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The projects of an account.
    pub fn find_owned(user: UserId) -> Select<Self> {
        Self::find().filter(Column::UserId.eq(user))
    }

    /// A project of the account.
    pub fn find_owned_by_id(user: UserId, id: ProjectId) -> Select<Self> {
        Self::find_by_id(id).filter(Column::UserId.eq(user))
    }
}
