use sea_orm::entity::prelude::*;

use crate::{Locale, Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    /// Lower case; unique.
    pub email: String,
    pub full_name: String,
    /// PHC string; none for accounts that only sign in through a provider.
    pub password_hash: Option<String>,
    pub is_active: bool,
    pub is_admin: bool,
    pub email_verified_at: Option<Timestamp>,
    /// email, google, github or apple.
    pub provider: String,
    pub provider_id: Option<String>,
    pub avatar_url: Option<String>,
    pub locale: Locale,
    /// IANA name.
    pub time_zone: String,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    pub settings: Json,
    pub credits: i64,
    pub subscription_plan: String,
    pub last_active_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

// Each page that a person opens reads their account.
crate::read_by_position!(
    Model,
    Column {
        id: Id,
        email: Email,
        full_name: FullName,
        password_hash: PasswordHash,
        is_active: IsActive,
        is_admin: IsAdmin,
        email_verified_at: EmailVerifiedAt,
        provider: Provider,
        provider_id: ProviderId,
        avatar_url: AvatarUrl,
        locale: Locale,
        time_zone: TimeZone,
        country: Country,
        settings: Settings,
        credits: Credits,
        subscription_plan: SubscriptionPlan,
        last_active_at: LastActiveAt,
        created_at: CreatedAt,
        updated_at: UpdatedAt,
    }
);

impl Entity {
    /// The account of a mail address, by its possible stored forms.
    pub fn find_by_email<F: Into<String>>(forms: impl IntoIterator<Item = F>) -> Select<Self> {
        Self::find().filter(Column::Email.is_in(forms.into_iter().map(Into::into)))
    }
}
