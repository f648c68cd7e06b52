//! The secrets that prove the calls of a hook: sealed rows, of which several may be good at once.

use std::time::Duration;

use atelier_entities::{
    Timestamp, WorkflowHookId, WorkflowHookSecretId, workflow_hook_secrets as rows, workflow_hooks,
};
use atelier_foundation::key_ring::{Aad, KeyRing, KeyRingError, Sealed};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};
use secrecy::SecretString;

use super::{HookError, SecretTimes};

/// Least characters of a secret.
pub const MIN_SECRET: usize = 8;
/// Most characters of a secret.
pub const MAX_SECRET: usize = 500;
/// How long a secret is good after another one has replaced it.
const REPLACED_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Most secrets of a hook that are good at once.
const MAX_LIVE: usize = 5;

/// What a secret of a hook is authenticated with.
fn aad(hook: &workflow_hooks::Model, revision: i64) -> Aad<'static> {
    Aad { purpose: "webhook", id: hook.id.0, owner: hook.user_id.0, kind: "secret", revision }
}

/// The rows of secrets that are good now, newest first.
async fn list_rows(
    db: &impl ConnectionTrait,
    hooks: impl IntoIterator<Item = WorkflowHookId>,
    now: Timestamp,
) -> Result<Vec<rows::Model>, DbErr> {
    rows::Entity::find()
        .filter(rows::Column::HookId.is_in(hooks))
        .filter(is_good(now))
        .order_by_desc(rows::Column::Id)
        .all(db)
        .await
}

fn is_good(now: Timestamp) -> Condition {
    Condition::any().add(rows::Column::ExpiresAt.is_null()).add(rows::Column::ExpiresAt.gt(now))
}

/// What may be known of the secrets of these hooks, newest first.
pub(super) async fn list_times(
    db: &impl ConnectionTrait,
    hooks: impl IntoIterator<Item = WorkflowHookId>,
    now: Timestamp,
) -> Result<Vec<(WorkflowHookId, SecretTimes)>, DbErr> {
    let found = list_rows(db, hooks, now).await?;
    let times = |row: &rows::Model| SecretTimes { created_at: row.created_at, expires_at: row.expires_at };
    Ok(found.iter().map(|row| (row.hook_id, times(row))).collect())
}

/// The secrets of a hook that are good now.
pub(super) async fn open(
    db: &impl ConnectionTrait,
    ring: &KeyRing,
    hook: &workflow_hooks::Model,
    now: Timestamp,
) -> Result<Vec<SecretString>, HookError> {
    let found = list_rows(db, [hook.id], now).await?;
    let open = |row: rows::Model| ring.open(&aad(hook, row.revision), &Sealed::from_stored(row.sealed));
    Ok(found.into_iter().map(open).collect::<Result<Vec<_>, KeyRingError>>()?)
}

/// Adds a secret to a locked hook of this revision. The others expire.
pub(super) async fn add(
    db: &impl ConnectionTrait,
    ring: &KeyRing,
    hook: &workflow_hooks::Model,
    secret: &SecretString,
    now: Timestamp,
) -> Result<(), HookError> {
    let sealed = ring.seal(&aad(hook, hook.revision), secret)?;
    let earlier = list_rows(db, [hook.id], now).await?;
    let old: Vec<_> = earlier.iter().skip(MAX_LIVE - 1).map(|row| row.id).collect();
    if !old.is_empty() {
        rows::Entity::delete_many().filter(rows::Column::Id.is_in(old)).exec(db).await?;
    }
    rows::Entity::update_many()
        .col_expr(rows::Column::ExpiresAt, Expr::value(now + REPLACED_FOR))
        .filter(rows::Column::HookId.eq(hook.id))
        .filter(rows::Column::ExpiresAt.is_null())
        .exec(db)
        .await?;
    let row = rows::ActiveModel {
        id: Set(WorkflowHookSecretId::new()),
        hook_id: Set(hook.id),
        key_id: Set(ring.writing_key()?.to_owned()),
        sealed: Set(sealed.into_stored()),
        revision: Set(hook.revision),
        created_at: Set(now),
        expires_at: Set(None),
    };
    rows::Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Deletes the secrets of a hook.
pub(super) async fn delete(db: &impl ConnectionTrait, hook: WorkflowHookId) -> Result<(), DbErr> {
    rows::Entity::delete_many().filter(rows::Column::HookId.eq(hook)).exec(db).await.map(drop)
}
