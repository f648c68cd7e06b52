//! API tokens: what scripts sign in with. Named, scoped, expiring; shown once, and
//! stored as a hash.

use std::time::Duration;

use atelier_entities::{ApiScope, ApiTokenId, api_tokens, users};
use atelier_queue::{QueueError, Transaction};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
};
use serde_json::json;

use super::{
    Identity, IdentityError,
    accounts::lock_user,
    session_of,
    sessions::ensure_alive,
    tokens::{hash_token, is_token, new_token},
};
use crate::{
    Actor, FieldErrors, audit,
    mail::{queue_mail, templates},
    validation,
};

/// What every API token begins with.
const PREFIX: &str = "atl_";
/// Characters of a token that its owner sees later.
const SHOWN: usize = PREFIX.len() + 6;
/// API tokens of one account.
const MAX_TOKENS: u64 = 50;
/// Days a token is good for, where nothing is said, and at most.
const DEFAULT_DAYS: u32 = 90;
const MAX_DAYS: u32 = 366;
/// What is wrong with the scope admin for anybody else.
const OPERATORS_ONLY: &str = "admin is for who operates the platform";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What a new API token is made of.
#[derive(Clone, Debug)]
pub struct NewApiToken {
    /// 1 to 100 characters.
    pub name: String,
    /// At least one. Writing implies reading; admin is for who operates the platform.
    pub scopes: Vec<ApiScope>,
    /// 1 to 366; 90 where none is given.
    pub expires_in_days: Option<u32>,
}

/// An API token that was just made.
pub struct MadeApiToken {
    /// What is kept of it.
    pub row: api_tokens::Model,
    /// The token itself, which is shown this once.
    pub token: String,
}

impl std::fmt::Debug for MadeApiToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MadeApiToken").field("id", &self.row.id).finish_non_exhaustive()
    }
}

/// What an API token may be used for.
#[must_use]
pub fn scopes_of(token: &api_tokens::Model) -> Vec<ApiScope> {
    serde_json::from_value(token.scopes.clone()).unwrap_or_default()
}

/// Whether a bearer token looks like an API token.
pub(super) fn is_one(token: &str) -> bool {
    token.strip_prefix(PREFIX).is_some_and(is_token)
}

impl Identity {
    /// The API tokens of an account, newest first.
    pub async fn list_api_tokens(&self, actor: &Actor) -> Result<Vec<api_tokens::Model>, IdentityError> {
        let user = actor.person()?;
        let rows = api_tokens::Entity::find_owned(user).order_by_desc(api_tokens::Column::Id);
        Ok(rows.all(self.queue.db()).await?)
    }

    /// Makes an API token, and tells the person by mail. It outlives the sign-in, so it
    /// asks for one of the last minutes, or for the password.
    pub async fn create_api_token(
        &self,
        actor: &Actor,
        password: Option<&str>,
        input: NewApiToken,
    ) -> Result<MadeApiToken, IdentityError> {
        let user = actor.person()?;
        let Checked { name, scopes, days } = check(input)?;
        self.reauthenticate_or_recent(actor, password).await?;
        let tx = self.queue.begin().await?;
        let account = lock_user(&tx, user).await?.ok_or(IdentityError::NotFound)?;
        ensure_alive(&tx, user, session_of(actor)?).await?;
        if scopes.contains(&ApiScope::Admin) && !account.is_admin {
            return Err(FieldErrors::of("scopes", OPERATORS_ONLY).into());
        }
        let count = api_tokens::Entity::find_owned(user).count(&*tx).await?;
        if count >= MAX_TOKENS {
            return Err(IdentityError::TooManyApiTokens(count));
        }
        let token = format!("{PREFIX}{}", new_token());
        let row = api_tokens::ActiveModel {
            id: Set(ApiTokenId::new()),
            user_id: Set(user),
            name: Set(name),
            prefix: Set(token.chars().take(SHOWN).collect()),
            token_hash: Set(hash_token(&token)),
            scopes: Set(json!(scopes)),
            created_at: Set(tx.now()),
            expires_at: Set(tx.now() + DAY * days),
            last_used_at: Set(None),
        };
        let row = row.insert(&*tx).await?;
        let context = json!({"scopes": scopes, "expires_at": row.expires_at});
        audit::record_warning(&tx, actor, "auth.create_api_token", target(row.id), context).await?;
        tell(&tx, &account, &row, &scopes).await?;
        tx.commit().await?;
        Ok(MadeApiToken { row, token })
    }

    /// Deletes an API token: it is refused from now on.
    pub async fn delete_api_token(&self, actor: &Actor, id: ApiTokenId) -> Result<(), IdentityError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        let own = api_tokens::Entity::delete_many()
            .filter(api_tokens::Column::Id.eq(id))
            .filter(api_tokens::Column::UserId.eq(user));
        if own.exec(&*tx).await?.rows_affected == 0 {
            return Err(IdentityError::NoSuchApiToken);
        }
        tx.note_access_change(user);
        audit::record(&tx, actor, "auth.delete_api_token", target(id), json!({})).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Tells the person of a new token. Its name stays out of the mail: whoever made the
/// account may have typed it for somebody else to read. An address that was never proven
/// gets one such mail a day.
async fn tell(
    tx: &Transaction,
    account: &users::Model,
    token: &api_tokens::Model,
    scopes: &[ApiScope],
) -> Result<(), QueueError> {
    let cause = match account.email_verified_at {
        Some(_) => token.id.to_string(),
        None => tx.now().date_naive().to_string(),
    };
    let data = json!({"prefix": token.prefix, "scopes": scopes, "expires_at": token.expires_at});
    queue_mail(tx, &templates::API_TOKEN_CREATED, account, &cause, data).await?;
    Ok(())
}

struct Checked {
    name: String,
    scopes: Vec<ApiScope>,
    days: u32,
}

fn check(input: NewApiToken) -> Result<Checked, FieldErrors> {
    let mut errors = FieldErrors::default();
    let name = errors.take("name", validation::line(&input.name, 1, 100));
    let scopes = errors.take("scopes", check_scopes(&input.scopes));
    let days = match input.expires_in_days.unwrap_or(DEFAULT_DAYS) {
        days @ 1..=MAX_DAYS => Ok(days),
        _ => Err(format!("must lie between 1 and {MAX_DAYS}")),
    };
    let days = errors.take("expires_in_days", days);
    let checked = || Some(Checked { name: name?, scopes: scopes?, days: days? });
    let checked = checked();
    errors.finish(checked)
}

/// The scopes once each, in their order, with reading where writing is.
fn check_scopes(wanted: &[ApiScope]) -> Result<Vec<ApiScope>, String> {
    let has = |scope: ApiScope| {
        wanted.contains(&scope) || (scope == ApiScope::Read && wanted.contains(&ApiScope::Write))
    };
    let scopes: Vec<ApiScope> = ApiScope::ALL.iter().copied().filter(|scope| has(*scope)).collect();
    if scopes.contains(&ApiScope::Read) { Ok(scopes) } else { Err("must hold read or write".to_owned()) }
}

fn target(id: ApiTokenId) -> Option<String> {
    Some(format!("api_token:{id}"))
}

#[cfg(test)]
mod tests;
