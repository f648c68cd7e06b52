//! Administrators' commands on accounts.

use atelier_entities::{Locale, TokenPurpose, UserId, users};
use atelier_queue::Transaction;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DbErr, EntityTrait, IntoActiveModel, SqlErr};
use serde_json::{Map, Value, json};

use super::{
    Identity, IdentityError,
    accounts::{find_by_address, lock_user},
    admin_role,
    admins::{ensure_other_admin, lock_admins},
    attempts,
    deactivate::{Stopped, stop_work},
    recognition::forget_networks,
    sessions::revoke_all,
    user_target,
};
use crate::{
    Actor, FieldErrors, audit, credits,
    mail::{queue_mail, templates},
    validation,
};

/// Maximum balance that an administrator can set.
const MAX_CREDITS: i64 = 1_000_000_000;

/// An administrator's changes of an account. A field that is none stays as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountChanges {
    /// 1 to 120 characters.
    pub full_name: Option<String>,
    /// The mail address, unique among accounts. It must be verified again, and the account
    /// loses the admin role, since the address may be mistyped.
    pub email: Option<String>,
    /// Language of mails.
    pub locale: Option<Locale>,
    /// Name of the plan: 1 to 40 small letters, digits, `-` or `_`.
    pub subscription_plan: Option<String>,
    /// Whether the person is an administrator. This requires a verified mail address.
    pub is_admin: Option<bool>,
    /// Whether the account is active. A deactivation ends every sign-in, stops generations
    /// and deployments, and is reported by mail.
    pub is_active: Option<bool>,
    /// The new balance.
    pub credits: Option<i64>,
    /// The reason, at most 200 characters. It is stored in the audit log and in the credit
    /// history.
    pub reason: Option<String>,
}

impl Identity {
    /// Changes an account. Each kind of change has its audit entry. Values that are already
    /// set are skipped, so a repeated call changes nothing.
    pub async fn change_account(
        &self,
        actor: &Actor,
        user: UserId,
        changes: AccountChanges,
    ) -> Result<users::Model, IdentityError> {
        let changes = check(changes)?;
        let known = self.get_user(user).await?;
        let changes = without_same_email(changes, &known);
        let takes_right =
            changes.is_admin == Some(false) || changes.is_active == Some(false) || changes.email.is_some();
        let is_closing = changes.is_active == Some(false) && known.is_active;
        let tx = self.queue.begin().await?;
        let stopped = match is_closing {
            true => stop_work(&tx, user, &self.work_queues()).await?,
            false => Stopped::default(),
        };
        if takes_right && known.is_admin {
            lock_admins(&tx).await?;
        }
        let account = lock_user(&tx, user).await?.ok_or(IdentityError::NotFound)?;
        if takes_right && account.is_admin && account.is_active {
            ensure_other_admin(&tx, user).await?;
        }
        let change = Change { tx: &tx, actor, reason: changes.reason.as_deref(), stopped };
        let account = self.change_fields(&change, account, &changes).await?;
        let account = change.set_admin(account, changes.is_admin).await?;
        let account = change.set_active(account, changes.is_active).await?;
        let account = change.set_credits(account, changes.credits).await?;
        tx.commit().await?;
        if is_closing {
            self.cancel_late_jobs(user).await?;
        }
        Ok(account)
    }

    /// Deletes another person's account with all its data. Administrators delete their own
    /// account with [`Identity::delete_account`], which requires the password.
    pub async fn delete_other_account(&self, actor: &Actor, user: UserId) -> Result<(), IdentityError> {
        if actor.user() == Some(user) {
            let tx = self.queue.begin().await?;
            ensure_other_admin(&tx, user).await?;
            return Err(IdentityError::OwnAccount);
        }
        self.erase_account(actor, user).await
    }

    async fn change_fields(
        &self,
        change: &Change<'_>,
        account: users::Model,
        changes: &AccountChanges,
    ) -> Result<users::Model, IdentityError> {
        let tx = change.tx;
        let (mut before, mut after) = (Map::new(), Map::new());
        let former = account.clone();
        let mut row = account.clone().into_active_model();
        macro_rules! set {
            ($($field:ident),+) => {$(
                if let Some(wanted) = &changes.$field && *wanted != account.$field {
                    before.insert(stringify!($field).to_owned(), json!(account.$field));
                    after.insert(stringify!($field).to_owned(), json!(wanted));
                    row.$field = Set(wanted.clone());
                }
            )+};
        }
        set!(full_name, email, locale, subscription_plan);
        if after.is_empty() {
            return Ok(account);
        }
        let has_other_email = after.contains_key("email");
        if has_other_email {
            Self::ensure_free(tx, account.id, changes.email.as_deref()).await?;
            row.email_verified_at = Set(None);
        }
        row.updated_at = Set(tx.now());
        let account = row.update(&**tx).await.map_err(|error| match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => IdentityError::EmailTaken,
            _ => IdentityError::Database(error),
        })?;
        if has_other_email {
            tx.note_access_change(account.id);
            self.announce_email_change(tx, &former, &account).await?;
        }
        change.record("account.change", &account, json!({"before": before, "after": after})).await?;
        // The owner of the new address was not granted the role.
        if has_other_email { change.set_admin(account, Some(false)).await } else { Ok(account) }
    }

    /// Refuses an address that another account has in any form.
    async fn ensure_free(tx: &Transaction, user: UserId, address: Option<&str>) -> Result<(), IdentityError> {
        let owner = find_by_address(address.unwrap_or_default()).one(&**tx).await?;
        if owner.is_some_and(|owner| owner.id != user) { Err(IdentityError::EmailTaken) } else { Ok(()) }
    }

    /// After a change of the address: ends every sign-in, mails a verification link to the
    /// new address and a notice to the old one.
    async fn announce_email_change(
        &self,
        tx: &Transaction,
        former: &users::Model,
        account: &users::Model,
    ) -> Result<(), IdentityError> {
        revoke_all(tx, account.id).await?;
        attempts::forget_account(tx, former).await?;
        forget_networks(tx, account.id).await?;
        let link = self.create_link(tx, account, TokenPurpose::VerifyEmail).await?;
        let data = json!({"token_id": link});
        queue_mail(tx, &templates::CONFIRM_EMAIL, account, &link.to_string(), data).await?;
        queue_mail(tx, &templates::EMAIL_CHANGED, former, &link.to_string(), json!({})).await?;
        Ok(())
    }
}

/// A running change of an account.
struct Change<'a> {
    tx: &'a Transaction,
    actor: &'a Actor,
    reason: Option<&'a str>,
    stopped: Stopped,
}

impl Change<'_> {
    async fn record(&self, action: &str, account: &users::Model, mut context: Value) -> Result<(), DbErr> {
        if let (Some(reason), Value::Object(fields)) = (self.reason, &mut context) {
            fields.insert("reason".to_owned(), json!(reason));
        }
        let is_right = matches!(action, "account.grant_admin" | "account.revoke_admin");
        let target = user_target(account.id);
        if is_right {
            audit::record_critical(self.tx, self.actor, action, target, context).await
        } else {
            audit::record_warning(self.tx, self.actor, action, target, context).await
        }
    }

    async fn set_admin(
        &self,
        account: users::Model,
        wanted: Option<bool>,
    ) -> Result<users::Model, IdentityError> {
        let Some(is_admin) = wanted.filter(|wanted| *wanted != account.is_admin) else { return Ok(account) };
        if is_admin && account.email_verified_at.is_none() {
            return Err(IdentityError::UnverifiedAdmin);
        }
        let account = match is_admin {
            true => admin_role::grant(self.tx, account).await?,
            false => admin_role::revoke(self.tx, account).await?,
        };
        let action = if is_admin { "account.grant_admin" } else { "account.revoke_admin" };
        let context = json!({"before": {"is_admin": !is_admin}, "after": {"is_admin": is_admin}});
        self.record(action, &account, context).await?;
        Ok(account)
    }

    async fn set_active(
        &self,
        account: users::Model,
        wanted: Option<bool>,
    ) -> Result<users::Model, IdentityError> {
        let Some(is_active) = wanted.filter(|wanted| *wanted != account.is_active) else {
            return Ok(account);
        };
        let mut row = account.into_active_model();
        row.is_active = Set(is_active);
        row.updated_at = Set(self.tx.now());
        let account = row.update(&**self.tx).await?;
        self.tx.note_access_change(account.id);
        let mut context = json!({"before": {"is_active": !is_active}, "after": {"is_active": is_active}});
        if is_active {
            self.record("account.activate", &account, context).await?;
            return Ok(account);
        }
        revoke_all(self.tx, account.id).await?;
        let Stopped { cancelled, stopping } = self.stopped;
        context["jobs"] = json!({"cancelled": cancelled, "stopping": stopping});
        self.record("account.deactivate", &account, context).await?;
        let cause = self.tx.now().timestamp_micros().to_string();
        let data = json!({"stopped": cancelled + stopping});
        queue_mail(self.tx, &templates::ACCOUNT_DEACTIVATED, &account, &cause, data).await?;
        Ok(account)
    }

    async fn set_credits(
        &self,
        account: users::Model,
        wanted: Option<i64>,
    ) -> Result<users::Model, IdentityError> {
        let Some(credits) = wanted.filter(|wanted| *wanted != account.credits) else { return Ok(account) };
        let description = self.reason.unwrap_or("Set by an administrator");
        credits::adjust(self.tx, account.id, credits - account.credits, description).await?;
        let context = json!({"before": {"credits": account.credits}, "after": {"credits": credits}});
        self.record("credits.adjust", &account, context).await?;
        let found = users::Entity::find_by_id(account.id).one(&**self.tx).await?;
        found.ok_or(IdentityError::NotFound)
    }
}

/// The changes without the mail address, if it is the current one.
fn without_same_email(changes: AccountChanges, account: &users::Model) -> AccountChanges {
    let is_other = |email: &String| !validation::email_forms(email).contains(&account.email);
    AccountChanges { email: changes.email.filter(is_other), ..changes }
}

fn check(changes: AccountChanges) -> Result<AccountChanges, FieldErrors> {
    let mut errors = FieldErrors::default();
    let full_name = changes.full_name.map(|name| validation::full_name(&name)).transpose();
    let full_name = errors.take("full_name", full_name);
    let email = errors.take("email", changes.email.map(|email| validation::email(&email)).transpose());
    let plan = changes.subscription_plan.map(|plan| check_plan(&plan)).transpose();
    let subscription_plan = errors.take("subscription_plan", plan);
    let credits = errors.take("credits", changes.credits.map(check_credits).transpose());
    let reason = changes.reason.map(|reason| validation::line(&reason, 1, 200)).transpose();
    let reason = errors.take("reason", reason);
    let (locale, is_admin, is_active) = (changes.locale, changes.is_admin, changes.is_active);
    let checked = || {
        Some(AccountChanges {
            full_name: full_name?,
            email: email?,
            locale,
            subscription_plan: subscription_plan?,
            is_admin,
            is_active,
            credits: credits?,
            reason: reason?,
        })
    };
    let checked = checked();
    errors.finish(checked)
}

fn check_plan(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if (1..=40).contains(&text.len()) && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("must have 1 to 40 small letters, digits, - or _".to_owned())
    }
}

fn check_credits(credits: i64) -> Result<i64, String> {
    if (0..=MAX_CREDITS).contains(&credits) {
        Ok(credits)
    } else {
        Err(format!("must be 0 to {MAX_CREDITS}"))
    }
}

#[cfg(test)]
mod tests;
