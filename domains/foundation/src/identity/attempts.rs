//! Delays after failed attempts to guess a password, by account and by network. An attempt
//! is counted before the password is verified and removed from the count if it was right,
//! so that concurrent attempts count like consecutive ones, on every replica.

mod rule;

use std::{net::IpAddr, time::Duration};

use atelier_entities::{Timestamp, UserId, sign_in_failures, users};
use atelier_queue::Transaction;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde_json::json;

use self::rule::{ACCOUNT, Count, NETWORK, Rule};
use super::{
    Identity, IdentityError, passwords::Match, recognition::Recognized, tokens::hash_token, user_target,
};
use crate::{Actor, audit, validation};

/// After this time no failure counts any more.
pub(super) const FORGET_AFTER: Duration = Duration::from_secs(24 * 3600);

/// An attempt. It counts as a failure until it succeeds.
pub(super) struct Attempt {
    /// The key of the account, which may not exist, or of a source that it recognizes.
    account: String,
    /// The key of the client's network.
    network: Option<String>,
}

impl Attempt {
    /// An attempt from a recognized source is counted separately, so that failures from
    /// other sources do not lock the person out. One from a recognized device does not
    /// count for the network.
    fn of_sign_in(actor: &Actor, email: &str, recognized: Option<Recognized>) -> Self {
        match recognized {
            Some(Recognized::Device(device)) => Self { account: format!("device:{device}"), network: None },
            Some(Recognized::Network(network)) => {
                Self { account: format!("known:{network}"), network: network_key(actor) }
            }
            None => Self { account: account_key(email), network: network_key(actor) },
        }
    }

    /// An attempt to re-authenticate. It does not count for the network.
    fn of_reauthentication(user: UserId) -> Self {
        Self { account: reauthentication_key(user), network: None }
    }

    fn keys(&self) -> impl Iterator<Item = (&String, Rule)> {
        let network = self.network.iter().map(|key| (key, NETWORK));
        std::iter::once((&self.account, ACCOUNT)).chain(network)
    }

    /// Clears the attempt after a right password: resets the account's count and removes
    /// one failure of the network.
    pub(super) async fn clear(&self, tx: &Transaction) -> Result<(), DbErr> {
        forget(tx, &self.account).await?;
        match &self.network {
            Some(key) => remove_failure(tx, key).await,
            None => Ok(()),
        }
    }

    /// Removes an attempt whose password was not verified.
    async fn uncount(&self, tx: &Transaction) -> Result<(), DbErr> {
        for (key, _) in self.keys() {
            remove_failure(tx, key).await?;
        }
        Ok(())
    }
}

pub(super) fn network_key(actor: &Actor) -> Option<String> {
    Some(address_key(actor.client.ip.as_deref()?.parse().ok()?))
}

fn account_key(email: &str) -> String {
    let kept = validation::email_forms(email).into_iter().next().unwrap_or_default();
    format!("account:{}", hash_token(&kept))
}

fn reauthentication_key(user: UserId) -> String {
    format!("inside:{user}")
}

/// The key of an address. For IPv6 it is the /64 network, which one customer gets.
fn address_key(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("address:{address}"),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("address:{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

impl Identity {
    /// Counts an attempt to sign in, or refuses it because of earlier failures. `account`
    /// is the account of the address, if it exists.
    pub(super) async fn begin_attempt(
        &self,
        actor: &Actor,
        email: &str,
        account: Option<&users::Model>,
    ) -> Result<Attempt, IdentityError> {
        let tx = self.queue.begin().await?;
        let recognized = self.find_recognized(&*tx, actor, account).await?;
        let attempt = Attempt::of_sign_in(actor, email, recognized);
        let wait = count_all(&tx, &attempt).await?;
        if !wait.is_zero() {
            record_wait(&tx, actor, account.and_then(|account| user_target(account.id)), wait).await?;
        }
        tx.commit().await?;
        Ok(attempt)
    }

    /// Counts an attempt to re-authenticate, or refuses it because of earlier failures.
    pub(super) async fn begin_reauthentication_attempt(
        &self,
        actor: &Actor,
        user: UserId,
    ) -> Result<Attempt, IdentityError> {
        let attempt = Attempt::of_reauthentication(user);
        let tx = self.queue.begin().await?;
        let wait = count_all(&tx, &attempt).await?;
        if !wait.is_zero() {
            record_wait(&tx, actor, user_target(user), wait).await?;
        }
        tx.commit().await?;
        Ok(attempt)
    }

    /// Verifies the password of an attempt. If the hashing threads are too busy, the
    /// attempt is not counted.
    pub(super) async fn verify_attempt(
        &self,
        attempt: &Attempt,
        password: &str,
        hash: Option<String>,
    ) -> Result<Match, IdentityError> {
        let verdict = self.verify_password(&bounded(password), hash).await;
        if matches!(verdict, Err(IdentityError::Busy)) {
            let tx = self.queue.begin().await?;
            attempt.uncount(&tx).await?;
            tx.commit().await?;
        }
        verdict
    }

    /// Verifies a password. Hashes from before normalization are of the password as it was
    /// typed: such a match is right, but outdated.
    async fn verify_password(&self, password: &str, hash: Option<String>) -> Result<Match, IdentityError> {
        let opaque = validation::opaque(password);
        let is_typed_so = opaque == password;
        let verdict = self.passwords.verify(opaque, hash.clone()).await?;
        if is_typed_so || verdict != Match::Wrong {
            return Ok(verdict);
        }
        match self.passwords.verify(password.to_owned(), hash).await? {
            Match::Wrong => Ok(Match::Wrong),
            Match::Right | Match::Outdated => Ok(Match::Outdated),
        }
    }

    /// Refuses a client whose network has too many failures.
    pub(super) async fn check_address(&self, actor: &Actor) -> Result<(), IdentityError> {
        let Some(key) = network_key(actor) else { return Ok(()) };
        let row = sign_in_failures::Entity::find_by_id(key).one(self.queue.db()).await?;
        row.map_or(Ok(()), |row| check_blocked(&row, self.queue.now()))
    }

    /// Counts a failure for a client's network only.
    pub(super) async fn count_failure(&self, actor: &Actor) -> Result<(), IdentityError> {
        let Some(key) = network_key(actor) else { return Ok(()) };
        let tx = self.queue.begin().await?;
        let row = lock(&tx, key).await?;
        let wait = count(&tx, row, NETWORK).await?;
        if !wait.is_zero() {
            record_wait(&tx, actor, None, wait).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// The password, or an empty one if it is too long to be valid.
fn bounded(password: &str) -> String {
    if password.chars().count() > 128 { String::new() } else { password.to_owned() }
}

/// Counts an attempt unless one of its keys is blocked. Returns the delay of the next one.
async fn count_all(tx: &Transaction, attempt: &Attempt) -> Result<Duration, IdentityError> {
    let mut counted = Vec::new();
    for (key, rule) in attempt.keys() {
        let row = lock(tx, key.clone()).await?;
        check_blocked(&row, tx.now())?;
        counted.push((row, rule));
    }
    let mut wait = Duration::ZERO;
    for (row, rule) in counted {
        wait = wait.max(count(tx, row, rule).await?);
    }
    Ok(wait)
}

fn check_blocked(row: &sign_in_failures::Model, now: Timestamp) -> Result<(), IdentityError> {
    if row.blocked_until <= now {
        return Ok(());
    }
    let wait = (row.blocked_until - now).to_std().unwrap_or_default();
    Err(IdentityError::TooManyAttempts { retry_after: wait.as_secs() + 1 })
}

/// Counts a failure and returns the delay of the next attempt.
async fn count(tx: &Transaction, row: sign_in_failures::Model, rule: Rule) -> Result<Duration, DbErr> {
    let now = tx.now();
    let before = Count { failures: row.failures, since: row.last_at };
    let after = before.at(rule, now).plus_one(rule);
    let wait = rule.delay(after.failures);
    let mut row = row.into_active_model();
    row.failures = Set(after.failures);
    row.last_at = Set(after.since);
    row.blocked_until = Set(now + wait);
    row.update(&**tx).await?;
    Ok(wait)
}

/// Records a delay in the audit log, once per delay.
async fn record_wait(
    tx: &Transaction,
    actor: &Actor,
    target: Option<String>,
    wait: Duration,
) -> Result<(), DbErr> {
    let context = json!({"wait_secs": wait.as_secs()});
    audit::record_warning(tx, actor, "auth.slowed_down", target, context).await
}

/// Removes one failure and the delay that it caused.
async fn remove_failure(tx: &Transaction, key: &str) -> Result<(), DbErr> {
    sign_in_failures::Entity::update_many()
        .col_expr(sign_in_failures::Column::Failures, Expr::col(sign_in_failures::Column::Failures).sub(1))
        .col_expr(sign_in_failures::Column::BlockedUntil, Expr::value(tx.now()))
        .filter(sign_in_failures::Column::Key.eq(key))
        .filter(sign_in_failures::Column::Failures.gt(0))
        .exec(&**tx)
        .await?;
    Ok(())
}

async fn forget(tx: &Transaction, key: &str) -> Result<(), DbErr> {
    sign_in_failures::Entity::delete_by_id(key).exec(&**tx).await?;
    Ok(())
}

/// Deletes the failures of an account.
pub(super) async fn forget_account(tx: &Transaction, user: &users::Model) -> Result<(), DbErr> {
    forget(tx, &account_key(&user.email)).await?;
    forget(tx, &reauthentication_key(user.id)).await
}

/// The count of a key, locked until the transaction ends.
async fn lock(tx: &Transaction, key: String) -> Result<sign_in_failures::Model, IdentityError> {
    let epoch = Timestamp::UNIX_EPOCH;
    let row = sign_in_failures::ActiveModel {
        key: Set(key.clone()),
        failures: Set(0),
        last_at: Set(epoch),
        blocked_until: Set(epoch),
    };
    let once = OnConflict::column(sign_in_failures::Column::Key).do_nothing().to_owned();
    sign_in_failures::Entity::insert(row)
        .on_conflict(once)
        .try_insert()
        .exec_without_returning(&**tx)
        .await?;
    let found = sign_in_failures::Entity::find_by_id(key).lock_exclusive().one(&**tx).await?;
    found.ok_or_else(|| DbErr::RecordNotFound("the count of attempts".to_owned()).into())
}

#[cfg(test)]
mod tests;
