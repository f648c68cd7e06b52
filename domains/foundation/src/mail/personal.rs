//! Personal data of mails: the outbox, the jobs that deliver the mails, opt-outs, and
//! suppressed addresses.

use async_trait::async_trait;
use atelier_entities::{MailId, UserId, mail_messages, mail_opt_outs, mail_suppressions, users};
use atelier_queue::{QueueError, Transaction};
use sea_orm::{
    ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use uuid::Uuid;

use crate::personal::{Erased, Erasing, ExportList, Page, PersonalData, Rows, jobs::delete_about};

/// Maximum number of addresses in one statement.
const ADDRESSES: usize = 500;

/// Mails, opt-outs and suppressions of people.
pub(crate) struct PeoplesMails;

#[async_trait]
impl PersonalData for PeoplesMails {
    fn name(&self) -> &'static str {
        "mails"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["mail_messages", "mail_opt_outs", "mail_suppressions"]
    }

    fn lists(&self) -> &'static [ExportList] {
        &[ExportList { name: "mails", position: 70 }]
    }

    async fn read(&self, db: &DatabaseConnection, _list: &str, page: Page) -> Result<Rows, DbErr> {
        let own = mail_messages::Entity::find().filter(mail_messages::Column::UserId.eq(page.user));
        Ok(Rows::new(page.fetch(db, own, mail_messages::Column::Id).await?, |mail| mail.id.0))
    }

    async fn list_addresses(&self, tx: &Transaction, user: UserId) -> Result<Vec<String>, DbErr> {
        let mailed = mail_messages::Entity::find()
            .select_only()
            .column(mail_messages::Column::Recipient)
            .distinct()
            .filter(mail_messages::Column::UserId.eq(user));
        mailed.into_tuple().all(&**tx).await
    }

    /// Deletes mails with the jobs that deliver them, since the error of an attempt may
    /// repeat the address. A running delivery has stored its result before, or finds that
    /// the mail was deleted.
    async fn erase(&self, tx: &Transaction, person: &Erasing, batch: u32) -> Result<Erased, QueueError> {
        let some = mail_messages::Entity::find()
            .select_only()
            .column(mail_messages::Column::Id)
            .filter(mail_messages::Column::UserId.eq(person.user))
            .limit(u64::from(batch));
        let some: Vec<MailId> = some.into_tuple().all(&**tx).await?;
        if some.is_empty() {
            let unwanted = mail_opt_outs::Column::UserId.eq(person.user);
            mail_opt_outs::Entity::delete_many().filter(unwanted).exec(&**tx).await?;
            delete_suppressions(tx, person).await?;
            return Ok(Erased::of(0, u64::from(batch)));
        }
        let subjects: Vec<Uuid> = some.iter().map(|mail| mail.0).collect();
        delete_about(tx, &subjects).await?;
        lock(tx, &some).await?;
        let gone = mail_messages::Entity::delete_many().filter(mail_messages::Column::Id.is_in(some));
        let rows = gone.exec(&**tx).await?.rows_affected;
        Ok(Erased { rows, is_done: false })
    }
}

async fn lock(tx: &Transaction, mails: &[MailId]) -> Result<(), DbErr> {
    let those = mail_messages::Entity::find()
        .select_only()
        .column(mail_messages::Column::Id)
        .filter(mail_messages::Column::Id.is_in(mails.iter().copied()))
        .order_by_asc(mail_messages::Column::Id)
        .lock_exclusive();
    those.into_tuple::<MailId>().all(&**tx).await?;
    Ok(())
}

/// Deletes the suppressions of a person's addresses, except those that another person has
/// now.
async fn delete_suppressions(tx: &Transaction, person: &Erasing) -> Result<(), DbErr> {
    for some in person.addresses.chunks(ADDRESSES) {
        let of_others = users::Entity::find()
            .select_only()
            .column(users::Column::Email)
            .filter(users::Column::Email.is_in(some))
            .filter(users::Column::Id.ne(person.user))
            .into_query();
        mail_suppressions::Entity::delete_many()
            .filter(mail_suppressions::Column::Address.is_in(some))
            .filter(mail_suppressions::Column::Address.not_in_subquery(of_others))
            .exec(&**tx)
            .await?;
    }
    Ok(())
}
