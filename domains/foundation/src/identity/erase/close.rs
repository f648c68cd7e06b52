use std::{collections::BTreeSet, time::Duration};

use atelier_entities::{UserId, account_erasures, account_tokens, oauth_identities, users};
use atelier_queue::{NewJob, Transaction};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
};
use serde_json::json;

use super::EraseAccount;
use crate::{
    Actor, audit,
    identity::{
        Identity, IdentityError,
        accounts::lock_user,
        admins::{ensure_other_admin, lock_admins},
        attempts,
        sessions::revoke_all,
        sign_in_methods::delete_api_tokens,
        user_target,
    },
    personal::{erased_address, jobs::stop_running},
    projects::figures_of,
};

/// Audit entries about an account may be slightly older than its row, since clocks differ.
const MARGIN: Duration = Duration::from_secs(24 * 3600);

impl Identity {
    /// Deletes the actor's own account. It requires the password, or a recent sign-in at a
    /// provider; for an account without a password any recent sign-in.
    pub async fn delete_account(&self, actor: &Actor, password: &str) -> Result<(), IdentityError> {
        let user = actor.person()?;
        let is_fresh = match actor.session() {
            Some(family) if password.is_empty() => self.is_recent_provider_sign_in(family).await?,
            _ => false,
        };
        if !is_fresh {
            self.reauthenticate(actor, password).await?;
        }
        self.erase_account(actor, user).await
    }

    /// Deletes an account with all data of the person. It is closed at once: every sign-in
    /// and token ends, its mail address is free, its work stops, its sites go offline, and
    /// lists and statistics leave it out. A job erases its rows and objects. The audit log
    /// keeps the entries without naming the person.
    pub async fn erase_account(&self, actor: &Actor, user: UserId) -> Result<(), IdentityError> {
        let known = self.get_user(user).await?;
        let tx = self.queue.begin().await?;
        stop_running(&tx, user).await?;
        // From the last part on, so that rows are locked in their order: see `personal`.
        for part in self.personal.iter().rev() {
            part.withdraw(&tx, user).await?;
        }
        if known.is_admin {
            lock_admins(&tx).await?;
        }
        let account = lock_user(&tx, user).await?.ok_or(IdentityError::NotFound)?;
        if account.is_admin && account.is_active {
            ensure_other_admin(&tx, user).await?;
        }
        let addresses = self.list_addresses(&tx, &account).await?;
        revoke_access(&tx, &account).await?;
        let projects = figures_of(&*tx, user).await?.total;
        let erasure = account_erasures::ActiveModel {
            user_id: Set(user),
            addresses: Set(json!(addresses)),
            since: Set(account.created_at - MARGIN),
            erased: Set(json!({})),
            created_at: Set(tx.now()),
        };
        account_erasures::Entity::insert(erasure).exec_without_returning(&*tx).await?;
        blank_account(&tx, account).await?;
        tx.enqueue(NewJob::of(&EraseAccount { user_id: user }).about(user)).await?;
        record(&tx, actor, user, projects).await?;
        tx.commit().await?;
        Ok(())
    }

    /// All known mail addresses of a person, in lower case.
    async fn list_addresses(
        &self,
        tx: &Transaction,
        account: &users::Model,
    ) -> Result<BTreeSet<String>, DbErr> {
        let mut all = BTreeSet::from([account.email.to_ascii_lowercase()]);
        for part in self.personal.iter() {
            let known = part.list_addresses(tx, account.id).await?;
            all.extend(known.into_iter().map(|address| address.to_ascii_lowercase()));
        }
        Ok(all)
    }
}

/// Revokes all access to the account.
async fn revoke_access(tx: &Transaction, account: &users::Model) -> Result<(), DbErr> {
    revoke_all(tx, account.id).await?;
    delete_api_tokens(tx, account.id).await?;
    let links = account_tokens::Column::UserId.eq(account.id);
    account_tokens::Entity::delete_many().filter(links).exec(&**tx).await?;
    let providers = oauth_identities::Column::UserId.eq(account.id);
    oauth_identities::Entity::delete_many().filter(providers).exec(&**tx).await?;
    attempts::forget_account(tx, account).await
}

/// Blanks the personal data in the row of the account. Other rows refer to it until they
/// are deleted.
async fn blank_account(tx: &Transaction, account: users::Model) -> Result<(), DbErr> {
    let user = account.id;
    let mut row = account.into_active_model();
    row.email = Set(erased_address(user));
    row.full_name = Set(String::new());
    row.password_hash = Set(None);
    row.is_active = Set(false);
    row.is_admin = Set(false);
    row.email_verified_at = Set(None);
    row.provider = Set("email".to_owned());
    row.provider_id = Set(None);
    row.avatar_url = Set(None);
    row.country = Set(None);
    row.settings = Set(json!({}));
    row.last_active_at = Set(None);
    row.updated_at = Set(tx.now());
    row.update(&**tx).await?;
    tx.note_access_change(user);
    Ok(())
}

/// Records the deletion. The entry names the actor unless it is the person.
async fn record(tx: &Transaction, actor: &Actor, user: UserId, projects: u64) -> Result<(), DbErr> {
    let by_self = actor.user() == Some(user);
    let actor = if by_self { Actor::anonymous().with_origin(actor.origin.clone()) } else { actor.clone() };
    let target = if by_self { None } else { user_target(user) };
    audit::record_warning(tx, &actor, "account.delete", target, json!({"projects": projects})).await
}
