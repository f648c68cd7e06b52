//! Sign-in methods of an account beside its password, and handing an account over to the
//! owner of its address.

use atelier_entities::{UserId, account_tokens, api_tokens, users};
use atelier_queue::Transaction;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, sea_query::Expr,
};
use serde::Serialize;
use serde_json::json;

use super::{
    IdentityError, admin_role, attempts,
    linked::{list_names, unlink_all},
    recognition::forget_networks,
    sessions::revoke_all,
    user_target,
};
use crate::{Actor, audit};

/// Sign-in methods beside the password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct SignInMethods {
    /// API tokens that have not expired.
    pub(super) api_tokens: u64,
    /// Linked providers, as people call them.
    pub(super) providers: Vec<&'static str>,
}

/// The sign-in methods of an account.
pub(super) async fn list(tx: &Transaction, user: UserId) -> Result<SignInMethods, DbErr> {
    let tokens = api_tokens::Entity::find_owned(user).filter(api_tokens::Column::ExpiresAt.gt(tx.now()));
    Ok(SignInMethods { api_tokens: tokens.count(&**tx).await?, providers: list_names(tx, user).await? })
}

/// Deletes every API token of an account. Returns how many were valid.
pub(super) async fn delete_api_tokens(tx: &Transaction, user: UserId) -> Result<u64, DbErr> {
    let good = list(tx, user).await?.api_tokens;
    api_tokens::Entity::delete_many().filter(api_tokens::Column::UserId.eq(user)).exec(&**tx).await?;
    tx.note_access_change(user);
    Ok(good)
}

/// Hands an account with an unproven address over to the owner of the address. It removes
/// the password, all sign-in methods, sessions and the admin role, so that the person who
/// created the account has no access any more. `by` says how the address was verified.
/// Returns the account and its earlier sign-in methods.
pub(super) async fn hand_over(
    tx: &Transaction,
    actor: &Actor,
    user: users::Model,
    by: &str,
) -> Result<(users::Model, SignInMethods), IdentityError> {
    let before = list(tx, user.id).await?;
    let mut row = user.into_active_model();
    row.password_hash = Set(None);
    row.provider = Set("email".to_owned());
    row.provider_id = Set(None);
    row.email_verified_at = Set(Some(tx.now()));
    row.updated_at = Set(tx.now());
    let user = row.update(&**tx).await?;
    tx.note_access_change(user.id);
    let had_right = user.is_admin;
    let user = if had_right { admin_role::revoke(tx, user).await? } else { user };
    revoke_all(tx, user.id).await?;
    delete_api_tokens(tx, user.id).await?;
    account_tokens::Entity::update_many()
        .col_expr(account_tokens::Column::UsedAt, Expr::value(tx.now()))
        .filter(account_tokens::Column::UserId.eq(user.id))
        .filter(account_tokens::Column::UsedAt.is_null())
        .exec(&**tx)
        .await?;
    unlink_all(tx, &user).await?;
    attempts::forget_account(tx, &user).await?;
    forget_networks(tx, user.id).await?;
    if had_right {
        let context = json!({"by": by});
        audit::record_critical(tx, actor, "account.revoke_admin", user_target(user.id), context).await?;
    }
    let context = json!({"by": by, "removed": before});
    audit::record_warning(tx, actor, "auth.claim_account", user_target(user.id), context).await?;
    Ok((user, before))
}
