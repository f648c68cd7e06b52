//! Linked sign-in providers of an account: listed, linked, and removed.

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
    sessions::{ensure_active, revoke_all},
    user_target,
};
use crate::{
    Actor, audit,
    mail::{queue_mail, templates},
};

impl Identity {
    /// The linked providers, first linked first.
    pub async fn list_linked(&self, actor: &Actor) -> Result<Vec<oauth_identities::Model>, IdentityError> {
        let user = actor.person()?;
        Ok(list(self.queue.db(), user).await?)
    }

    /// Unlinks a provider from the actor's own account. It requires the password, or a
    /// recent sign-in if the account has none. The last sign-in method cannot be removed.
    pub async fn unlink(
        &self,
        actor: &Actor,
        provider: SignInProvider,
        password: &str,
    ) -> Result<(), IdentityError> {
        let user = actor.person()?;
        let linked = self.list_linked(actor).await?;
        let account = self.get_user(user).await?;
        check_unlink(&linked, provider, account.password_hash.is_some())?;
        self.reauthenticate(actor, password).await?;
        let tx = self.queue.begin().await?;
        let account = lock_user(&tx, user).await?.ok_or(IdentityError::NotFound)?;
        ensure_active(&tx, account.id, session_of(actor)?).await?;
        check_unlink(&list(&*tx, account.id).await?, provider, account.password_hash.is_some())?;
        remove(&tx, actor, account, provider).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Unlinks a provider from another person's account and ends all its sign-ins, since
    /// any of them may have used it. A person without another sign-in method sets a
    /// password by a mailed link.
    pub async fn unlink_from_account(
        &self,
        actor: &Actor,
        user: UserId,
        provider: SignInProvider,
    ) -> Result<(), IdentityError> {
        let tx = self.queue.begin().await?;
        let account = lock_user(&tx, user).await?.ok_or(IdentityError::NotFound)?;
        check_unlink(&list(&*tx, user).await?, provider, true)?;
        revoke_all(&tx, user).await?;
        remove(&tx, actor, account, provider).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Checks that a provider may be unlinked: it is linked, and the account has another
/// sign-in method.
fn check_unlink(
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

/// The display names of the linked providers, without duplicates.
pub(super) async fn list_names(tx: &Transaction, user: UserId) -> Result<Vec<&'static str>, DbErr> {
    let mut names: Vec<_> = list(&**tx, user).await?.iter().map(|one| name_of(one.provider)).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Unlinks a provider from an account and mails the person.
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

/// Clears the provider with which the account was created, if it is the unlinked one.
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

/// Unlinks every provider from an account and mails the person about each.
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

/// The display name of a provider.
pub(super) fn name_of(provider: SignInProvider) -> &'static str {
    match provider {
        SignInProvider::Google => "Google",
        SignInProvider::Github => "GitHub",
        SignInProvider::Apple => "Apple",
    }
}

#[cfg(test)]
mod tests;
