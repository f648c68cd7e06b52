//! Changes passwords.

use atelier_entities::users;
use atelier_queue::Transaction;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel};
use serde_json::json;

use super::{
    Identity, IdentityError, SignedIn,
    accounts::{PERSONAL, lock_user},
    attempts,
    recognition::forget_networks,
    sessions::revoke_all,
    sign_in_methods::{self, SignInMethods},
    user_target,
};
use crate::{
    Actor, FieldErrors, audit,
    mail::{queue_mail, templates},
    validation,
};

/// Why a password is changed, and which sign-in methods were removed.
pub(super) enum Reason {
    /// The person changed it.
    Changed,
    /// A reset by a mailed link: the person had lost the password or control of the
    /// account.
    Reset(SignInMethods),
    /// The owner of the address took over an unverified account.
    Reclaimed(SignInMethods),
}

impl Reason {
    const fn action(&self) -> &'static str {
        match self {
            Self::Changed => "auth.change_password",
            Self::Reset(_) | Self::Reclaimed(_) => "auth.reset_password",
        }
    }

    fn closed(&self) -> SignInMethods {
        match self {
            Self::Changed => SignInMethods::default(),
            Self::Reset(closed) | Self::Reclaimed(closed) => closed.clone(),
        }
    }
}

impl Identity {
    /// Changes the password, ends every sign-in, and opens a new one for the actor.
    pub async fn change_password(
        &self,
        actor: &Actor,
        current: &str,
        new: &str,
    ) -> Result<SignedIn, IdentityError> {
        let user = actor.person()?;
        let new = validation::password(new).map_err(|problem| FieldErrors::of("new_password", problem))?;
        let account = self.get_user(user).await?;
        if validation::is_personal(&new, &account.email, &account.full_name) {
            return Err(FieldErrors::of("new_password", PERSONAL).into());
        }
        self.check_password(actor, &account, current).await?;
        let hash = self.passwords.hash(new).await?;
        let tx = self.queue.begin().await?;
        let locked = lock_user(&tx, user).await?.ok_or(IdentityError::NotFound)?;
        if locked.password_hash != account.password_hash {
            return Err(IdentityError::WrongPassword);
        }
        let account = set_password(&tx, actor, locked, hash, &Reason::Changed).await?;
        let signed_in = self.open_session(&tx, actor, account).await?;
        tx.commit().await?;
        Ok(signed_in)
    }
}

/// Stores a password, ends every sign-in and mails the person the remaining sign-in
/// methods.
pub(super) async fn set_password(
    tx: &Transaction,
    actor: &Actor,
    user: users::Model,
    hash: String,
    reason: &Reason,
) -> Result<users::Model, IdentityError> {
    let now = tx.now();
    let mut row = user.into_active_model();
    row.password_hash = Set(Some(hash));
    row.updated_at = Set(now);
    let user = row.update(&**tx).await?;
    revoke_all(tx, user.id).await?;
    attempts::forget_account(tx, &user).await?;
    forget_networks(tx, user.id).await?;
    let (closed, open) = (reason.closed(), sign_in_methods::list(tx, user.id).await?);
    let context = json!({"closed": closed, "open": open});
    audit::record_warning(tx, actor, reason.action(), user_target(user.id), context).await?;
    let is_reclaimed = matches!(reason, Reason::Reclaimed(_));
    let data = json!({"reclaimed": is_reclaimed, "closed": closed, "open": open});
    queue_mail(tx, &templates::PASSWORD_CHANGED, &user, &now.timestamp_micros().to_string(), data).await?;
    Ok(user)
}
