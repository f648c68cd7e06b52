//! Started sign-ins at providers.

use std::time::Duration;

use atelier_entities::{OAuthEnd, SignInProvider, Timestamp, oauth_states};
use atelier_providers::oauth::Flow;
use atelier_queue::Transaction;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait};

use super::{OAuthRefusal, SignInCallback};
use crate::identity::tokens::hash_token;

/// Time limit of a sign-in.
pub(super) const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// A new sign-in.
pub(super) struct NewState<'a> {
    pub(super) provider: SignInProvider,
    pub(super) end: OAuthEnd,
    pub(super) flow: &'a Flow,
    pub(super) browser_hash: Option<String>,
}

/// Stores the secrets of a sign-in.
pub(super) async fn create(
    db: &impl ConnectionTrait,
    now: Timestamp,
    state: NewState<'_>,
) -> Result<(), DbErr> {
    let NewState { provider, end, flow, browser_hash } = state;
    let row = oauth_states::ActiveModel {
        state_hash: Set(hash_token(&flow.state)),
        provider: Set(provider),
        ends_at: Set(end),
        nonce: Set(flow.nonce.clone()),
        verifier: Set(flow.verifier.clone()),
        browser_hash: Set(browser_hash),
        created_at: Set(now),
        expires_at: Set(now + LIFETIME),
    };
    oauth_states::Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// The sign-in with this state.
pub(super) async fn find(
    db: &impl ConnectionTrait,
    state: &str,
) -> Result<Option<oauth_states::Model>, DbErr> {
    oauth_states::Entity::find_by_id(hash_token(state)).one(db).await
}

/// Deletes and returns the sign-in with this state. Of two concurrent calls only one gets
/// it.
pub(super) async fn take(tx: &Transaction, state: &str) -> Result<Option<oauth_states::Model>, DbErr> {
    let Some(row) = find(&**tx, state).await? else { return Ok(None) };
    let deleted = oauth_states::Entity::delete_by_id(&row.state_hash).exec(&**tx).await?;
    Ok((deleted.rows_affected == 1).then_some(row))
}

/// Whether a callback may finish this sign-in.
pub(super) fn check(
    row: &oauth_states::Model,
    provider: SignInProvider,
    returned: &SignInCallback,
    now: Timestamp,
) -> Result<(), OAuthRefusal> {
    let cookie_hash = returned.cookie.as_deref().map(hash_token);
    let same_browser =
        row.ends_at == OAuthEnd::Client || (row.browser_hash.is_some() && row.browser_hash == cookie_hash);
    let fits = row.provider == provider && row.ends_at == returned.end && same_browser;
    if fits && row.expires_at > now { Ok(()) } else { Err(OAuthRefusal::InvalidState) }
}

#[cfg(test)]
mod tests {
    use atelier_providers::oauth::Callback;

    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_timestamp(secs, 0).expect("a valid time")
    }

    #[test]
    fn a_sign_in_is_finished_by_its_client_in_time() {
        use OAuthEnd::{Browser, Client};
        use SignInProvider::{Github, Google};
        for (began, came, cookie, now, good) in [
            ((Google, Browser), (Google, Browser), Some("biscuit"), 599, true),
            ((Google, Browser), (Google, Browser), Some("biscuit"), 600, false),
            ((Google, Browser), (Google, Browser), Some("other"), 0, false),
            ((Google, Browser), (Google, Browser), None, 0, false),
            ((Google, Browser), (Github, Browser), Some("biscuit"), 0, false),
            ((Google, Browser), (Google, Client), Some("biscuit"), 0, false),
            ((Google, Client), (Google, Client), None, 0, true),
            ((Google, Client), (Google, Browser), None, 0, false),
            ((Google, Client), (Github, Client), None, 0, false),
        ] {
            let row = oauth_states::Model {
                state_hash: hash_token("state"),
                provider: began.0,
                ends_at: began.1,
                nonce: String::new(),
                verifier: String::new(),
                browser_hash: (began.1 == Browser).then(|| hash_token("biscuit")),
                created_at: at(0),
                expires_at: at(0) + LIFETIME,
            };
            let returned = SignInCallback {
                state: "state".to_owned(),
                callback: Callback { code: String::new(), issuer: None, user: None },
                end: came.1,
                cookie: cookie.map(str::to_owned),
            };
            let checked = check(&row, came.0, &returned, at(now));
            assert_eq!(checked.is_ok(), good, "{began:?} {came:?} {cookie:?} {now}");
        }
    }
}
