//! Sign-in with a password.

use atelier_entities::users;
use atelier_queue::Transaction;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DbErr, IntoActiveModel};
use serde_json::{Value, json};

use super::{
    Identity, IdentityError, SignedIn,
    accounts::{find_by_address, lock_user},
    passwords::Match,
    user_target,
};
use crate::{Actor, audit, validation};

impl Identity {
    /// Signs in. An unknown mail address takes as long as a wrong password and has the same
    /// response. After a few failures each further one delays the next attempt.
    pub async fn login(&self, actor: &Actor, email: &str, password: &str) -> Result<SignedIn, IdentityError> {
        // PostgreSQL refuses NUL in a text. No account has such an address.
        let email = email.replace('\0', "\u{fffd}");
        let user = find_by_address(&email).one(self.queue.db()).await?;
        let attempt = self.begin_attempt(actor, &email, user.as_ref()).await?;
        let hash = user.as_ref().and_then(|user| user.password_hash.clone());
        let verdict = self.verify_attempt(&attempt, password, hash.clone()).await?;
        let user = match user {
            Some(user) if verdict != Match::Wrong && self.may_sign_in(&user) => user,
            unknown => {
                // Also written for unknown addresses, so that they take as long.
                let target = unknown.and_then(|user| user_target(user.id));
                self.record_refusal(actor, target, json!({})).await?;
                return Err(IdentityError::BadCredentials);
            }
        };
        if !user.is_active {
            self.record_refusal(actor, user_target(user.id), json!({"reason": "deactivated"})).await?;
            return Err(IdentityError::Deactivated);
        }
        let rehashed = self.rehash(verdict, password).await;
        let actor = &actor.identified_as(user.id);
        let tx = self.queue.begin().await?;
        let locked = lock_user(&tx, user.id).await?.filter(|now| now.is_active && now.password_hash == hash);
        let Some(user) = locked else {
            tx.rollback().await?;
            self.record_refusal(actor, user_target(user.id), json!({"reason": "changed meanwhile"})).await?;
            return Err(IdentityError::BadCredentials);
        };
        let user = match rehashed {
            Some(rehashed) => replace_hash(&tx, user, rehashed).await?,
            None => user,
        };
        attempt.clear(&tx).await?;
        audit::record(&tx, actor, "auth.login", user_target(user.id), json!({})).await?;
        let signed_in = self.open_session(&tx, actor, user).await?;
        tx.commit().await?;
        Ok(signed_in)
    }

    async fn record_refusal(
        &self,
        actor: &Actor,
        target: Option<String>,
        context: Value,
    ) -> Result<(), IdentityError> {
        let tx = self.queue.begin().await?;
        audit::record_warning(&tx, actor, "auth.login_failed", target, context).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Whether this person may sign in. If registered addresses are hidden, the address
    /// must be verified: that distinguishes its owner from somebody who tries.
    fn may_sign_in(&self, user: &users::Model) -> bool {
        !self.options.hide_registered_emails || user.email_verified_at.is_some()
    }

    /// A hash with the current parameters, if the stored one is outdated. An error does not
    /// prevent the sign-in.
    async fn rehash(&self, verdict: Match, password: &str) -> Option<String> {
        if verdict != Match::Outdated {
            return None;
        }
        let hash = self.passwords.hash(validation::opaque(password)).await;
        hash.inspect_err(|error| tracing::warn!(%error, "an outdated password hash was not replaced")).ok()
    }
}

/// Replaces the hash of a locked account.
async fn replace_hash(tx: &Transaction, user: users::Model, hash: String) -> Result<users::Model, DbErr> {
    let mut row = user.into_active_model();
    row.password_hash = Set(Some(hash));
    row.update(&**tx).await
}
