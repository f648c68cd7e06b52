use sea_orm::entity::prelude::*;

use crate::{OAuthIdentityId, SignInProvider, Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "oauth_identities")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OAuthIdentityId,
    pub user_id: UserId,
    pub provider: SignInProvider,
    /// The provider's id of the person; unique for the provider.
    pub subject: String,
    /// The mail address that the provider last sent, in lower case.
    pub email: Option<String>,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The identity at a provider, whichever account it is linked to.
    pub fn find_by_subject(provider: SignInProvider, subject: &str) -> Select<Self> {
        Self::find().filter(Column::Provider.eq(provider)).filter(Column::Subject.eq(subject))
    }
}
