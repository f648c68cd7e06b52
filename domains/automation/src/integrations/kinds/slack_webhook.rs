//! Incoming webhooks of Slack, and of servers that understand the same messages.

use super::{Field, Form, Kind, Test, host_of};
use crate::text::both;

/// The address of the webhook. Whoever knows it can post.
pub(crate) const WEBHOOK_URL: Field =
    Field::secret("webhook_url", both("Address of the webhook", "Adresse du webhook"), Form::Address)
        .required();

/// The type.
pub const KIND: Kind = Kind {
    name: "slack_webhook",
    label: both("Slack webhook", "Webhook Slack"),
    documentation: both(
        "Nodes of the type slack_message post to a channel by an incoming webhook. The address is a secret.",
        "Les nœuds slack_message publient dans un canal par un webhook entrant. L'adresse est un secret.",
    ),
    fields: &[WEBHOOK_URL],
    default_hosts: |_| host_of("https://hooks.slack.com"),
    attach: None,
    test: Test::Webhook,
};
