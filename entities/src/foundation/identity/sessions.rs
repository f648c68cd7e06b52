use sea_orm::entity::prelude::*;

use crate::{SessionFamilyId, SessionId, SignInProvider, Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    pub user_id: UserId,
    pub family_id: SessionFamilyId,
    /// SHA-256 of the refresh token, hexadecimal; unique.
    pub token_hash: String,
    pub user_agent: Option<String>,
    pub ip: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// When its refresh token was exchanged for the next one.
    pub rotated_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    /// When the person signed in; none for rows older than the column.
    pub signed_in_at: Option<Timestamp>,
    /// When an access token of the session was last used, to within a few minutes.
    pub last_used_at: Option<Timestamp>,
    /// The provider of the sign-in, if there was one. Only set on the first row of a sign-in.
    pub provider: Option<SignInProvider>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
