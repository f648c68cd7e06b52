use atelier_entities::{MailId, users};
use atelier_queue::{Job, QueueError, Transaction};
use serde::Serialize;

use super::{DeliverMail, Template, queue_mail};

/// What a mail shows, as a type.
pub trait Content: Serialize {
    /// The mail.
    fn template(&self) -> &'static Template;

    /// What it is about: the same template, receiver and cause are mailed once.
    fn cause(&self) -> String;
}

/// Queues a mail once for each cause; none where it was queued before or where the person
/// does not want mails of its category. See [`queue_mail`].
pub async fn queue_content(
    tx: &Transaction,
    user: &users::Model,
    content: &impl Content,
) -> Result<Option<MailId>, QueueError> {
    let unfit =
        |error: serde_json::Error| QueueError::Args { kind: DeliverMail::KIND, reason: error.to_string() };
    let data = serde_json::to_value(content).map_err(unfit)?;
    queue_mail(tx, content.template(), user, &content.cause(), data).await
}
