//! Guessing passwords gets slower with each failure, for an account and for an
//! address. An attempt is counted before the password is looked at and struck off when
//! it was right, so that many at once count like many in a row, on every replica.

use std::{net::IpAddr, time::Duration};

use atelier_entities::{Timestamp, sign_in_failures, users};
use atelier_queue::Transaction;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde_json::json;

use super::{Identity, IdentityError, tokens::hash_token, user_target};
use crate::{Caller, audit};

/// Failures older than this are forgotten.
pub(super) const FORGET_AFTER: Duration = Duration::from_secs(24 * 3600);

/// How fast delays grow.
#[derive(Clone, Copy, Debug)]
struct Rule {
    /// Failures without a delay.
    free: i32,
    /// The longest delay.
    longest: Duration,
}

/// Short at its longest, since somebody else could keep a person out by it.
const ACCOUNT: Rule = Rule { free: 5, longest: Duration::from_secs(60) };
const ADDRESS: Rule = Rule { free: 20, longest: Duration::from_secs(15 * 60) };

/// How long the next attempt waits after so many failures: nothing at first, then
/// twice as long each time.
fn delay(rule: Rule, failures: i32) -> Duration {
    let beyond = failures - rule.free;
    if beyond <= 0 {
        return Duration::ZERO;
    }
    // Twenty doublings are longer than the longest delay.
    let doublings = (beyond - 1).clamp(0, 20);
    Duration::from_secs(1 << doublings).min(rule.longest)
}

/// What is counted: the account, known or not, and the client's network.
fn keys(caller: &Caller, email: &str) -> Vec<(String, Rule)> {
    let mut keys = vec![(account_key(email), ACCOUNT)];
    keys.extend(network_key(caller));
    keys
}

fn network_key(caller: &Caller) -> Option<(String, Rule)> {
    let address = caller.ip.as_deref()?.parse().ok()?;
    Some((address_key(address), ADDRESS))
}

fn account_key(email: &str) -> String {
    format!("account:{}", hash_token(email))
}

/// Of an IPv6 address, the network of 64 bits that one customer is given.
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
    /// Counts an attempt to use the password of an account, or refuses it because of
    /// those before.
    pub(super) async fn begin_attempt(&self, caller: &Caller, email: &str) -> Result<(), IdentityError> {
        let tx = self.queue.begin().await?;
        let mut counted = Vec::new();
        for (key, rule) in keys(caller, email) {
            let row = lock(&tx, key).await?;
            check_blocked(&row, tx.now())?;
            counted.push((row, rule));
        }
        let mut wait = Duration::ZERO;
        for (row, rule) in counted {
            wait = wait.max(count(&tx, row, rule).await?);
        }
        if !wait.is_zero() {
            let account = users::Entity::find_by_email(email).one(&*tx).await?;
            record_wait(&tx, caller, account.and_then(|account| user_target(account.id)), wait).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Refuses a client whose network failed too often.
    pub(super) async fn check_address(&self, caller: &Caller) -> Result<(), IdentityError> {
        let Some((key, _)) = network_key(caller) else { return Ok(()) };
        let row = sign_in_failures::Entity::find_by_id(key).one(self.queue.db()).await?;
        row.map_or(Ok(()), |row| check_blocked(&row, self.queue.now()))
    }

    /// Counts a failure of a client's network alone.
    pub(super) async fn count_failure(&self, caller: &Caller) -> Result<(), IdentityError> {
        let Some((key, rule)) = network_key(caller) else { return Ok(()) };
        let tx = self.queue.begin().await?;
        let row = lock(&tx, key).await?;
        let wait = count(&tx, row, rule).await?;
        if !wait.is_zero() {
            record_wait(&tx, caller, None, wait).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

fn check_blocked(row: &sign_in_failures::Model, now: Timestamp) -> Result<(), IdentityError> {
    if row.blocked_until <= now {
        return Ok(());
    }
    let wait = (row.blocked_until - now).to_std().unwrap_or_default();
    Err(IdentityError::TooManyAttempts { retry_after: wait.as_secs() + 1 })
}

/// Counts a failure, and answers how long the next attempt waits.
async fn count(tx: &Transaction, row: sign_in_failures::Model, rule: Rule) -> Result<Duration, DbErr> {
    let now = tx.now();
    let failures = if row.last_at + FORGET_AFTER <= now { 1 } else { row.failures.saturating_add(1) };
    let mut row = row.into_active_model();
    row.failures = Set(failures);
    row.last_at = Set(now);
    row.blocked_until = Set(now + delay(rule, failures));
    row.update(&**tx).await?;
    Ok(delay(rule, failures))
}

/// Notes that somebody is made to wait, once for each wait.
async fn record_wait(
    tx: &Transaction,
    caller: &Caller,
    target: Option<String>,
    wait: Duration,
) -> Result<(), DbErr> {
    let context = json!({"wait_secs": wait.as_secs()});
    audit::record_warning(tx, caller, "auth.slowed_down", target, context).await
}

/// Strikes off an attempt whose password was right: the account starts anew, the
/// address has one failure less.
pub(super) async fn clear(tx: &Transaction, caller: &Caller, email: &str) -> Result<(), DbErr> {
    forget_account(tx, email).await?;
    if let Some((key, _)) = network_key(caller) {
        sign_in_failures::Entity::update_many()
            .col_expr(
                sign_in_failures::Column::Failures,
                Expr::col(sign_in_failures::Column::Failures).sub(1),
            )
            .filter(sign_in_failures::Column::Key.eq(key))
            .filter(sign_in_failures::Column::Failures.gt(0))
            .exec(&**tx)
            .await?;
    }
    Ok(())
}

/// Forgets the failures of an account.
pub(super) async fn forget_account(tx: &Transaction, email: &str) -> Result<(), DbErr> {
    sign_in_failures::Entity::delete_by_id(account_key(email)).exec(&**tx).await?;
    Ok(())
}

/// The count of a key, held until the transaction ends.
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
mod tests {
    use super::*;
    use crate::testing::Bench;

    #[test]
    fn each_failure_beyond_the_free_ones_doubles_the_wait() {
        for (rule, failures, secs) in [
            (ACCOUNT, 0, 0),
            (ACCOUNT, 5, 0),
            (ACCOUNT, 6, 1),
            (ACCOUNT, 7, 2),
            (ACCOUNT, 11, 32),
            (ACCOUNT, 12, 60),
            (ACCOUNT, i32::MAX, 60),
            (ADDRESS, 20, 0),
            (ADDRESS, 21, 1),
            (ADDRESS, 30, 512),
            (ADDRESS, 31, 900),
        ] {
            assert_eq!(delay(rule, failures).as_secs(), secs, "{rule:?} {failures}");
        }
    }

    #[test]
    fn accounts_are_counted_by_a_hash_and_addresses_by_their_network() {
        let from = |ip: &str| Caller { ip: Some(ip.to_owned()), ..Caller::default() };
        let second = |ip: &str| keys(&from(ip), "ada@example.org").remove(1).0;

        assert_eq!(keys(&Caller::default(), "ada@example.org").len(), 1);
        assert!(!account_key("ada@example.org").contains("ada"));
        assert_eq!(second("192.0.2.7"), "address:192.0.2.7");
        assert_eq!(second("2001:db8:1:2:3::4"), second("2001:db8:1:2:ffff::1"));
        assert_ne!(second("2001:db8:1:2::1"), second("2001:db8:1:3::1"));
    }

    #[tokio::test]
    async fn guessing_gets_slower_and_the_right_password_starts_anew() {
        let bench = Bench::new().await;
        bench.register("ada@example.org").await;
        let login = async |email: &str, password: &str| {
            bench.services.identity.login(&Caller::default(), email, password).await.err()
        };
        for _ in 0..12 {
            let wrong = login("ada@example.org", "wrong horse").await;
            assert!(matches!(wrong, Some(IdentityError::BadCredentials)), "{wrong:?}");
            bench.advance(60);
        }
        let wrong = login("ada@example.org", "wrong horse").await;
        assert!(matches!(wrong, Some(IdentityError::BadCredentials)), "{wrong:?}");
        let blocked = login("ada@example.org", "correct horse").await;
        assert!(matches!(blocked, Some(IdentityError::TooManyAttempts { retry_after: 1..=60 })));

        bench.advance(60);
        assert!(login("ada@example.org", "correct horse").await.is_none());
        let wrong = login("ada@example.org", "wrong horse").await;
        assert!(matches!(wrong, Some(IdentityError::BadCredentials)));
        assert!(login("ada@example.org", "correct horse").await.is_none());
    }

    #[tokio::test]
    async fn an_unknown_account_gets_slower_too_and_an_address_over_many_accounts() {
        let bench = Bench::new().await;
        let caller = Caller { ip: Some("192.0.2.1".to_owned()), ..Caller::default() };
        let begin = async |email: String| bench.services.identity.begin_attempt(&caller, &email).await;
        for _ in 0..6 {
            begin("nobody@example.org".to_owned()).await.expect("counted");
        }
        let refused = begin("nobody@example.org".to_owned()).await;
        assert!(matches!(refused, Err(IdentityError::TooManyAttempts { .. })));
        for number in 0..15 {
            begin(format!("{number}@example.org")).await.expect("counted");
        }
        let refused = begin("another@example.org".to_owned()).await;
        assert!(matches!(refused, Err(IdentityError::TooManyAttempts { .. })));

        bench.advance(24 * 3600);
        for _ in 0..5 {
            begin("nobody@example.org".to_owned()).await.expect("forgotten");
        }
    }
}
