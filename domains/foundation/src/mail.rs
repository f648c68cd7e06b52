//! Outgoing mail. A mail is queued in the transaction of the change that it reports,
//! rendered and sent by a job, and kept in the outbox.

mod content;
mod deliver;
mod effect;
mod error;
mod failures;
mod format;
mod jobs;
mod outbox;
mod personal;
mod preferences;
mod suppressions;
#[macro_use]
mod template;

pub(crate) mod templates;

use std::sync::Arc;

use atelier_entities::{MailId, MailStatus, mail_messages, users};
use atelier_providers::mail::Mailer;
use atelier_queue::{Lane, NewJob, Queue, QueueError, Transaction};
use sea_orm::{ActiveValue::Set, EntityTrait, TryInsertResult, sea_query::OnConflict};
use serde_json::Value;

use crate::{MailOptions, links::LinkKey, personal::is_being_erased};

pub use content::{Content, queue_content};
pub use effect::DeliveryEnded;
pub use error::MailingError;
pub use jobs::DeliverMail;
pub use outbox::{OUTBOX_RETENTION, OutboxFilter};
pub use preferences::Subscription;
pub use template::{Reader, RenderError, Rendered, Source, Template};

pub(crate) use outbox::purge;
pub(crate) use personal::PeoplesMails;
pub(crate) use preferences::{UnsubscribeKey, opt_outs_of};

/// Outgoing mail. Cheap to clone.
#[derive(Clone)]
pub struct Mail {
    queue: Queue,
    mailer: Arc<dyn Mailer>,
    options: Arc<MailOptions>,
    templates: Arc<[&'static Template]>,
    links: LinkKey,
    unsubscribing: UnsubscribeKey,
}

impl Mail {
    pub(crate) fn new(
        queue: Queue,
        mailer: Arc<dyn Mailer>,
        options: MailOptions,
        templates: Vec<&'static Template>,
        (links, unsubscribing): (LinkKey, UnsubscribeKey),
    ) -> Self {
        Self { queue, mailer, options: Arc::new(options), templates: templates.into(), links, unsubscribing }
    }

    /// Every kind of mail of the product.
    #[must_use]
    pub fn templates(&self) -> &[&'static Template] {
        &self.templates
    }

    /// The kind of mail of that name.
    #[must_use]
    pub fn find_template(&self, name: &str) -> Option<&'static Template> {
        self.templates.iter().copied().find(|template| template.name() == name)
    }
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").finish_non_exhaustive()
    }
}

/// Queues a mail to a person. The template, the recipient and `cause` identify it: a second
/// call with the same three returns none for as long as the outbox keeps the first mail
/// ([`OUTBOX_RETENTION`]). It also returns none if the person has opted out of the
/// category, or the account is being erased. An opt-out before the mail is sent counts too.
/// `data` holds the values of the template and never a secret: a link is named by its
/// `token_id`, or its `approval_id` where it leads to an approval, and its address is computed
/// when the mail is sent.
pub async fn queue_mail(
    tx: &Transaction,
    template: &Template,
    user: &users::Model,
    cause: &str,
    data: Value,
) -> Result<Option<MailId>, QueueError> {
    if is_being_erased(user) {
        return Ok(None);
    }
    if let Some(category) = template.category()
        && preferences::is_opted_out(&**tx, user.id, category).await?
    {
        return Ok(None);
    }
    let id = MailId::new();
    Ok(queue_row(tx, id, template, user, cause, data).await?.then_some(id))
}

/// Returns whether the mail is new.
async fn queue_row(
    tx: &Transaction,
    id: MailId,
    template: &Template,
    user: &users::Model,
    cause: &str,
    mut data: Value,
) -> Result<bool, QueueError> {
    if let Value::Object(fields) = &mut data {
        fields.insert("full_name".to_owned(), Value::from(user.full_name.clone()));
    }
    let row = mail_messages::ActiveModel {
        id: Set(id),
        user_id: Set(Some(user.id)),
        recipient: Set(user.email.clone()),
        template: Set(template.name().to_owned()),
        locale: Set(user.locale),
        cause: Set(cause.to_owned()),
        data: Set(data),
        status: Set(MailStatus::Queued),
        subject: Set(None),
        text_body: Set(None),
        html_body: Set(None),
        error: Set(None),
        created_at: Set(tx.now()),
        sent_at: Set(None),
    };
    let once = OnConflict::columns([
        mail_messages::Column::Template,
        mail_messages::Column::Recipient,
        mail_messages::Column::Cause,
    ])
    .do_nothing()
    .to_owned();
    let inserted = mail_messages::Entity::insert(row)
        .on_conflict(once)
        .try_insert()
        .exec_without_returning(&**tx)
        .await?;
    let is_new = matches!(inserted, TryInsertResult::Inserted(1..));
    if is_new {
        tx.enqueue(NewJob::of(&DeliverMail { mail_id: id }).about(id.0).in_lane(lane(template))).await?;
    }
    Ok(is_new)
}

/// A mail with a link is urgent: the person waits for it.
const fn lane(template: &Template) -> Lane {
    if template.needs_link() { Lane::Urgent } else { Lane::Normal }
}

#[cfg(test)]
mod tests;
