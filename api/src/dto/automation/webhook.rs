//! Webhooks out: where events are sent to, and what became of them.

use atelier_automation::webhooks::{
    Delivery, DeliveryFilter, NewSubscription, StartedDelivery, SubscriptionChanges, WithSecret,
};
use atelier_entities::{
    DeliveryState, WebhookStatus, webhook_deliveries, webhook_delivery_attempts, webhook_subscriptions,
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    dto::{jobs::JobView, page::pages},
    schema::{IntoParams, ToSchema, free::JsonObject, sets},
};

pages! {
    /// A page of webhooks.
    WebhookPage of WebhookView;
    /// A page of deliveries.
    DeliveryPage of DeliveryView;
}

/// A new webhook. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookInput {
    /// Where events are sent to. It must be public.
    #[schema(max_length = 2000, example = "https://shop.example/hooks/atelier")]
    url: String,
    /// The events that are sent; `*` stands for all of them.
    #[schema(value_type = Vec<sets::SubscribedEvent>, min_items = 1, max_items = 50, example = json!(["deployment.succeeded", "run.failed"]))]
    events: Vec<String>,
    /// What it is for: at most 500 characters.
    #[serde(default)]
    #[schema(max_length = 500)]
    description: String,
    /// whsec_ and 24 to 64 bytes in base64. Where it is left out, the platform makes one.
    #[schema(value_type = Option<String>)]
    secret: Option<SecretString>,
}

impl From<WebhookInput> for NewSubscription {
    fn from(input: WebhookInput) -> Self {
        let WebhookInput { url, events, description, secret } = input;
        Self { url, events, description, secret }
    }
}

/// What to change of a webhook; what is left out stays. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateWebhookInput {
    /// Where events are sent to.
    #[schema(max_length = 2000)]
    url: Option<String>,
    /// The events that are sent.
    #[schema(value_type = Option<Vec<sets::SubscribedEvent>>, min_items = 1, max_items = 50)]
    events: Option<Vec<String>>,
    /// What it is for: at most 500 characters.
    #[schema(max_length = 500)]
    description: Option<String>,
    /// Whether events are sent. Whoever enables a webhook that the platform disabled lets it begin anew.
    #[schema(value_type = Option<sets::SettableWebhookStatus>)]
    status: Option<WebhookStatus>,
}

impl From<UpdateWebhookInput> for SubscriptionChanges {
    fn from(input: UpdateWebhookInput) -> Self {
        let UpdateWebhookInput { url, events, description, status } = input;
        Self { url, events, description, status }
    }
}

/// The next secret of a webhook. Unknown fields are refused.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateWebhookInput {
    /// whsec_ and 24 to 64 bytes in base64. Where it is left out, the platform makes one.
    #[schema(value_type = Option<String>)]
    pub(crate) secret: Option<SecretString>,
}

/// Which deliveries are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryFilterParams {
    /// Only those in this state.
    #[param(value_type = Option<sets::DeliveryState>)]
    state: Option<DeliveryState>,
    /// Only those of this event.
    #[param(value_type = Option<sets::WebhookEvent>)]
    event: Option<String>,
}

impl From<DeliveryFilterParams> for DeliveryFilter {
    fn from(params: DeliveryFilterParams) -> Self {
        Self { state: params.state, event: params.event }
    }
}

/// Where the events of a person are sent to, without its secrets.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookView {
    /// UUIDv7.
    id: Uuid,
    /// Where events are sent to.
    url: String,
    /// The events that are sent; `*` stands for all of them.
    #[schema(value_type = Vec<sets::SubscribedEvent>)]
    events: Value,
    /// What it is for.
    description: String,
    /// Whether events are sent.
    #[schema(value_type = sets::WebhookStatus)]
    status: &'static str,
    /// Why the platform disabled it.
    #[schema(value_type = Option<sets::WebhookDisabledReason>)]
    disabled_reason: Option<String>,
    /// When the first attempt failed after the last one that succeeded.
    failing_since: Option<DateTime<Utc>>,
    /// When an attempt last succeeded.
    last_success_at: Option<DateTime<Utc>>,
    /// Until then nothing is sent, since its server is overloaded.
    throttled_until: Option<DateTime<Utc>>,
    /// Counts its changes.
    revision: i64,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
}

impl From<webhook_subscriptions::Model> for WebhookView {
    fn from(row: webhook_subscriptions::Model) -> Self {
        Self {
            id: row.id.0,
            url: row.url,
            events: row.events,
            description: row.description,
            status: row.status.as_str(),
            disabled_reason: row.disabled_reason,
            failing_since: row.failing_since,
            last_success_at: row.last_success_at,
            throttled_until: row.throttled_until,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A webhook with its new secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookWithSecretView {
    #[serde(flatten)]
    webhook: WebhookView,
    /// Its new secret, which signs what is sent. It is shown this once.
    secret: String,
}

impl From<WithSecret> for WebhookWithSecretView {
    fn from(WithSecret { subscription, secret }: WithSecret) -> Self {
        Self { webhook: subscription.into(), secret: secret.expose_secret().to_owned() }
    }
}

/// An event for a webhook, and what became of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    /// UUIDv7.
    id: Uuid,
    /// The webhook.
    webhook_id: Uuid,
    /// The id that is sent with it, the same for all attempts.
    #[schema(example = "msg_019aa0b200007000800000000000000a")]
    event_id: String,
    /// The event.
    #[schema(value_type = sets::WebhookEvent)]
    event: String,
    /// What became of it.
    #[schema(value_type = sets::DeliveryState)]
    state: &'static str,
    /// The code of why the last attempt failed, or of why no more followed.
    error: Option<String>,
    /// Attempts that ended.
    attempts: i32,
    /// When the next attempt is due.
    next_at: Option<DateTime<Utc>>,
    /// When it happened.
    created_at: DateTime<Utc>,
    /// When it succeeded, or no more attempts followed.
    ended_at: Option<DateTime<Utc>>,
}

impl From<webhook_deliveries::Model> for DeliveryView {
    fn from(row: webhook_deliveries::Model) -> Self {
        Self {
            id: row.id.0,
            webhook_id: row.subscription_id.0,
            event_id: row.event_id,
            event: row.event,
            state: row.state.as_str(),
            error: row.error,
            attempts: row.attempts,
            next_at: row.next_at,
            created_at: row.created_at,
            ended_at: row.ended_at,
        }
    }
}

/// A delivery with its body and its attempts.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryDetailView {
    #[serde(flatten)]
    delivery: DeliveryView,
    /// The body: type, timestamp and data.
    #[schema(value_type = JsonObject)]
    payload: Value,
    /// Its attempts, the newest one first.
    log: Vec<DeliveryAttemptView>,
}

impl From<Delivery> for DeliveryDetailView {
    fn from(Delivery { row, attempts }: Delivery) -> Self {
        Self {
            payload: serde_json::from_str(&row.payload).unwrap_or_default(),
            delivery: row.into(),
            log: attempts.into_iter().map(DeliveryAttemptView::from).collect(),
        }
    }
}

/// An attempt to send an event.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryAttemptView {
    /// Its number. One that was replaced by a redelivery is left out.
    number: i32,
    /// When it began.
    started_at: DateTime<Utc>,
    /// The HTTP status of the answer; null where none came.
    status: Option<i32>,
    /// How long it took, in milliseconds.
    duration_ms: i64,
    /// The code of why it failed.
    error: Option<String>,
    /// The headers that were sent, without the signature.
    #[schema(value_type = JsonObject)]
    request_headers: Value,
    /// The headers of the answer, without cookies; null where none came.
    #[schema(value_type = Option<JsonObject>)]
    response_headers: Option<Value>,
    /// The first 2 KiB of the body of the answer; null where none came.
    response_body: Option<String>,
    /// The pause that the server asked for, in seconds.
    retry_after_secs: Option<i32>,
}

impl From<webhook_delivery_attempts::Model> for DeliveryAttemptView {
    fn from(row: webhook_delivery_attempts::Model) -> Self {
        Self {
            number: row.number,
            started_at: row.started_at,
            status: row.status,
            duration_ms: row.duration_ms,
            error: row.error,
            request_headers: row.request_headers,
            response_headers: row.response_headers,
            response_body: row.response_body,
            retry_after_secs: row.retry_after_secs,
        }
    }
}

/// A delivery that is sent now.
#[derive(Serialize, ToSchema)]
pub(crate) struct StartedDeliveryView {
    /// The delivery.
    delivery: DeliveryView,
    /// The job that sends it. Its result is what the attempt found.
    pub(crate) job: JobView,
}

impl From<StartedDelivery> for StartedDeliveryView {
    fn from(StartedDelivery { delivery, job }: StartedDelivery) -> Self {
        Self { delivery: delivery.into(), job: job.into() }
    }
}
