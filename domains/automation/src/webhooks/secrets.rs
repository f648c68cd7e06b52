//! The rows of secrets.

use atelier_entities::{Timestamp, WebhookSecretId, webhook_secrets, webhook_subscriptions as subscriptions};
use atelier_foundation::key_ring::{Aad, KeyRing, KeyRingError, Sealed};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
};
use secrecy::SecretString;

/// What a secret is authenticated with.
fn aad(of: &subscriptions::Model, revision: i64) -> Aad<'static> {
    Aad { purpose: "webhook", id: of.id.0, owner: of.user_id.0, kind: "signing", revision }
}

/// The row of a secret.
pub(super) fn seal(
    ring: &KeyRing,
    of: &subscriptions::Model,
    revision: i64,
    secret: &SecretString,
    now: Timestamp,
) -> Result<webhook_secrets::ActiveModel, KeyRingError> {
    let sealed = ring.seal(&aad(of, revision), secret)?;
    Ok(webhook_secrets::ActiveModel {
        id: Set(WebhookSecretId::new()),
        subscription_id: Set(of.id),
        sealed: Set(sealed.into_stored()),
        key_id: Set(ring.writing_key()?.to_owned()),
        revision: Set(revision),
        created_at: Set(now),
        expires_at: Set(None),
    })
}

/// The secret of a row.
pub(super) fn open(
    ring: &KeyRing,
    of: &subscriptions::Model,
    row: &webhook_secrets::Model,
) -> Result<SecretString, KeyRingError> {
    ring.open(&aad(of, row.revision), &Sealed::from_stored(row.sealed.clone()))
}

/// The secrets of a subscription that sign now, the newest one first.
pub(super) async fn list_live(
    db: &impl ConnectionTrait,
    of: &subscriptions::Model,
    now: Timestamp,
) -> Result<Vec<webhook_secrets::Model>, DbErr> {
    use webhook_secrets::Column as C;
    let is_live = Condition::any().add(C::ExpiresAt.is_null()).add(C::ExpiresAt.gt(now));
    webhook_secrets::Entity::find()
        .filter(C::SubscriptionId.eq(of.id))
        .filter(is_live)
        .order_by_desc(C::Revision)
        .all(db)
        .await
}
