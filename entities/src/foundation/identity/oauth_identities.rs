use sea_orm::entity::prelude::*;

use crate::{OAuthIdentityId, SignInProvider, Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "oauth_identities")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OAuthIdentityId,
    pub user_id: UserId,
    pub provider: SignInProvider,
    /// The provider's own id of the person; unique among those of the provider.
    pub subject: String,
    /// The address that the provider last told, in lower case.
    pub email: Option<String>,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The account at a provider, linked to whomever.
    pub fn find_by_subject(provider: SignInProvider, subject: &str) -> Select<Self> {
        Self::find().filter(Column::Provider.eq(provider)).filter(Column::Subject.eq(subject))
    }
}
