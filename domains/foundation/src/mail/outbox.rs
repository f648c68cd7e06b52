//! The outbox for administrators: the list of mails, previews, test mails and retention.

use std::time::Duration;

use atelier_entities::{Locale, MailId, MailStatus, Timestamp, UserId, mail_messages, users};
use atelier_queue::{Queue, QueueError, removal::delete_in_batches};
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
};
use serde_json::json;

use super::{Mail, MailingError, Reader, Rendered, Template, queue_row};
use crate::{Actor, NotSignedIn, Page, audit, paging::fetch, personal::of_present};

/// How long a mail stays in the outbox after it was queued. For this time the same
/// template, recipient and cause are mailed once.
pub const OUTBOX_RETENTION: Duration = Duration::from_secs(90 * 24 * 3600);

/// Maximum number of test mails to one person in an hour.
const MAX_TESTS_PER_HOUR: u64 = 10;
const HOUR: Duration = Duration::from_secs(3600);
const TEST_CAUSE_PREFIX: &str = "test:";

/// A filter of the outbox. A mail must match every field that is set.
#[derive(Clone, Debug, Default)]
pub struct OutboxFilter {
    /// The status.
    pub status: Option<MailStatus>,
    /// The name of the template.
    pub template: Option<String>,
    /// The recipient's address. The case of ASCII letters is ignored.
    pub recipient: Option<String>,
    /// The recipient's account.
    pub user: Option<UserId>,
}

impl Mail {
    /// The mails of the outbox, newest first, and their number, up to
    /// [`COUNT_LIMIT`](crate::COUNT_LIMIT). For administrators: the outbox holds everybody's
    /// mails.
    pub async fn list_outbox(
        &self,
        filter: &OutboxFilter,
        page: Page,
    ) -> Result<(Vec<mail_messages::Model>, u64), DbErr> {
        use mail_messages::Column;
        let OutboxFilter { status, template, recipient, user } = filter;
        let rows = mail_messages::Entity::find()
            .filter(of_present(Column::UserId))
            .apply_if(*status, |rows, status| rows.filter(Column::Status.eq(status)))
            .apply_if(template.as_ref(), |rows, template| rows.filter(Column::Template.eq(template)))
            .apply_if(recipient.as_ref(), |rows, address| {
                rows.filter(Column::Recipient.eq(address.trim().to_ascii_lowercase()))
            })
            .apply_if(*user, |rows, user| rows.filter(Column::UserId.eq(user)))
            .order_by_desc(Column::Id);
        fetch(self.queue.db(), rows, page).await
    }

    /// A mail of the outbox, with its bodies if it was captured. The bodies may contain
    /// links that sign in, so the audit log records who read them.
    pub async fn read_mail(&self, actor: &Actor, id: MailId) -> Result<mail_messages::Model, MailingError> {
        let tx = self.queue.begin().await?;
        let mail = mail_messages::Entity::find_by_id(id).filter(of_present(mail_messages::Column::UserId));
        let mail = mail.one(&*tx).await?.ok_or(MailingError::NoSuchMail)?;
        let context = json!({"template": mail.template, "user": mail.user_id});
        audit::record(&tx, actor, "mail.read", Some(format!("mail:{id}")), context).await?;
        tx.commit().await?;
        Ok(mail)
    }

    /// A mail as it would look, with values made up for it.
    pub fn preview(&self, template: &Template, locale: Locale) -> Result<Rendered, MailingError> {
        let link = format!("{}/unsubscribe/sample", self.options.public_url);
        let reader = Reader {
            locale,
            time_zone: "Europe/Paris",
            public_url: &self.options.public_url,
            unsubscribe: template.category().map(|_| link.as_str()),
        };
        Ok(template.render(&reader, &template.sample())?)
    }

    /// Queues a mail with sample data to the actor's own account, in the account's language
    /// by default. Returns its id and address. It is sent even if the person has opted out.
    pub async fn send_test(
        &self,
        actor: &Actor,
        template: &Template,
        locale: Option<Locale>,
    ) -> Result<(MailId, String), MailingError> {
        let tx = self.queue.begin().await?;
        let user = users::Entity::find_by_id(actor.person()?).lock_exclusive().one(&*tx).await?;
        let user = user.ok_or(NotSignedIn)?;
        let recent = recent_tests(user.id, tx.now());
        if recent.clone().count(&*tx).await? >= MAX_TESTS_PER_HOUR {
            let first = recent.order_by_asc(mail_messages::Column::Id).one(&*tx).await?;
            return Err(MailingError::TooManyTests {
                retry_after: first.map_or(1, |mail| seconds_left(&mail, tx.now())),
            });
        }
        let id = MailId::new();
        let locale = locale.unwrap_or(user.locale);
        let receiver = users::Model { locale, ..user };
        let cause = format!("{TEST_CAUSE_PREFIX}{id}");
        queue_row(&tx, id, template, &receiver, &cause, template.sample()).await?;
        let context = json!({"template": template.name(), "locale": locale});
        audit::record(&tx, actor, "mail.send_test", Some(format!("mail:{id}")), context).await?;
        tx.commit().await?;
        Ok((id, receiver.email))
    }
}

fn recent_tests(user: UserId, now: Timestamp) -> sea_orm::Select<mail_messages::Entity> {
    mail_messages::Entity::find()
        .filter(mail_messages::Column::UserId.eq(user))
        .filter(mail_messages::Column::Cause.starts_with(TEST_CAUSE_PREFIX))
        .filter(mail_messages::Column::CreatedAt.gt(now - HOUR))
}

/// Seconds until a mail is older than an hour.
fn seconds_left(mail: &mail_messages::Model, now: Timestamp) -> u64 {
    let left = mail.created_at + HOUR - now;
    u64::try_from(left.num_seconds()).unwrap_or(0).max(1)
}

/// Whether a mail is a test mail.
pub(super) fn is_test(mail: &mail_messages::Model) -> bool {
    mail.cause.starts_with(TEST_CAUSE_PREFIX)
}

/// Deletes mails that are older than [`OUTBOX_RETENTION`] and not queued, `batch` of them
/// in a statement. Returns their number.
pub(crate) async fn purge(queue: &Queue, batch: u32) -> Result<u64, QueueError> {
    let old = Condition::all()
        .add(mail_messages::Column::CreatedAt.lte(queue.now() - OUTBOX_RETENTION))
        .add(mail_messages::Column::Status.ne(MailStatus::Queued));
    delete_in_batches::<mail_messages::Entity>(queue, old, batch).await
}

#[cfg(test)]
mod tests;
