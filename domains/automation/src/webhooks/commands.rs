//! Making, changing, deleting and reading subscriptions.

use atelier_entities::{
    DeliveryState, UserId, WebhookStatus, WebhookSubscriptionId, users, webhook_deliveries as deliveries,
    webhook_secrets, webhook_subscriptions as subscriptions,
};
use atelier_foundation::{Actor, Page, audit, paging::fetch};
use atelier_queue::Transaction;
use chrono::TimeDelta;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType},
};
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use super::{
    MAX_SECRETS, MAX_SUBSCRIPTIONS, SubscriptionChanges, WebhookError, Webhooks,
    fields::{Fields, check_secret},
    secrets, signature, webhook_target,
};

/// How long an earlier secret signs beside its successor.
const OVERLAP: TimeDelta = TimeDelta::hours(24);
/// Waiting jobs that the deletion of a subscription cancels. Further ones find nothing to send when they start.
const CANCELLED_AT_ONCE: u64 = 1_000;

/// The input for a new subscription.
#[derive(Debug, Default)]
pub struct NewSubscription {
    /// Where events are sent to.
    pub url: String,
    /// The names of events, or `*`.
    pub events: Vec<String>,
    /// What it is for.
    pub description: String,
    /// The secret that signs; none for one that the platform makes.
    pub secret: Option<SecretString>,
}

/// A subscription with its new secret, which is told once.
#[derive(Debug)]
pub struct WithSecret {
    /// The subscription.
    pub subscription: subscriptions::Model,
    /// Its secret.
    pub secret: SecretString,
}

impl Webhooks {
    /// Creates a subscription.
    ///
    /// # Errors
    /// If a field is invalid, if the person has the maximum number of subscriptions, or if the
    /// installation has no key to encrypt secrets.
    pub async fn create(&self, actor: &Actor, input: NewSubscription) -> Result<WithSecret, WebhookError> {
        let user = actor.person()?;
        let NewSubscription { url, events, description, secret } = input;
        let (url, events, description) = (Some(url), Some(events), Some(description));
        let changes = SubscriptionChanges { url, events, description, status: None };
        let fields = Fields::empty().apply(changes, &self.http)?;
        let secret = chosen(secret)?;
        let tx = self.queue.begin().await?;
        ensure_room(&tx, user).await?;
        let row = subscriptions::ActiveModel {
            id: Set(WebhookSubscriptionId::new()),
            user_id: Set(user),
            url: Set(fields.url),
            events: Set(json!(fields.events)),
            description: Set(fields.description),
            status: Set(fields.status),
            disabled_reason: Set(None),
            failing_since: Set(None),
            last_success_at: Set(None),
            throttled_until: Set(None),
            revision: Set(1),
            created_at: Set(tx.now()),
            updated_at: Set(tx.now()),
        };
        let subscription = row.insert(&*tx).await?;
        let sealed = secrets::seal(&self.ring, &subscription, 1, &secret, tx.now())?;
        webhook_secrets::Entity::insert(sealed).exec_without_returning(&*tx).await?;
        let context = json!({"events": subscription.events});
        audit::record(&tx, actor, "webhook.create", webhook_target(subscription.id), context).await?;
        tx.commit().await?;
        Ok(WithSecret { subscription, secret })
    }

    /// A person's subscription.
    ///
    /// # Errors
    /// If there is none.
    pub async fn get(
        &self,
        actor: &Actor,
        id: WebhookSubscriptionId,
    ) -> Result<subscriptions::Model, WebhookError> {
        let found = subscriptions::Entity::find_owned_by_id(actor.person()?, id).one(self.queue.db()).await?;
        found.ok_or(WebhookError::NotFound("webhook"))
    }

    /// The person's subscriptions, newest first, and their number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(
        &self,
        actor: &Actor,
        page: Page,
    ) -> Result<(Vec<subscriptions::Model>, u64), WebhookError> {
        let own = subscriptions::Entity::find_owned(actor.person()?);
        Ok(fetch(self.queue.db(), own.order_by_desc(subscriptions::Column::Id), page).await?)
    }

    /// Changes a subscription. Whoever enables it lets it begin anew: earlier failures no longer count.
    ///
    /// # Errors
    /// If a field is invalid.
    pub async fn update(
        &self,
        actor: &Actor,
        id: WebhookSubscriptionId,
        changes: SubscriptionChanges,
    ) -> Result<subscriptions::Model, WebhookError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        let row = lock(&tx, user, id).await?;
        let before = Fields::of(&row);
        let fields = before.clone().apply(changes, &self.http)?;
        let begins_anew = fields.url != before.url
            || (fields.status == WebhookStatus::Enabled && before.status != WebhookStatus::Enabled);
        let revision = row.revision + 1;
        let mut changed = row.into_active_model();
        if begins_anew {
            changed.failing_since = Set(None);
            changed.throttled_until = Set(None);
        }
        if fields.status != WebhookStatus::Disabled {
            changed.disabled_reason = Set(None);
        }
        changed.url = Set(fields.url);
        changed.events = Set(json!(fields.events));
        changed.description = Set(fields.description);
        changed.status = Set(fields.status);
        changed.revision = Set(revision);
        changed.updated_at = Set(tx.now());
        let row = changed.update(&*tx).await?;
        let context = json!({"events": row.events, "status": row.status});
        audit::record(&tx, actor, "webhook.update", webhook_target(id), context).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Deletes a subscription with its deliveries. What waits to be sent is not sent.
    ///
    /// # Errors
    /// If there is none.
    pub async fn delete(&self, actor: &Actor, id: WebhookSubscriptionId) -> Result<(), WebhookError> {
        let user = actor.person()?;
        self.get(actor, id).await?;
        let tx = self.queue.begin().await?;
        // Jobs are locked before subscriptions.
        tx.cancel_about(&list_pending(&tx, id).await?).await?;
        lock(&tx, user, id).await?;
        subscriptions::Entity::delete_by_id(id).exec(&*tx).await?;
        audit::record(&tx, actor, "webhook.delete", webhook_target(id), json!({})).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Gives a subscription a new secret. The earlier ones sign beside it for a day.
    ///
    /// # Errors
    /// If as many secrets sign as may, or the secret cannot sign.
    pub async fn rotate(
        &self,
        actor: &Actor,
        id: WebhookSubscriptionId,
        secret: Option<SecretString>,
    ) -> Result<WithSecret, WebhookError> {
        use webhook_secrets::Column as C;
        let user = actor.person()?;
        let secret = chosen(secret)?;
        let tx = self.queue.begin().await?;
        let subscription = lock(&tx, user, id).await?;
        let live = secrets::list_live(&*tx, &subscription, tx.now()).await?;
        if live.len() as u64 >= MAX_SECRETS {
            return Err(WebhookError::TooManySecrets);
        }
        webhook_secrets::Entity::update_many()
            .col_expr(C::ExpiresAt, Expr::value(tx.now() + OVERLAP))
            .filter(C::SubscriptionId.eq(id))
            .filter(C::ExpiresAt.is_null())
            .exec(&*tx)
            .await?;
        let revision = live.first().map_or(0, |newest| newest.revision) + 1;
        let sealed = secrets::seal(&self.ring, &subscription, revision, &secret, tx.now())?;
        webhook_secrets::Entity::insert(sealed).exec_without_returning(&*tx).await?;
        audit::record(&tx, actor, "webhook.rotate", webhook_target(id), json!({"secrets": live.len() + 1}))
            .await?;
        tx.commit().await?;
        Ok(WithSecret { subscription, secret })
    }
}

/// The secret of a person's choice, or a new one.
fn chosen(secret: Option<SecretString>) -> Result<SecretString, WebhookError> {
    let Some(secret) = secret else { return Ok(signature::new_secret()) };
    check_secret(&secret)?;
    Ok(secret)
}

/// A person's subscription, locked for the rest of the transaction. Events may refer to it meanwhile.
async fn lock(
    tx: &Transaction,
    user: UserId,
    id: WebhookSubscriptionId,
) -> Result<subscriptions::Model, WebhookError> {
    let found =
        subscriptions::Entity::find_owned_by_id(user, id).lock(LockType::NoKeyUpdate).one(&**tx).await?;
    found.ok_or(WebhookError::NotFound("webhook"))
}

/// Refuses if there are as many subscriptions as there may be. The account stays locked, so that two
/// commands at once do not exceed the limit.
async fn ensure_room(tx: &Transaction, user: UserId) -> Result<(), WebhookError> {
    let account = users::Entity::find_by_id(user).lock_exclusive().one(&**tx).await?;
    account.ok_or(WebhookError::NotFound("account"))?;
    let count = subscriptions::Entity::find_owned(user).count(&**tx).await?;
    if count >= MAX_SUBSCRIPTIONS { Err(WebhookError::TooMany) } else { Ok(()) }
}

async fn list_pending(tx: &Transaction, id: WebhookSubscriptionId) -> Result<Vec<Uuid>, WebhookError> {
    use deliveries::Column as C;
    let pending = deliveries::Entity::find()
        .select_only()
        .column(C::Id)
        .filter(C::SubscriptionId.eq(id))
        .filter(C::State.eq(DeliveryState::Pending))
        .limit(CANCELLED_AT_ONCE);
    Ok(pending.into_tuple().all(&**tx).await?)
}
