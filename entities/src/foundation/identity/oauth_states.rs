use sea_orm::entity::prelude::*;

use crate::{OAuthEnd, SignInProvider, Timestamp};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "oauth_states")]
pub struct Model {
    /// SHA-256 of the state, hexadecimal.
    #[sea_orm(primary_key, auto_increment = false)]
    pub state_hash: String,
    pub provider: SignInProvider,
    pub ends_at: OAuthEnd,
    pub nonce: String,
    /// PKCE verifier; it is sent only to the provider, with the code.
    pub verifier: String,
    /// SHA-256 of the cookie of the browser that began the flow, hexadecimal.
    pub browser_hash: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
