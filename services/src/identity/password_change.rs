//! Changing the password of somebody who is signed in.

use atelier_entities::{SessionFamilyId, Timestamp, UserId, sessions, users};
use atelier_queue::Transaction;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
};
use serde_json::json;

use super::{
    Identity, IdentityError, SignedIn,
    accounts::{PERSONAL, lock_user},
    attempts,
    passwords::Match,
    sessions::{began, revoke_all},
    sign_in::bounded,
    user_target,
};
use crate::{
    Caller, FieldErrors, audit,
    mail::{Template, queue_mail},
    validation,
};

/// How recent a sign-in must be to stand for the password of an account without one.
pub(super) const RECENT: std::time::Duration = std::time::Duration::from_secs(10 * 60);

impl Identity {
    /// Sets another password, ends every sign-in, and opens a new one for the caller.
    pub async fn change_password(
        &self,
        caller: &Caller,
        user: UserId,
        current: &str,
        new: &str,
    ) -> Result<SignedIn, IdentityError> {
        let new = validation::password(new).map_err(|problem| FieldErrors::of("new_password", problem))?;
        let account = self.get_user(user).await?;
        if validation::is_personal(&new, &account.email, &account.full_name) {
            return Err(FieldErrors::of("new_password", PERSONAL).into());
        }
        self.check_password(caller, &account, current).await?;
        let hash = self.passwords.hash(new).await?;
        let tx = self.queue.begin().await?;
        let locked = lock_user(&tx, user).await?.ok_or(IdentityError::NotFound)?;
        if locked.password_hash != account.password_hash {
            return Err(IdentityError::WrongPassword);
        }
        let account = self.set_password(&tx, caller, locked, hash, "auth.change_password").await?;
        let signed_in = self.open_session(&tx, caller, account).await?;
        tx.commit().await?;
        Ok(signed_in)
    }

    /// Whether somebody who is signed in knows the account's password. Guessing it
    /// gets slower like at sign-in.
    pub(super) async fn check_password(
        &self,
        caller: &Caller,
        user: &users::Model,
        password: &str,
    ) -> Result<(), IdentityError> {
        self.begin_attempt(caller, &user.email).await?;
        if self.passwords.verify(bounded(password), user.password_hash.clone()).await? == Match::Wrong {
            let tx = self.queue.begin().await?;
            let target = user_target(user.id);
            audit::record_warning(&tx, caller, "auth.password_failed", target, json!({})).await?;
            tx.commit().await?;
            return Err(IdentityError::WrongPassword);
        }
        let tx = self.queue.begin().await?;
        attempts::clear(&tx, caller, &user.email).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Whether a sign-in is so recent that it proves who is there.
    pub(super) async fn check_recent(&self, family: SessionFamilyId) -> Result<(), IdentityError> {
        let session = sessions::Entity::find()
            .filter(sessions::Column::FamilyId.eq(family))
            .order_by_desc(sessions::Column::Id)
            .one(self.queue.db())
            .await?;
        let is_fresh = session.is_some_and(|session| is_recent(began(&session), self.queue.now()));
        if is_fresh { Ok(()) } else { Err(IdentityError::RecentSignInRequired) }
    }

    /// Writes a password, ends every sign-in and tells the person by mail.
    pub(super) async fn set_password(
        &self,
        tx: &Transaction,
        caller: &Caller,
        user: users::Model,
        hash: String,
        action: &str,
    ) -> Result<users::Model, IdentityError> {
        let now = tx.now();
        let mut row = user.into_active_model();
        row.password_hash = Set(Some(hash));
        row.updated_at = Set(now);
        let user = row.update(&**tx).await?;
        revoke_all(tx, user.id).await?;
        attempts::forget_account(tx, &user.email).await?;
        audit::record_warning(tx, caller, action, user_target(user.id), json!({})).await?;
        let cause = now.timestamp_micros().to_string();
        queue_mail(tx, Template::PasswordChanged, &user, &cause, json!({})).await?;
        Ok(user)
    }
}

fn is_recent(signed_in_at: Timestamp, now: Timestamp) -> bool {
    signed_in_at + RECENT > now
}
