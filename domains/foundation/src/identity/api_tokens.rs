//! API tokens for scripts. They have a name, scopes and an expiry. They are shown once and
//! stored as a hash.

use std::time::Duration;

use atelier_entities::{ApiScope, ApiTokenId, api_tokens, users};
use atelier_queue::{QueueError, Transaction};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
};
use serde_json::{Value, json};

use super::{
    Identity, IdentityError,
    accounts::lock_user,
    session_of,
    sessions::ensure_active,
    tokens::{hash_token, is_token, new_token},
};
use crate::{
    Actor, FieldErrors, audit,
    mail::{queue_mail, templates},
    validation,
};

/// The prefix of every API token.
const PREFIX: &str = "atl_";
/// Characters of a token that are shown later.
const SHOWN: usize = PREFIX.len() + 6;
/// Maximum number of API tokens of an account.
const MAX_TOKENS: u64 = 50;
/// The default lifetime in days, and the maximum.
const DEFAULT_DAYS: u32 = 90;
const MAX_DAYS: u32 = 366;
/// The error of the scope admin for others.
const OPERATORS_ONLY: &str = "admin is for who operates the platform";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The input for a new API token.
#[derive(Clone, Debug)]
pub struct NewApiToken {
    /// 1 to 100 characters.
    pub name: String,
    /// At least one. `write` implies `read`; `admin` is for administrators.
    pub scopes: Vec<ApiScope>,
    /// 1 to 366; 90 by default.
    pub expires_in_days: Option<u32>,
}

/// A new API token.
pub struct CreatedApiToken {
    /// The stored row.
    pub row: api_tokens::Model,
    /// The token itself. It is shown only once.
    pub token: String,
}

impl std::fmt::Debug for CreatedApiToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedApiToken").field("id", &self.row.id).finish_non_exhaustive()
    }
}

/// The scopes of an API token.
#[must_use]
pub fn scopes_of(token: &api_tokens::Model) -> Vec<ApiScope> {
    parse_scopes(token.scopes.clone())
}

/// The scopes as a row has them.
pub(super) fn parse_scopes(scopes: Value) -> Vec<ApiScope> {
    serde_json::from_value(scopes).unwrap_or_default()
}

/// Whether a bearer token looks like an API token.
pub(super) fn is_api_token(token: &str) -> bool {
    token.strip_prefix(PREFIX).is_some_and(is_token)
}

impl Identity {
    /// The API tokens of an account, newest first.
    pub async fn list_api_tokens(&self, actor: &Actor) -> Result<Vec<api_tokens::Model>, IdentityError> {
        let user = actor.person()?;
        let rows = api_tokens::Entity::find_owned(user).order_by_desc(api_tokens::Column::Id);
        Ok(rows.all(self.queue.db()).await?)
    }

    /// Creates an API token and mails the person. The token outlives the sign-in, so this
    /// requires a recent sign-in or the password.
    pub async fn create_api_token(
        &self,
        actor: &Actor,
        password: Option<&str>,
        input: NewApiToken,
    ) -> Result<CreatedApiToken, IdentityError> {
        let user = actor.person()?;
        let Checked { name, scopes, days } = check(input)?;
        self.reauthenticate_or_recent(actor, password).await?;
        let tx = self.queue.begin().await?;
        let account = lock_user(&tx, user).await?.ok_or(IdentityError::NotFound)?;
        ensure_active(&tx, user, session_of(actor)?).await?;
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
        mail_owner(&tx, &account, &row, &scopes).await?;
        tx.commit().await?;
        Ok(CreatedApiToken { row, token })
    }

    /// Deletes an API token. It is refused from now on.
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

/// Mails the person about a new token. The mail does not have the token's name, since an
/// attacker who created the account may have chosen it. An unverified address gets one such
/// mail a day.
async fn mail_owner(
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

/// The scopes without duplicates, in order; `read` is added to `write`.
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
