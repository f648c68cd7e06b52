//! Runs the jobs of attempts.

use std::time::Duration;

use atelier_entities::{
    DeliveryState, WebhookStatus, webhook_deliveries as deliveries, webhook_subscriptions as subscriptions,
};
use atelier_foundation::{identity::is_deactivated, key_ring::KeyRingError};
use atelier_queue::{JobContext, JobError, Outcome};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter};
use secrecy::SecretString;
use serde_json::json;

use super::{DeliverWebhook, Webhooks, secrets};

/// How long a delivery of a paused subscription waits before it looks again.
const PAUSED_WAIT: Duration = Duration::from_secs(5 * 60);

impl Webhooks {
    /// Sends one attempt of a delivery. What it found is taken over by the effect of the job.
    pub(crate) async fn deliver(&self, _ctx: &JobContext, args: DeliverWebhook) -> Result<Outcome, JobError> {
        let Some((delivery, subscription)) = self.find_due(args).await? else { return Ok(Outcome::done()) };
        match subscription.status {
            WebhookStatus::Enabled => {}
            WebhookStatus::Paused => {
                return Err(JobError::wait("WEBHOOK_PAUSED", "the webhook is paused", PAUSED_WAIT));
            }
            WebhookStatus::Disabled => return Ok(Outcome::Cancel("the webhook is disabled".to_owned())),
        }
        if is_deactivated(self.queue.db(), subscription.user_id).await? {
            return Ok(Outcome::Cancel("the account is deactivated".to_owned()));
        }
        let throttled = subscription.throttled_until.map(|until| until - self.queue.now());
        if let Some(left) = throttled.and_then(|left| left.to_std().ok()).filter(|left| !left.is_zero()) {
            return Ok(Outcome::Snooze(left.mul_f64(1.0 + rand::random::<f64>() / 10.0)));
        }
        let secrets = self.open_secrets(&subscription).await?;
        let report = self.send(&subscription.url, &delivery, args.number, &secrets).await;
        let report = report.ok_or_else(|| JobError::fail("SECRET_INVALID", "a secret cannot sign"))?;
        Ok(Outcome::Done(json!(report)))
    }

    /// The delivery with its subscription, if this attempt is the one that is due.
    async fn find_due(
        &self,
        args: DeliverWebhook,
    ) -> Result<Option<(deliveries::Model, subscriptions::Model)>, DbErr> {
        use deliveries::Column as C;
        let db = self.queue.db();
        let due = deliveries::Entity::find_by_id(args.delivery_id)
            .filter(C::State.eq(DeliveryState::Pending))
            .filter(C::NextNumber.eq(args.number));
        let Some(delivery) = due.one(db).await? else { return Ok(None) };
        let subscription = subscriptions::Entity::find_by_id(delivery.subscription_id).one(db).await?;
        Ok(subscription.map(|subscription| (delivery, subscription)))
    }

    async fn open_secrets(&self, of: &subscriptions::Model) -> Result<Vec<SecretString>, JobError> {
        let rows = secrets::list_live(self.queue.db(), of, self.queue.now()).await?;
        let opened = rows.iter().map(|row| secrets::open(&self.ring, of, row));
        opened.collect::<Result<Vec<_>, KeyRingError>>().map_err(|error| {
            tracing::error!(webhook = %of.id, %error, "a secret cannot be opened");
            JobError::retry("CREDENTIAL_KEYS_MISSING", error.to_string())
        })
    }
}
