//! The outbox for operators: what was sent, test mails, and forgetting old mails.

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

/// How long a mail stays in the outbox after it was asked for. For so long the same
/// template, receiver and cause are mailed once.
pub const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// Test mails that one person gets in an hour.
const TESTS_AN_HOUR: u64 = 10;
const HOUR: Duration = Duration::from_secs(3600);
const TEST_CAUSE: &str = "test:";

/// Which mails of the outbox. All fields must fit.
#[derive(Clone, Debug, Default)]
pub struct OutboxFilter {
    /// In this state.
    pub status: Option<MailStatus>,
    /// Of this template, by its stored name.
    pub template: Option<String>,
    /// To this address, whatever the case of its letters in ASCII.
    pub recipient: Option<String>,
    /// To this account.
    pub user: Option<UserId>,
}

impl Mail {
    /// The outbox, newest first, and how many mails there are, up to
    /// [`COUNT_LIMIT`](crate::COUNT_LIMIT). For operators: it holds everybody's.
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

    /// A mail of the outbox, with its bodies where it was kept in. Those may hold links
    /// that sign in, so the audit log has who read them.
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

    /// Queues a mail with values made up for it to the actor's own account, in their language
    /// where no other is given, and answers its id and address. It is sent
    /// whatever the person wants to get.
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
        if recent.clone().count(&*tx).await? >= TESTS_AN_HOUR {
            let first = recent.order_by_asc(mail_messages::Column::Id).one(&*tx).await?;
            return Err(MailingError::TooManyTests {
                retry_after: first.map_or(1, |mail| wait(&mail, tx.now())),
            });
        }
        let id = MailId::new();
        let locale = locale.unwrap_or(user.locale);
        let receiver = users::Model { locale, ..user };
        let cause = format!("{TEST_CAUSE}{id}");
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
        .filter(mail_messages::Column::Cause.starts_with(TEST_CAUSE))
        .filter(mail_messages::Column::CreatedAt.gt(now - HOUR))
}

/// Seconds until a mail is older than an hour.
fn wait(mail: &mail_messages::Model, now: Timestamp) -> u64 {
    let left = mail.created_at + HOUR - now;
    u64::try_from(left.num_seconds()).unwrap_or(0).max(1)
}

/// Whether a mail was asked for by an operator to see it.
pub(super) fn is_test(mail: &mail_messages::Model) -> bool {
    mail.cause.starts_with(TEST_CAUSE)
}

/// Deletes mails that have had their time, but for those that still wait, `batch` of them
/// in a statement; how many.
pub(crate) async fn purge(queue: &Queue, batch: u32) -> Result<u64, QueueError> {
    let old = Condition::all()
        .add(mail_messages::Column::CreatedAt.lte(queue.now() - KEPT))
        .add(mail_messages::Column::Status.ne(MailStatus::Queued));
    delete_in_batches::<mail_messages::Entity>(queue, old, batch).await
}

#[cfg(test)]
mod tests;
