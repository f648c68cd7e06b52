//! Creating accounts, and finding them.

use std::sync::LazyLock;

use atelier_entities::{ByPosition, Locale, Timestamp, UserId, users};
use atelier_queue::Transaction;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, QuerySelect, Select, SqlErr,
    Statement,
};
use serde_json::json;

use super::{Identity, IdentityError, Registration, UserStats};
use crate::{Actor, FieldErrors, personal::is_being_erased, projects::figures_of, validation};

/// The error of a password that is public knowledge.
pub(super) const PERSONAL: &str = "must not be your name or your mail address";

/// A registration with valid fields.
pub(super) struct Checked {
    pub(super) email: String,
    pub(super) password: String,
    full_name: String,
    locale: Locale,
    time_zone: String,
    country: Option<String>,
}

impl Identity {
    /// The actor's own account.
    pub async fn get_own_account(&self, actor: &Actor) -> Result<users::Model, IdentityError> {
        self.get_user(actor.person()?).await
    }

    /// The account with this id.
    pub(super) async fn get_user(&self, id: UserId) -> Result<users::Model, IdentityError> {
        let found = find_user(self.queue.db(), id).await?;
        found.filter(|user| !is_being_erased(user)).ok_or(IdentityError::NotFound)
    }

    /// How much an account has.
    pub async fn user_stats(&self, actor: &Actor) -> Result<UserStats, IdentityError> {
        let own = figures_of(self.queue.db(), actor.person()?).await?;
        Ok(UserStats { total_projects: own.total, active_projects: own.active, total_views: own.views })
    }
}

static SELECT_USER: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {} FROM users WHERE id = $1", users::Model::names()));

/// The row of an account, read by position.
async fn find_user(db: &impl ConnectionTrait, id: UserId) -> Result<Option<users::Model>, DbErr> {
    let select = Statement::from_sql_and_values(db.get_database_backend(), SELECT_USER.as_str(), [id.into()]);
    db.query_one_raw(select).await?.as_ref().map(users::Model::read).transpose()
}

/// The account of a mail address.
pub(super) fn find_by_address(address: &str) -> Select<users::Entity> {
    users::Entity::find_by_email(validation::email_forms(address))
}

pub(super) fn check(input: Registration) -> Result<Checked, FieldErrors> {
    let mut errors = FieldErrors::default();
    let email = errors.take("email", validation::email(&input.email));
    let password = errors.take("password", validation::password(&input.password));
    let full_name = errors.take("full_name", validation::full_name(&input.full_name));
    if validation::is_personal(&input.password, &input.email, &input.full_name) {
        errors.0.insert("password", PERSONAL.to_owned());
    }
    let zone = input.time_zone.as_deref().unwrap_or("UTC");
    let time_zone = errors.take("time_zone", validation::time_zone(zone));
    let country = errors.take("country", input.country.as_deref().map(validation::country).transpose());
    let locale = input.locale.unwrap_or(Locale::En);
    let checked = || {
        Some(Checked {
            email: email?,
            password: password?,
            full_name: full_name?,
            locale,
            time_zone: time_zone?,
            country: country?,
        })
    };
    let checked = checked();
    errors.finish(checked)
}

pub(super) async fn create_account(
    tx: &Transaction,
    input: Checked,
    hash: String,
) -> Result<users::Model, IdentityError> {
    let row = row(input, hash, tx.now());
    row.insert(&**tx).await.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => IdentityError::EmailTaken,
        _ => IdentityError::Database(error),
    })
}

fn row(input: Checked, hash: String, now: Timestamp) -> users::ActiveModel {
    users::ActiveModel {
        id: Set(UserId::new()),
        email: Set(input.email),
        full_name: Set(input.full_name),
        password_hash: Set(Some(hash)),
        is_active: Set(true),
        is_admin: Set(false),
        email_verified_at: Set(None),
        provider: Set("email".to_owned()),
        provider_id: Set(None),
        avatar_url: Set(None),
        locale: Set(input.locale),
        time_zone: Set(input.time_zone),
        country: Set(input.country),
        settings: Set(json!({})),
        credits: Set(0),
        subscription_plan: Set("free".to_owned()),
        last_active_at: Set(Some(now)),
        created_at: Set(now),
        updated_at: Set(now),
    }
}

/// Locks the row of an account for the rest of the transaction, which serializes changes to
/// its sign-ins. None if it is being erased.
pub(super) async fn lock_user(tx: &Transaction, id: UserId) -> Result<Option<users::Model>, DbErr> {
    let found = users::Entity::find_by_id(id).lock_exclusive().one(&**tx).await?;
    Ok(found.filter(|user| !is_being_erased(user)))
}

#[cfg(test)]
mod tests {
    use sea_orm::{ColumnTrait, IntoActiveModel, QueryFilter};

    use super::*;
    use crate::testing::Fixture;

    #[tokio::test]
    async fn an_account_that_is_read_by_position_is_the_stored_one() {
        let fixture = Fixture::new().await;
        let ada = fixture.register("ada@example.org").await;
        let db = fixture.services.queue.db();
        let mut row = ada.clone().into_active_model();
        row.provider_id = Set(Some("provider".to_owned()));
        row.avatar_url = Set(Some("https://img.example/ada.png".to_owned()));
        row.locale = Set(Locale::Fr);
        row.country = Set(Some("FR".to_owned()));
        row.settings = Set(json!({"theme": "dark"}));
        row.email_verified_at = Set(Some(ada.created_at));
        let this = users::Column::Id.eq(ada.id);
        users::Entity::update_many().set(row).filter(this).exec(db).await.expect("changed");

        let by_name = users::Entity::find_by_id(ada.id).one(db).await.expect("read");
        assert_eq!(find_user(db, ada.id).await.expect("read"), by_name);
        assert_eq!(by_name.expect("an account").country.as_deref(), Some("FR"));
        assert_eq!(find_user(db, UserId::new()).await.expect("read"), None);
    }
}
