//! What mails leave behind besides their rows, which go with the account: the jobs that
//! delivered them, and addresses that are held back.

use std::collections::BTreeSet;

use atelier_entities::{
    JobState, MailId, MailStatus, UserId, account_tokens, jobs, mail_messages, mail_suppressions, users,
};
use atelier_queue::{QueueError, Transaction};
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::SelectStatement,
};

use super::forget_unfinished;

/// Addresses in one statement.
const ADDRESSES: usize = 500;

/// The person's mails that wait or are under way.
pub(super) async fn list_queued(tx: &Transaction, user: UserId) -> Result<Vec<MailId>, DbErr> {
    let queued = mail_messages::Entity::find()
        .select_only()
        .column(mail_messages::Column::Id)
        .filter(mail_messages::Column::UserId.eq(user))
        .filter(mail_messages::Column::Status.eq(MailStatus::Queued));
    queued.into_tuple().all(&**tx).await
}

/// Deletes the jobs that delivered a person's mails. What an attempt met may repeat the
/// address.
pub(super) async fn forget_deliveries(tx: &Transaction, user: UserId) -> Result<(), QueueError> {
    let about = jobs::Column::SubjectId.in_subquery(mails_of(user));
    jobs::Entity::delete_many()
        .filter(about.clone())
        .filter(jobs::Column::State.is_in(JobState::TERMINAL))
        .exec(&**tx)
        .await?;
    let running = jobs::Entity::find().filter(about).order_by_asc(jobs::Column::Id);
    for job in running.all(&**tx).await? {
        forget_unfinished(tx, job).await?;
    }
    Ok(())
}

/// Every mail address that is known of a person, with small letters. The person's mails are
/// held until the transaction ends, so that a delivery that is under way has noted what
/// became of it before, or finds the mail gone.
pub(super) async fn lock_addresses(tx: &Transaction, account: &users::Model) -> Result<Vec<String>, DbErr> {
    let mails = mail_messages::Entity::find()
        .select_only()
        .column(mail_messages::Column::Recipient)
        .filter(mail_messages::Column::UserId.eq(account.id))
        .order_by_asc(mail_messages::Column::Id)
        .lock_exclusive();
    let mailed: Vec<String> = mails.into_tuple().all(&**tx).await?;
    let links = account_tokens::Entity::find()
        .select_only()
        .column(account_tokens::Column::Email)
        .filter(account_tokens::Column::UserId.eq(account.id));
    let linked: Vec<String> = links.into_tuple().all(&**tx).await?;
    let all = mailed.into_iter().chain(linked).chain([account.email.clone()]);
    let all: BTreeSet<String> = all.map(|address| address.to_ascii_lowercase()).collect();
    Ok(all.into_iter().collect())
}

/// Lets go of the addresses that are held back, but for those that are another person's
/// by now.
pub(super) async fn forget_suppressions(
    tx: &Transaction,
    user: UserId,
    addresses: &[String],
) -> Result<(), DbErr> {
    for some in addresses.chunks(ADDRESSES) {
        let of_others = users::Entity::find()
            .select_only()
            .column(users::Column::Email)
            .filter(users::Column::Email.is_in(some))
            .filter(users::Column::Id.ne(user))
            .into_query();
        mail_suppressions::Entity::delete_many()
            .filter(mail_suppressions::Column::Address.is_in(some))
            .filter(mail_suppressions::Column::Address.not_in_subquery(of_others))
            .exec(&**tx)
            .await?;
    }
    Ok(())
}

fn mails_of(user: UserId) -> SelectStatement {
    mail_messages::Entity::find()
        .select_only()
        .column(mail_messages::Column::Id)
        .filter(mail_messages::Column::UserId.eq(user))
        .into_query()
}
