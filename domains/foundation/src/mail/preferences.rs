//! Opt-outs from mail categories, and the unsubscribe link in each mail.

use atelier_entities::{Locale, MailCategory, UserId, mail_opt_outs, users};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
    QuerySelect, sea_query::OnConflict,
};
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use super::{Mail, MailingError, Template};
use crate::{Actor, audit, signing::SigningKey};

/// The bytes before the HMAC: version, category and person.
const HEAD_BYTES: usize = 2 + 16;
const VERSION: u8 = 1;

/// Creates and verifies the tokens of unsubscribe links. A token never expires and is for
/// one person and one category. It is an HMAC, so it is not stored. Its key is derived from
/// the signing secret: a new secret invalidates all tokens.
#[derive(Clone)]
pub(crate) struct UnsubscribeKey(SigningKey);

impl UnsubscribeKey {
    pub(crate) fn new(secret: &SecretString) -> Self {
        Self(SigningKey::derive(secret, "atelier unsubscribe v1"))
    }

    /// The token of a person and a category.
    pub(super) fn token(&self, user: UserId, category: MailCategory) -> String {
        let mut bytes = head(user, category).to_vec();
        bytes.extend_from_slice(&self.0.sign(&[&bytes]));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The person and the category of a token; none if it was not signed with this key.
    fn read(&self, token: &str) -> Option<(UserId, MailCategory)> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (head, mac) = bytes.split_at_checked(HEAD_BYTES)?;
        if !self.0.verifies(&[head], mac) {
            return None;
        }
        let category = MailCategory::ALL.iter().copied().find(|category| code(*category) == head[1])?;
        let user = Uuid::from_slice(&head[2..]).ok()?;
        (head[0] == VERSION).then_some((UserId(user), category))
    }
}

fn head(user: UserId, category: MailCategory) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    (head[0], head[1]) = (VERSION, code(category));
    head[2..].copy_from_slice(user.0.as_bytes());
    head
}

/// The category's code in links. Never assign it to another category.
const fn code(category: MailCategory) -> u8 {
    match category {
        MailCategory::Reminders => 1,
        MailCategory::Results => 2,
        MailCategory::Alerts => 3,
        MailCategory::Activity => 4,
    }
}

/// The subject of an unsubscribe link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The category of mails.
    pub category: MailCategory,
    /// The person's language; English if the account does not exist.
    pub locale: Locale,
}

impl Mail {
    /// The address that unsubscribes a person from the category of a template; none if the
    /// template has no category. It never expires.
    #[must_use]
    pub fn unsubscribe_link(&self, user: UserId, template: &Template) -> Option<String> {
        let token = self.unsubscribing.token(user, template.category()?);
        Some(format!("{}/unsubscribe/{token}", self.options.public_url))
    }

    /// The categories that the person has opted out of.
    pub async fn list_opt_outs(&self, actor: &Actor) -> Result<Vec<MailCategory>, MailingError> {
        Ok(opt_outs_of(self.queue.db(), actor.person()?).await?)
    }

    /// Sets opt-ins and opt-outs; a category that is not named stays as it is. Returns the
    /// categories that the person has opted out of. They also apply to mails that are
    /// queued already.
    pub async fn update_preferences(
        &self,
        actor: &Actor,
        wanted: &[(MailCategory, bool)],
    ) -> Result<Vec<MailCategory>, MailingError> {
        let user = actor.person()?;
        self.write_preferences(actor, user, wanted, "mail.update_preferences").await?;
        self.list_opt_outs(actor).await
    }

    /// The subject of a token; none if this installation did not sign it. It does not
    /// reveal whether the account exists.
    pub async fn find_subscription(&self, token: &str) -> Result<Option<Subscription>, DbErr> {
        let Some((user, category)) = self.unsubscribing.read(token) else { return Ok(None) };
        let user = users::Entity::find_by_id(user).one(self.queue.db()).await?;
        Ok(Some(Subscription { category, locale: user.map_or(Locale::En, |user| user.locale) }))
    }

    /// Unsubscribes the person of a token from its category. Returns none if this
    /// installation did not sign it. A second call changes nothing.
    pub async fn unsubscribe(
        &self,
        actor: &Actor,
        token: &str,
    ) -> Result<Option<Subscription>, MailingError> {
        let Some((user, category)) = self.unsubscribing.read(token) else { return Ok(None) };
        let actor = actor.identified_as(user);
        self.write_preferences(&actor, user, &[(category, false)], "mail.unsubscribe").await?;
        Ok(self.find_subscription(token).await?)
    }

    /// Stores the preferences, and an audit entry if something changes.
    async fn write_preferences(
        &self,
        actor: &Actor,
        user: UserId,
        wanted: &[(MailCategory, bool)],
        action: &str,
    ) -> Result<(), MailingError> {
        let tx = self.queue.begin().await?;
        let account = users::Entity::find_by_id(user).lock_exclusive().one(&*tx).await?;
        if account.is_none() {
            return Ok(());
        }
        let mut changed = serde_json::Map::new();
        for &(category, is_wanted) in wanted {
            let rows = if is_wanted {
                let row = mail_opt_outs::Entity::delete_by_id((user, category));
                row.exec(&*tx).await?.rows_affected
            } else {
                insert_opt_out(&*tx, user, category, tx.now()).await?
            };
            if rows > 0 {
                changed.insert(category.as_str().to_owned(), is_wanted.into());
            }
        }
        if !changed.is_empty() {
            audit::record(&tx, actor, action, Some(format!("user:{user}")), json!({"wanted": changed}))
                .await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

async fn insert_opt_out(
    db: &impl ConnectionTrait,
    user: UserId,
    category: MailCategory,
    now: atelier_entities::Timestamp,
) -> Result<u64, DbErr> {
    let row =
        mail_opt_outs::ActiveModel { user_id: Set(user), category: Set(category), created_at: Set(now) };
    let once = OnConflict::columns([mail_opt_outs::Column::UserId, mail_opt_outs::Column::Category])
        .do_nothing()
        .to_owned();
    mail_opt_outs::Entity::insert(row).on_conflict(once).exec_without_returning(db).await
}

/// The categories that a person does not want.
pub(crate) async fn opt_outs_of(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<MailCategory>, DbErr> {
    let rows = mail_opt_outs::Entity::find().filter(mail_opt_outs::Column::UserId.eq(user));
    Ok(rows.all(db).await?.into_iter().map(|row| row.category).collect())
}

/// Whether a person does not want mails of that category.
pub(super) async fn is_opted_out(
    db: &impl ConnectionTrait,
    user: UserId,
    category: MailCategory,
) -> Result<bool, DbErr> {
    Ok(mail_opt_outs::Entity::find_by_id((user, category)).count(db).await? > 0)
}

#[cfg(test)]
mod tests;
