//! Webhooks out: the events of a person, sent to servers that the person names, by Standard Webhooks.
//!
//! An event becomes a delivery for each subscription to it, with its first job, in the transaction of the event.
//! Each attempt is a job; its end and the job of the next attempt are one transaction. A subscription is locked
//! after jobs, runs and workflows, and before the account.

mod announce;
mod commands;
mod deliver;
mod deliveries;
mod effect;
mod error;
mod event;
mod exchange;
mod fields;
mod gauges;
mod jobs;
mod listener;
mod outcome;
mod personal;
mod purge;
mod restart;
mod schedule;
mod secrets;
mod signature;
#[cfg(test)]
mod tests;

use atelier_entities::WebhookSubscriptionId;
use atelier_foundation::key_ring::KeyRing;
use atelier_providers::http::GuardedClient;
use atelier_queue::Queue;

pub(crate) use announce::announce;
pub(crate) use effect::AttemptEnded;
pub(crate) use event::NewEvent;
pub(crate) use gauges::observe;
pub(crate) use listener::{CreditsAnnounced, JobsAnnounced};
pub(crate) use personal::OwnedWebhooks;
pub(crate) use purge::purge;
pub(crate) use restart::restart_lost;

pub use commands::{NewSubscription, WithSecret};
pub use deliveries::{Delivery, DeliveryFilter, StartedDelivery};
pub use error::WebhookError;
pub use event::{EVENTS, EVERY_EVENT, PING};
pub use fields::{MAX_DESCRIPTION, MAX_EVENTS, MAX_URL, SubscriptionChanges};
pub use jobs::DeliverWebhook;

/// The server of a subscription has failed for too long.
pub(crate) const FAILING: &str = "FAILING";
/// The server of a subscription wants no events any more.
pub(crate) const GONE: &str = "GONE";
/// The account of a subscription is closed.
pub(crate) const ACCOUNT_CLOSED: &str = "ACCOUNT_CLOSED";
/// Why the platform disables a subscription.
pub const DISABLED_REASONS: [&str; 3] = [ACCOUNT_CLOSED, FAILING, GONE];

/// Most subscriptions of a person.
pub const MAX_SUBSCRIPTIONS: u64 = 20;
/// Most secrets of a subscription that sign at the same time.
pub const MAX_SECRETS: u64 = 5;

/// Webhooks of people. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    queue: Queue,
    ring: KeyRing,
    http: GuardedClient,
}

impl Webhooks {
    pub(crate) const fn new(queue: Queue, ring: KeyRing, http: GuardedClient) -> Self {
        Self { queue, ring, http }
    }
}

impl std::fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhooks").finish_non_exhaustive()
    }
}

/// The target of an audit entry about a subscription.
fn webhook_target(id: WebhookSubscriptionId) -> Option<String> {
    Some(format!("webhook:{id}"))
}
