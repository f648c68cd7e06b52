//! Verification of a mail address and reset of a password, by mailed links.

use std::time::Duration;

use atelier_entities::{AccountTokenId, Timestamp, TokenPurpose, UserId, account_tokens, users};
use atelier_queue::Transaction;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    PaginatorTrait, QueryFilter, sea_query::Expr,
};
use serde_json::json;
use tokio::time::Instant;

use super::{
    Identity, IdentityError,
    accounts::{PERSONAL, find_by_address, lock_user},
    password_change::{Reason, set_password},
    sign_in_methods::{self, SignInMethods},
    tokens::hash_token,
    user_target,
};
use crate::{
    Actor, FieldErrors, audit,
    links::lifetime,
    mail::{queue_mail, templates},
    validation,
};

/// Maximum number of mails of one purpose to one person in an hour.
const MAX_MAILS_PER_HOUR: u64 = 5;
const HOUR: Duration = Duration::from_secs(3600);

/// Minimum time of a request for a link, so that the response time does not reveal whether
/// a mail was written.
pub(super) const MIN_RESPONSE_TIME: Duration = Duration::from_millis(250);

/// Whether a link may be used for its account.
fn check_link(
    link: &account_tokens::Model,
    user: &users::Model,
    now: Timestamp,
) -> Result<(), IdentityError> {
    if link.used_at.is_some() || link.email != user.email || !user.is_active {
        Err(IdentityError::InvalidLink)
    } else if link.expires_at <= now {
        Err(IdentityError::ExpiredLink)
    } else {
        Ok(())
    }
}

impl Identity {
    /// Verifies the mail address to which the token was sent.
    pub async fn verify_email(&self, actor: &Actor, token: &str) -> Result<(), IdentityError> {
        let tx = self.queue.begin().await?;
        let user = use_link(&tx, TokenPurpose::VerifyEmail, token).await?;
        let actor = &actor.identified_as(user.id);
        let user = mark_verified(&tx, user).await?;
        let user = self.grant_named_admin(&tx, actor, user).await?;
        audit::record(&tx, actor, "auth.verify_email", user_target(user.id), json!({})).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Mails another verification link, if an unverified account with this address exists.
    /// The caller does not learn whether it does.
    pub async fn resend_verification(&self, actor: &Actor, email: &str) -> Result<(), IdentityError> {
        self.mail_link(actor, email, TokenPurpose::VerifyEmail).await
    }

    /// Mails a link to reset the password, if an account with this address exists. The
    /// caller does not learn whether it does.
    pub async fn forgot_password(&self, actor: &Actor, email: &str) -> Result<(), IdentityError> {
        self.mail_link(actor, email, TokenPurpose::ResetPassword).await
    }

    /// Resets the password by the token of a mail, ends every sign-in and deletes every API
    /// token, since the person has lost the password or control of the account. The token
    /// also verifies the address. An unverified account may have been created by somebody
    /// else: it is handed over.
    pub async fn reset_password(
        &self,
        actor: &Actor,
        token: &str,
        new_password: &str,
    ) -> Result<(), IdentityError> {
        let password =
            validation::password(new_password).map_err(|problem| FieldErrors::of("new_password", problem))?;
        // Checked before the password is hashed, which is expensive.
        let now = self.queue.now();
        let link = find_link(self.queue.db(), TokenPurpose::ResetPassword, token).await?;
        let owner = self.get_user(link.user_id).await.map_err(|_| IdentityError::InvalidLink)?;
        check_link(&link, &owner, now)?;
        if validation::is_personal(&password, &owner.email, &owner.full_name) {
            return Err(FieldErrors::of("new_password", PERSONAL).into());
        }
        let hash = self.passwords.hash(password).await?;
        let tx = self.queue.begin().await?;
        let user = use_link(&tx, TokenPurpose::ResetPassword, token).await?;
        let actor = &actor.identified_as(user.id);
        let (user, reason) = close(&tx, actor, user).await?;
        let user = self.grant_named_admin(&tx, actor, user).await?;
        set_password(&tx, actor, user, hash, &reason).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn mail_link(
        &self,
        actor: &Actor,
        email: &str,
        purpose: TokenPurpose,
    ) -> Result<(), IdentityError> {
        validation::known_email(email).map_err(|problem| FieldErrors::of("email", problem))?;
        let answer_at = Instant::now() + MIN_RESPONSE_TIME;
        let done = self.try_mail_link(actor, email, purpose).await;
        tokio::time::sleep_until(answer_at).await;
        done
    }

    async fn try_mail_link(
        &self,
        actor: &Actor,
        email: &str,
        purpose: TokenPurpose,
    ) -> Result<(), IdentityError> {
        let tx = self.queue.begin().await?;
        let user = find_by_address(email).one(&*tx).await?.filter(|user| user.is_active);
        let (template, action) = match purpose {
            TokenPurpose::VerifyEmail => (&templates::CONFIRM_EMAIL, "auth.resend_verification"),
            TokenPurpose::ResetPassword => (&templates::RESET_PASSWORD, "auth.forgot_password"),
        };
        let target = user.as_ref().and_then(|user| user_target(user.id));
        audit::record(&tx, actor, action, target, json!({})).await?;
        if let Some(user) = user.filter(|user| needs_link(user, purpose))
            && count_recent(&tx, user.id, purpose).await? < MAX_MAILS_PER_HOUR
        {
            let link = self.create_link(&tx, &user, purpose).await?;
            queue_mail(&tx, template, &user, &link.to_string(), json!({"token_id": link})).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Creates a link for a mail. Its token is computed when the mail is sent.
    pub(super) async fn create_link(
        &self,
        tx: &Transaction,
        user: &users::Model,
        purpose: TokenPurpose,
    ) -> Result<AccountTokenId, DbErr> {
        let id = AccountTokenId::new();
        let row = account_tokens::ActiveModel {
            id: Set(id),
            user_id: Set(user.id),
            purpose: Set(purpose),
            token_hash: Set(hash_token(&self.links.token(purpose, id))),
            email: Set(user.email.clone()),
            created_at: Set(tx.now()),
            expires_at: Set(tx.now() + lifetime(purpose)),
            used_at: Set(None),
        };
        row.insert(&**tx).await?;
        Ok(id)
    }
}

/// Removes the access of others when a password is reset.
async fn close(
    tx: &Transaction,
    actor: &Actor,
    user: users::Model,
) -> Result<(users::Model, Reason), IdentityError> {
    if user.email_verified_at.is_none() {
        let (user, closed) = sign_in_methods::hand_over(tx, actor, user, "reset").await?;
        return Ok((user, Reason::Reclaimed(closed)));
    }
    let api_tokens = sign_in_methods::delete_api_tokens(tx, user.id).await?;
    Ok((user, Reason::Reset(SignInMethods { api_tokens, ..SignInMethods::default() })))
}

async fn mark_verified(tx: &Transaction, user: users::Model) -> Result<users::Model, DbErr> {
    if user.email_verified_at.is_some() {
        return Ok(user);
    }
    tx.note_access_change(user.id);
    let mut row = user.into_active_model();
    row.email_verified_at = Set(Some(tx.now()));
    row.updated_at = Set(tx.now());
    row.update(&**tx).await
}

fn needs_link(user: &users::Model, purpose: TokenPurpose) -> bool {
    purpose == TokenPurpose::ResetPassword || user.email_verified_at.is_none()
}

async fn count_recent(tx: &Transaction, user: UserId, purpose: TokenPurpose) -> Result<u64, DbErr> {
    account_tokens::Entity::find()
        .filter(account_tokens::Column::UserId.eq(user))
        .filter(account_tokens::Column::Purpose.eq(purpose))
        .filter(account_tokens::Column::CreatedAt.gt(tx.now() - HOUR))
        .count(&**tx)
        .await
}

async fn find_link(
    db: &impl ConnectionTrait,
    purpose: TokenPurpose,
    token: &str,
) -> Result<account_tokens::Model, IdentityError> {
    account_tokens::Entity::find()
        .filter(account_tokens::Column::TokenHash.eq(hash_token(token.trim())))
        .filter(account_tokens::Column::Purpose.eq(purpose))
        .one(db)
        .await?
        .ok_or(IdentityError::InvalidLink)
}

/// Marks a link and all others of its purpose as used. The account stays locked for the
/// rest of the transaction.
async fn use_link(
    tx: &Transaction,
    purpose: TokenPurpose,
    token: &str,
) -> Result<users::Model, IdentityError> {
    let owner = find_link(&**tx, purpose, token).await?.user_id;
    let user = lock_user(tx, owner).await?.ok_or(IdentityError::InvalidLink)?;
    check_link(&find_link(&**tx, purpose, token).await?, &user, tx.now())?;
    account_tokens::Entity::update_many()
        .col_expr(account_tokens::Column::UsedAt, Expr::value(tx.now()))
        .filter(account_tokens::Column::UserId.eq(user.id))
        .filter(account_tokens::Column::Purpose.eq(purpose))
        .filter(account_tokens::Column::UsedAt.is_null())
        .exec(&**tx)
        .await?;
    Ok(user)
}

#[cfg(test)]
mod tests;
