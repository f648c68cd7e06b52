use sea_orm::entity::prelude::*;

use crate::{AuditId, AuditLevel, Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_log")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditId,
    pub level: AuditLevel,
    /// The actor; none for the platform and for erased accounts.
    pub actor_id: Option<UserId>,
    /// Such as `auth.login` or `job.cancel`.
    pub action: String,
    /// Such as `project:0190…`.
    pub target: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub request_id: Option<String>,
    pub context: Json,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
