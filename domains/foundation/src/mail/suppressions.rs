//! Suppressed addresses: a mail server reported that the mailbox does not exist. Optional
//! mails are not sent to them. Other mails are tried once; a delivery lifts the
//! suppression.

use atelier_entities::mail_suppressions;
use atelier_queue::Transaction;
use sea_orm::{ActiveValue::Set, DbErr, EntityTrait, PaginatorTrait, QueryOrder, sea_query::OnConflict};
use serde_json::json;

use super::{Mail, MailingError};
use crate::{Actor, Page, audit, paging::fetch};

/// Maximum length of a stored reason, in characters.
const MAX_REASON: usize = 500;

impl Mail {
    /// The suppressed addresses, latest first, and their number, up to
    /// [`COUNT_LIMIT`](crate::COUNT_LIMIT).
    pub async fn list_suppressions(&self, page: Page) -> Result<(Vec<mail_suppressions::Model>, u64), DbErr> {
        let rows = mail_suppressions::Entity::find()
            .order_by_desc(mail_suppressions::Column::CreatedAt)
            .order_by_asc(mail_suppressions::Column::Address);
        fetch(self.queue.db(), rows, page).await
    }

    /// Lifts the suppression of an address. Returns the target of the audit entry. It has
    /// the SHA-256 of the address, since the log may outlive the right to store the
    /// address.
    pub async fn delete_suppression(&self, actor: &Actor, address: &str) -> Result<String, MailingError> {
        let address = address.trim().to_ascii_lowercase();
        let tx = self.queue.begin().await?;
        let found = mail_suppressions::Entity::find_by_id(address.clone()).one(&*tx).await?;
        let found = found.ok_or(MailingError::NotSuppressed)?;
        mail_suppressions::Entity::delete_by_id(address.clone()).exec(&*tx).await?;
        // The server's reply may repeat the address.
        let context = json!({"suppressed_at": found.created_at});
        let target = audit::address_target(&address);
        audit::record(&tx, actor, "mail.delete_suppression", Some(target.clone()), context).await?;
        tx.commit().await?;
        Ok(target)
    }

    pub(super) async fn is_suppressed(&self, address: &str) -> Result<bool, DbErr> {
        let found = mail_suppressions::Entity::find_by_id(address.to_ascii_lowercase());
        Ok(found.count(self.queue.db()).await? > 0)
    }

    pub(super) async fn lift_suppression(&self, address: &str) -> Result<(), DbErr> {
        mail_suppressions::Entity::delete_by_id(address.to_ascii_lowercase()).exec(self.queue.db()).await?;
        Ok(())
    }
}

/// Suppresses an address.
pub(super) async fn suppress(tx: &Transaction, address: &str, reason: &str) -> Result<(), DbErr> {
    let row = mail_suppressions::ActiveModel {
        address: Set(address.to_ascii_lowercase()),
        reason: Set(reason.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect()),
        created_at: Set(tx.now()),
    };
    let renew = OnConflict::column(mail_suppressions::Column::Address)
        .update_columns([mail_suppressions::Column::Reason, mail_suppressions::Column::CreatedAt])
        .to_owned();
    mail_suppressions::Entity::insert(row).on_conflict(renew).exec_without_returning(&**tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use atelier_entities::{MailStatus, mail_messages, users};
    use atelier_providers::mail::{Delivery, MailError};
    use serde_json::json;

    use super::*;
    use crate::{
        Actor,
        mail::queue_mail,
        testing::{Fixture, REMINDER},
    };

    fn accepted() -> Result<Delivery, MailError> {
        Ok(Delivery::Accepted { response: "250 queued".to_owned() })
    }

    async fn notify(fixture: &Fixture, user: &users::Model, cause: &str) -> MailStatus {
        let tx = fixture.services.queue.begin().await.expect("begun");
        let id = queue_mail(&tx, &REMINDER, user, cause, json!({})).await.expect("queued");
        tx.commit().await.expect("committed");
        fixture.work().await;
        let found =
            mail_messages::Entity::find_by_id(id.expect("new")).one(fixture.services.queue.db()).await;
        found.expect("asked").expect("there").status
    }

    #[tokio::test]
    async fn a_suppressed_address_gets_only_mails_without_a_category() {
        let refused = || Err(MailError::Bounced { code: 550, message: "no such user".to_owned() });
        let busy = || Err(MailError::Transient { message: "greylisted".to_owned() });
        let fixture = Fixture::with_mailer([refused(), busy(), accepted(), accepted()]).await;
        let ada = fixture.register("ada@example.org").await;
        fixture.work().await;
        let forgot = async || {
            let asked =
                fixture.services.identity.forgot_password(&Actor::anonymous(), "ada@example.org").await;
            asked.expect("asked");
            fixture.work().await;
            fixture.mailer.mails().len()
        };

        assert!(fixture.services.mail.is_suppressed("Ada@example.org").await.expect("asked"));
        assert_eq!(notify(&fixture, &ada, "one").await, MailStatus::Suppressed);
        assert_eq!(fixture.mailer.mails().len(), 1);
        assert_eq!(forgot().await, 2, "tried once");
        fixture.advance(3600 / 2);
        fixture.work().await;
        assert_eq!(fixture.mailer.mails().len(), 2, "and not again");
        assert_eq!(forgot().await, 3);
        assert!(!fixture.services.mail.is_suppressed("ada@example.org").await.expect("asked"));
        assert_eq!(notify(&fixture, &ada, "two").await, MailStatus::Sent);
    }
}
