//! Outgoing mail: queued in the transaction of what it tells about, rendered and
//! handed over by a job, and kept in the outbox.

mod deliver;
mod jobs;
mod suppressions;
mod templates;

use std::sync::Arc;

use atelier_entities::{MailId, MailStatus, mail_messages, users};
use atelier_providers::mail::Mailer;
use atelier_queue::{NewJob, Queue, QueueError, Transaction};
use sea_orm::{ActiveValue::Set, DbErr, EntityTrait, QueryOrder, TryInsertResult, sea_query::OnConflict};
use serde_json::Value;

use crate::{MailOptions, Page, identity::LinkKey, paging::fetch};

pub use jobs::DeliverMail;
pub use templates::{RenderError, Rendered, Template};

/// Outgoing mail. Cheap to clone.
#[derive(Clone)]
pub struct Mail {
    queue: Queue,
    mailer: Arc<dyn Mailer>,
    options: Arc<MailOptions>,
    links: LinkKey,
}

impl Mail {
    pub(crate) fn new(queue: Queue, mailer: Arc<dyn Mailer>, options: MailOptions, links: LinkKey) -> Self {
        Self { queue, mailer, options: Arc::new(options), links }
    }

    /// The outbox, newest first, and how many mails there are. For operators: it holds
    /// everybody's.
    pub async fn list_outbox(&self, page: Page) -> Result<(Vec<mail_messages::Model>, u64), DbErr> {
        let rows = mail_messages::Entity::find().order_by_desc(mail_messages::Column::Id);
        fetch(self.queue.db(), rows, page).await
    }
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").finish_non_exhaustive()
    }
}

/// Queues a mail to a person. The same template, receiver and cause mail once: a
/// second call answers none. `data` is what the template shows, never a secret: where
/// it names a link by its `token_id`, its address is made when the mail is sent.
pub async fn queue_mail(
    tx: &Transaction,
    template: Template,
    user: &users::Model,
    cause: &str,
    mut data: Value,
) -> Result<Option<MailId>, QueueError> {
    if let Value::Object(fields) = &mut data {
        fields.insert("full_name".to_owned(), Value::from(user.full_name.clone()));
    }
    let id = MailId::new();
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
    if !matches!(inserted, TryInsertResult::Inserted(1..)) {
        return Ok(None);
    }
    tx.enqueue(NewJob::of(&DeliverMail { mail_id: id }).about(id.0)).await?;
    Ok(Some(id))
}
