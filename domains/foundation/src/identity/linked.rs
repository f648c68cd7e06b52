//! Providers that open an account: shown, linked, and removed.

use atelier_entities::{SignInProvider, UserId, oauth_identities, users};
use atelier_queue::{QueueError, Transaction};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder,
};
use serde_json::json;

use super::{
    Identity, IdentityError,
    accounts::lock_user,
    session_of,
    sessions::{ensure_alive, revoke_all},
    user_target,
};
use crate::{
    Actor, audit,
    mail::{queue_mail, templates},
};

impl Identity {
    /// The providers that open an account, first linked first.
    pub async fn list_linked(&self, actor: &Actor) -> Result<Vec<oauth_identities::Model>, IdentityError> {
        let user = actor.person()?;
        Ok(list(self.queue.db(), user).await?)
    }

    /// Removes a provider from the actor's own account. It asks for the password; where
    /// there is none, for a sign-in of the last minutes. The last way into an account
    /// stays.
    pub async fn unlink(
        &self,
        actor: &Actor,
        provider: SignInProvider,
        password: &str,
    ) -> Result<(), IdentityError> {
        let user = actor.person()?;
        let linked = self.list_linked(actor).await?;
        let account = self.get_user(user).await?;
        judge(&linked, provider, account.password_hash.is_some())?;
        self.reauthenticate(actor, password).await?;
        let tx = self.queue.begin().await?;
        let account = lock_user(&tx, user).await?.ok_or(IdentityError::NotFound)?;
        ensure_alive(&tx, account.id, session_of(actor)?).await?;
        judge(&list(&*tx, account.id).await?, provider, account.password_hash.is_some())?;
        remove(&tx, actor, account, provider).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Removes a provider from another person's account and ends all its sign-ins, since any
    /// of them may have used it. A person without another sign-in method sets a password by
    /// a mailed link.
    pub async fn unlink_of(
        &self,
        actor: &Actor,
        user: UserId,
        provider: SignInProvider,
    ) -> Result<(), IdentityError> {
        let tx = self.queue.begin().await?;
        let account = lock_user(&tx, user).await?.ok_or(IdentityError::NotFound)?;
        judge(&list(&*tx, user).await?, provider, true)?;
        revoke_all(&tx, user).await?;
        remove(&tx, actor, account, provider).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Whether a provider may be removed: it is linked, and something else opens the account.
fn judge(
    linked: &[oauth_identities::Model],
    provider: SignInProvider,
    has_password: bool,
) -> Result<(), IdentityError> {
    if linked.iter().all(|identity| identity.provider != provider) {
        Err(IdentityError::NotLinked)
    } else if has_password || linked.iter().any(|identity| identity.provider != provider) {
        Ok(())
    } else {
        Err(IdentityError::LastSignInMethod)
    }
}

async fn list(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<oauth_identities::Model>, DbErr> {
    let own = oauth_identities::Entity::find().filter(oauth_identities::Column::UserId.eq(user));
    own.order_by_asc(oauth_identities::Column::Id).all(db).await
}

/// The providers of an account, once each, as people call them.
pub(super) async fn list_names(tx: &Transaction, user: UserId) -> Result<Vec<&'static str>, DbErr> {
    let mut names: Vec<_> = list(&**tx, user).await?.iter().map(|one| name_of(one.provider)).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Removes every identity of a provider from an account, and tells its person.
async fn remove(
    tx: &Transaction,
    actor: &Actor,
    account: users::Model,
    provider: SignInProvider,
) -> Result<(), IdentityError> {
    let (gone, left): (Vec<_>, Vec<_>) =
        list(&**tx, account.id).await?.into_iter().partition(|identity| identity.provider == provider);
    let account = forget_provider(tx, account, provider, left.first()).await?;
    unlink_each(tx, &account, gone).await?;
    let context = json!({"provider": provider});
    audit::record_warning(tx, actor, "auth.unlink_identity", user_target(account.id), context).await?;
    Ok(())
}

/// Clears the provider that the account was created with, where it is the removed one.
async fn forget_provider(
    tx: &Transaction,
    account: users::Model,
    gone: SignInProvider,
    left: Option<&oauth_identities::Model>,
) -> Result<users::Model, DbErr> {
    if account.provider != gone.as_str() {
        return Ok(account);
    }
    let mut row = account.into_active_model();
    row.provider = Set(left.map_or("email", |left| left.provider.as_str()).to_owned());
    row.provider_id = Set(left.map(|left| left.subject.clone()));
    row.updated_at = Set(tx.now());
    row.update(&**tx).await
}

/// Removes every provider from an account, and tells its person of each.
pub(super) async fn unlink_all(tx: &Transaction, user: &users::Model) -> Result<(), QueueError> {
    let linked = list(&**tx, user.id).await?;
    unlink_each(tx, user, linked).await
}

async fn unlink_each(
    tx: &Transaction,
    user: &users::Model,
    linked: Vec<oauth_identities::Model>,
) -> Result<(), QueueError> {
    for identity in linked {
        oauth_identities::Entity::delete_by_id(identity.id).exec(&**tx).await?;
        let data = json!({"provider": name_of(identity.provider)});
        queue_mail(tx, &templates::PROVIDER_UNLINKED, user, &identity.id.to_string(), data).await?;
    }
    Ok(())
}

/// What people call a provider.
pub(super) fn name_of(provider: SignInProvider) -> &'static str {
    match provider {
        SignInProvider::Google => "Google",
        SignInProvider::Github => "GitHub",
        SignInProvider::Apple => "Apple",
    }
}

#[cfg(test)]
mod tests;
