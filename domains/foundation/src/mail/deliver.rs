use atelier_entities::{AccountTokenId, MailStatus, Timestamp, TokenPurpose, mail_messages, users};
use atelier_providers::mail::{Delivery, OutgoingMail};
use atelier_queue::{JobContext, JobError, Outcome};
use sea_orm::{ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::json;
use uuid::Uuid;

use super::{DeliverMail, Mail, Reader, Rendered, Template, failures::Failure, outbox, preferences};
use crate::{links, personal::is_being_erased};

/// The header value by which a POST to the link unsubscribes (RFC 8058). It requires https.
const ONE_CLICK: &str = "List-Unsubscribe=One-Click";
/// The value of a mail that names its link to an approval.
const APPROVAL_ID: &str = "approval_id";

impl Mail {
    /// Delivers a mail. A mail that was deleted, was sent before, or belongs to an account
    /// that is being erased is done. If the mail server rejects it permanently, the job
    /// fails and the outbox has the reason.
    pub async fn deliver(&self, ctx: &JobContext, args: DeliverMail) -> Result<Outcome, JobError> {
        let found = mail_messages::Entity::find_by_id(args.mail_id).one(self.queue.db()).await;
        let Some(mail) = found? else { return Ok(Outcome::done()) };
        if is_final(mail.status) {
            return Ok(Outcome::Done(json!({"status": mail.status})));
        }
        let Some(template) = self.find_template(&mail.template) else {
            let error = JobError::fail("MAIL_TEMPLATE", "there is no such mail template");
            return self.fail(ctx, &mail, error.into()).await;
        };
        let receiver = self.receiver(&mail).await?;
        if receiver.as_ref().is_some_and(is_being_erased) {
            return Ok(Outcome::done());
        }
        let suppressed = self.is_suppressed(&mail.recipient).await?;
        let withheld = self.reason_to_withhold(&mail, template, receiver.as_ref(), suppressed).await?;
        if let Some((status, reason)) = withheld {
            self.mark_withheld(mail, status, reason).await?;
            return Ok(Outcome::Done(json!({"status": status})));
        }
        match self.attempt(&mail, template, receiver.as_ref()).await {
            Ok(status) => {
                if suppressed {
                    self.lift_suppression(&mail.recipient).await?;
                }
                Ok(Outcome::Done(json!({"status": status})))
            }
            Err(failure) => {
                let failure = if suppressed { failure.without_retry() } else { failure };
                self.fail(ctx, &mail, failure).await
            }
        }
    }

    /// Ends a failed attempt. If the mail was deleted meanwhile, the job is done.
    async fn fail(
        &self,
        ctx: &JobContext,
        mail: &mail_messages::Model,
        failure: Failure,
    ) -> Result<Outcome, JobError> {
        let is_stored = self.record_failure(mail, &failure, ctx.is_last_attempt()).await;
        if is_stored? { Err(failure.error) } else { Ok(Outcome::done()) }
    }

    /// The status and reason if an optional mail must not be sent.
    async fn reason_to_withhold(
        &self,
        mail: &mail_messages::Model,
        template: &Template,
        receiver: Option<&users::Model>,
        suppressed: bool,
    ) -> Result<Option<(MailStatus, &'static str)>, DbErr> {
        let Some(category) = template.category() else { return Ok(None) };
        if suppressed {
            let reason = "the receiver's server refused mails to this address before";
            return Ok(Some((MailStatus::Suppressed, reason)));
        }
        if outbox::is_test(mail) {
            return Ok(None);
        }
        let Some(receiver) = receiver else { return Ok(None) };
        if !receiver.is_active {
            return Ok(Some((MailStatus::Suppressed, "the account is deactivated")));
        }
        let unwanted = preferences::is_opted_out(self.queue.db(), receiver.id, category).await?;
        Ok(unwanted.then_some((MailStatus::Unsubscribed, "the person does not want mails of this category")))
    }

    /// Renders the mail, sends it and stores the result.
    async fn attempt(
        &self,
        mail: &mail_messages::Model,
        template: &Template,
        receiver: Option<&users::Model>,
    ) -> Result<MailStatus, Failure> {
        let unsubscribe = mail.user_id.and_then(|user| self.unsubscribe_link(user, template));
        let reader = Reader {
            locale: mail.locale,
            time_zone: receiver.map_or("UTC", |user| &user.time_zone),
            public_url: &self.options.public_url,
            unsubscribe: unsubscribe.as_deref(),
        };
        let rendered = self.render(mail, template, &reader).await?;
        let outgoing = OutgoingMail {
            message_id: mail.id.to_string(),
            to: mail.recipient.clone(),
            to_name: receiver.map(|user| user.full_name.clone()),
            from: self.options.from.clone(),
            reply_to: self.options.reply_to.clone(),
            subject: rendered.subject.clone(),
            text: rendered.text.clone(),
            html: rendered.html.clone(),
            headers: headers(unsubscribe.as_deref()),
        };
        let sent = self.mailer.send(&outgoing).await;
        let delivery = sent.map_err(|error| Failure::of(&error, &mail.recipient))?;
        let status = match delivery {
            Delivery::Accepted { .. } => MailStatus::Sent,
            Delivery::Captured => MailStatus::Captured,
        };
        let row = delivered(mail.clone(), rendered, status, self.queue.now());
        self.update_row(row).await.map_err(JobError::from)?;
        Ok(status)
    }

    async fn render(
        &self,
        mail: &mail_messages::Model,
        template: &Template,
        reader: &Reader<'_>,
    ) -> Result<Rendered, JobError> {
        let mut data = mail.data.clone();
        match self.link(mail).await? {
            Some(address) => data["link"] = address.into(),
            None if template.needs_link() && !outbox::is_test(mail) => {
                return Err(JobError::fail("MAIL_OBSOLETE", "the link was used or has expired"));
            }
            None => {}
        }
        template.render(reader, &data).map_err(|error| {
            tracing::error!(mail.id = %mail.id, %error, "a mail was not rendered");
            JobError::fail("MAIL_TEMPLATE", "the mail could not be rendered")
        })
    }

    /// The address of the mail's link, if the link can still be used. The token of an account is in
    /// the fragment, which browsers do not send to servers. That of an approval is in the path of a
    /// page that the API serves; whether it can still be used is known there.
    async fn link(&self, mail: &mail_messages::Model) -> Result<Option<String>, DbErr> {
        if let Some(id) = id_in(mail, APPROVAL_ID) {
            let token = self.links.approval(id);
            return Ok(Some(format!("{}/api/v1/automation/approvals/{token}", self.options.public_url)));
        }
        let Some(id) = id_in(mail, "token_id").map(AccountTokenId) else { return Ok(None) };
        let link = links::find_usable(self.queue.db(), id, self.queue.now()).await?;
        Ok(link.map(|link| {
            let page = match link.purpose {
                TokenPurpose::VerifyEmail => "verify-email",
                TokenPurpose::ResetPassword => "reset-password",
            };
            let token = self.links.token(link.purpose, link.id);
            format!("{}/{page}#token={token}", self.options.public_url)
        }))
    }

    async fn receiver(&self, mail: &mail_messages::Model) -> Result<Option<users::Model>, DbErr> {
        let Some(id) = mail.user_id else { return Ok(None) };
        users::Entity::find_by_id(id).one(self.queue.db()).await
    }

    async fn mark_withheld(
        &self,
        mail: mail_messages::Model,
        status: MailStatus,
        reason: &str,
    ) -> Result<(), DbErr> {
        let mut row = mail.into_active_model();
        row.status = Set(status);
        row.error = Set(Some(reason.to_owned()));
        self.update_row(row).await
    }

    /// Updates the row if it still exists: an erasure deletes the mails of the account.
    async fn update_row(&self, row: mail_messages::ActiveModel) -> Result<(), DbErr> {
        let kept = mail_messages::Column::Id.eq(*row.id.as_ref());
        mail_messages::Entity::update_many().set(row).filter(kept).exec(self.queue.db()).await?;
        Ok(())
    }
}

/// An id in the data of a mail.
fn id_in(mail: &mail_messages::Model, name: &str) -> Option<Uuid> {
    mail.data.get(name)?.as_str()?.parse().ok()
}

/// The row of a mail that was sent, or captured with its bodies.
fn delivered(
    mail: mail_messages::Model,
    rendered: Rendered,
    status: MailStatus,
    now: Timestamp,
) -> mail_messages::ActiveModel {
    let mut row = mail.into_active_model();
    row.subject = Set(Some(rendered.subject));
    row.error = Set(None);
    row.sent_at = Set(Some(now));
    row.status = Set(status);
    if status == MailStatus::Captured {
        row.text_body = Set(Some(rendered.text));
        row.html_body = Set(Some(rendered.html));
    }
    row
}

/// Whether the status is final.
const fn is_final(status: MailStatus) -> bool {
    matches!(
        status,
        MailStatus::Sent | MailStatus::Captured | MailStatus::Suppressed | MailStatus::Unsubscribed
    )
}

/// The headers of a mail. An optional mail has a link to unsubscribe.
fn headers(unsubscribe: Option<&str>) -> Vec<(String, String)> {
    let header = |name: &str, value: String| (name.to_owned(), value);
    let mut headers = vec![header("Auto-Submitted", "auto-generated".to_owned())];
    if let Some(link) = unsubscribe {
        headers.push(header("List-Unsubscribe", format!("<{link}>")));
        if link.starts_with("https://") {
            headers.push(header("List-Unsubscribe-Post", ONE_CLICK.to_owned()));
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use atelier_entities::JobState;
    use atelier_providers::mail::MailError;

    use super::*;
    use crate::{Page, mail::OutboxFilter, testing::Fixture};

    async fn only_mail(fixture: &Fixture) -> mail_messages::Model {
        let page = Page { number: 1, size: 10 };
        let (mut mails, total) =
            fixture.services.mail.list_outbox(&OutboxFilter::default(), page).await.expect("listed");
        assert_eq!(total, 1);
        mails.remove(0)
    }

    #[tokio::test]
    async fn registering_sends_one_welcome_mail() {
        let fixture = Fixture::new().await;
        fixture.register("ada@example.org").await;
        fixture.work().await;

        let mail = only_mail(&fixture).await;
        assert_eq!((mail.status, mail.subject.as_deref()), (MailStatus::Sent, Some("Welcome to Atelier")));
        let sent = fixture.mailer.mails();
        assert_eq!(sent.len(), 1);
        assert_eq!(
            (sent[0].message_id.clone(), sent[0].to_name.as_deref()),
            (mail.id.to_string(), Some("Ada Lovelace"))
        );
        assert!(mail.html_body.is_none(), "only captured mails keep their bodies");
    }

    #[tokio::test]
    async fn a_rejected_mail_fails_with_its_reason() {
        let refused = MailError::Bounced { code: 550, message: "no such user".to_owned() };
        let fixture = Fixture::with_mailer([Err(refused)]).await;
        fixture.register("ada@example.org").await;
        fixture.work().await;

        let mail = only_mail(&fixture).await;
        assert_eq!(mail.status, MailStatus::Failed);
        assert!(mail.error.expect("a reason").contains("no such user"));
        assert_eq!(fixture.jobs_of_kind("email.deliver").await[0].state, JobState::Failed);
    }

    #[tokio::test]
    async fn a_retry_has_the_same_message_id() {
        let busy = MailError::Transient { message: "greylisted".to_owned() };
        let fixture = Fixture::with_mailer([Err(busy)]).await;
        fixture.register("ada@example.org").await;
        fixture.work().await;
        assert_eq!(only_mail(&fixture).await.status, MailStatus::Queued);
        fixture.advance(40);
        fixture.work().await;

        assert_eq!(only_mail(&fixture).await.status, MailStatus::Sent);
        let tried = fixture.mailer.mails();
        assert_eq!((tried.len(), &tried[0].message_id), (2, &tried[1].message_id));
    }

    #[tokio::test]
    async fn an_instance_without_smtp_captures_mails_in_the_outbox() {
        let fixture = Fixture::with_mailer([Ok(Delivery::Captured)]).await;
        fixture.register("ada@example.org").await;
        fixture.work().await;

        let mail = only_mail(&fixture).await;
        assert_eq!(mail.status, MailStatus::Captured);
        assert!(mail.text_body.expect("kept").contains("10 credits"));
        assert!(mail.html_body.expect("kept").contains("<html lang=\"en\">"));
    }

    #[tokio::test]
    async fn the_result_of_an_erased_mail_is_not_stored() {
        let fixture = Fixture::new().await;
        fixture.register("ada@example.org").await;
        let mail = only_mail(&fixture).await;
        mail_messages::Entity::delete_by_id(mail.id).exec(fixture.services.queue.db()).await.expect("erased");

        let row = delivered(mail.clone(), Rendered::default(), MailStatus::Sent, mail.created_at);
        fixture.services.mail.update_row(row).await.expect("there is nothing to note");
        let bounced = MailError::Bounced { code: 550, message: "no such user".to_owned() };
        let failure = Failure::of(&bounced, &mail.recipient);
        assert!(!fixture.services.mail.record_failure(&mail, &failure, true).await.expect("asked"));
        assert!(!fixture.services.mail.is_suppressed(&mail.recipient).await.expect("asked"));
    }
}
