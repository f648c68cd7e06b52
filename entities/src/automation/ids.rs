//! The ids of workflows, their versions and their runs.

use crate::typed_ids::typed_ids;

typed_ids! {
    WorkflowId,
    /// One version of a workflow, or its draft.
    WorkflowVersionId,
    /// One run of a version.
    RunId,
    /// Access to a service outside, with its credentials.
    IntegrationId,
    /// One secret of an integration.
    IntegrationSecretId,
    /// What starts runs of a workflow by the clock.
    WorkflowScheduleId,
    /// What starts runs of a workflow when a service outside calls its address.
    WorkflowHookId,
    /// One secret of a hook.
    WorkflowHookSecretId,
    /// Where a person's events are sent to.
    WebhookSubscriptionId,
    /// One secret of a subscription.
    WebhookSecretId,
    /// One event for one subscription.
    WebhookDeliveryId,
}
