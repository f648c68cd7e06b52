//! Re-authentication: an action that cannot be undone, or that outlives the sign-in,
//! requires for the password or a recent sign-in.

use atelier_entities::{SessionFamilyId, Timestamp, sessions, users};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;

use super::{Identity, IdentityError, passwords::Match, session_of, sessions::signed_in_at, user_target};
use crate::{Actor, audit};

/// How recent a sign-in must be to stand for the password.
pub(super) const RECENT: std::time::Duration = std::time::Duration::from_secs(10 * 60);

impl Identity {
    /// Requires the password, or a recent sign-in if the account has no password. Returns
    /// the account.
    pub(super) async fn reauthenticate(
        &self,
        actor: &Actor,
        password: &str,
    ) -> Result<users::Model, IdentityError> {
        let account = self.get_own_account(actor).await?;
        match account.password_hash {
            Some(_) => self.check_password(actor, &account, password).await?,
            None => self.check_recent(session_of(actor)?).await?,
        }
        Ok(account)
    }

    /// Requires a recent sign-in or the password. Returns the account.
    pub(super) async fn reauthenticate_or_recent(
        &self,
        actor: &Actor,
        password: Option<&str>,
    ) -> Result<users::Model, IdentityError> {
        let account = self.get_own_account(actor).await?;
        match (self.check_recent(session_of(actor)?).await, password) {
            (Err(IdentityError::RecentSignInRequired), Some(password)) if account.password_hash.is_some() => {
                self.check_password(actor, &account, password).await?;
            }
            (recent, _) => recent?,
        }
        Ok(account)
    }

    /// Checks the password of a signed-in person. Failed attempts cause delays as at
    /// sign-in. They are counted separately, so that attempts from outside do not lock a
    /// signed-in person out.
    pub(super) async fn check_password(
        &self,
        actor: &Actor,
        user: &users::Model,
        password: &str,
    ) -> Result<(), IdentityError> {
        let attempt = self.begin_reauthentication_attempt(actor, user.id).await?;
        let verdict = self.verify_attempt(&attempt, password, user.password_hash.clone()).await?;
        let tx = self.queue.begin().await?;
        if verdict == Match::Wrong {
            let target = user_target(user.id);
            audit::record_warning(&tx, actor, "auth.password_failed", target, json!({})).await?;
            tx.commit().await?;
            return Err(IdentityError::WrongPassword);
        }
        attempt.clear(&tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Refuses a sign-in that is not recent.
    async fn check_recent(&self, family: SessionFamilyId) -> Result<(), IdentityError> {
        let session = sessions::Entity::find()
            .filter(sessions::Column::FamilyId.eq(family))
            .order_by_desc(sessions::Column::Id)
            .one(self.queue.db())
            .await?;
        let is_fresh = session.is_some_and(|session| is_recent(signed_in_at(&session), self.queue.now()));
        if is_fresh { Ok(()) } else { Err(IdentityError::RecentSignInRequired) }
    }
}

fn is_recent(signed_in_at: Timestamp, now: Timestamp) -> bool {
    signed_in_at + RECENT > now
}
