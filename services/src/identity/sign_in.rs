//! Signing in with a password.

use atelier_entities::{UserId, users};
use atelier_queue::Transaction;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;

use super::{Identity, IdentityError, SignedIn, attempts, passwords::Match, user_target};
use crate::{Caller, audit};

impl Identity {
    /// Signs in. An unknown mail address takes as long as a wrong password and is
    /// answered the same; after a few failures each further one makes the next wait.
    pub async fn login(
        &self,
        caller: &Caller,
        email: &str,
        password: &str,
    ) -> Result<SignedIn, IdentityError> {
        // PostgreSQL takes no NUL in a text; an address with one is nobody's either way.
        let email = email.trim().to_lowercase().replace('\0', "\u{fffd}");
        self.begin_attempt(caller, &email).await?;
        let user = users::Entity::find_by_email(&email).one(self.queue.db()).await?;
        let hash = user.as_ref().and_then(|user| user.password_hash.clone());
        let verdict = self.passwords.verify(bounded(password), hash.clone()).await?;
        let user = match user {
            Some(user) if verdict != Match::Wrong && self.may_sign_in(&user) => user,
            unknown => {
                // Written for unknown addresses too, so that they take as long.
                let target = unknown.and_then(|user| user_target(user.id));
                let tx = self.queue.begin().await?;
                audit::record_warning(&tx, caller, "auth.login_failed", target, json!({})).await?;
                tx.commit().await?;
                return Err(IdentityError::BadCredentials);
            }
        };
        if !user.is_active {
            let tx = self.queue.begin().await?;
            let context = json!({"reason": "deactivated"});
            audit::record_warning(&tx, caller, "auth.login_failed", user_target(user.id), context).await?;
            tx.commit().await?;
            return Err(IdentityError::Deactivated);
        }
        let rehashed = self.rehash(verdict, password).await;
        let caller = &Caller { user: Some(user.id), ..caller.clone() };
        let tx = self.queue.begin().await?;
        if let (Some(before), Some(rehashed)) = (hash, rehashed) {
            replace_hash(&tx, user.id, &before, rehashed).await?;
        }
        attempts::clear(&tx, caller, &email).await?;
        audit::record(&tx, caller, "auth.login", user_target(user.id), json!({})).await?;
        let signed_in = self.open_session(&tx, caller, user).await?;
        tx.commit().await?;
        Ok(signed_in)
    }

    /// Whether this person may sign in: where nobody may learn which addresses are
    /// registered, a proven address is what tells an owner from somebody who tries.
    fn may_sign_in(&self, user: &users::Model) -> bool {
        !self.options.hide_registered_emails || user.email_verified_at.is_some()
    }

    /// The hash of today's parameters, where the stored one has others. Failing it does
    /// not keep anybody out.
    async fn rehash(&self, verdict: Match, password: &str) -> Option<String> {
        if verdict != Match::Outdated {
            return None;
        }
        let hash = self.passwords.hash(password.to_owned()).await;
        hash.inspect_err(|error| tracing::warn!(%error, "a password was not hashed anew")).ok()
    }
}

/// The password, or none that matches where it is longer than any.
pub(super) fn bounded(password: &str) -> String {
    if password.chars().count() > 128 { String::new() } else { password.to_owned() }
}

/// Replaces a hash, unless the password was changed meanwhile.
async fn replace_hash(tx: &Transaction, user: UserId, before: &str, hash: String) -> Result<(), DbErr> {
    users::Entity::update_many()
        .col_expr(users::Column::PasswordHash, Expr::value(hash))
        .filter(users::Column::Id.eq(user))
        .filter(users::Column::PasswordHash.eq(before))
        .exec(&**tx)
        .await?;
    Ok(())
}
