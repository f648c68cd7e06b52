//! What the product holds about people. A domain has a part for each kind of it, which
//! says which tables it is in, what of it goes into the person's export, and how it is
//! erased.
//!
//! Whoever locks rows of several kinds for a person does it in this order: jobs, then
//! projects, then the account, each in the order of their ids. The ends of jobs lock them
//! in that order too.

pub(crate) mod jobs;

use std::{any::Any, fmt};

use async_trait::async_trait;
use atelier_entities::{Timestamp, UserId, account_erasures, users};
use atelier_queue::{QueueError, QueueName, Transaction};
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, DbErr, EntityTrait, FromQueryResult, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};
use uuid::Uuid;

/// Rows of one read of an export.
const PAGE: u64 = 500;

/// What stands in place of the mail address of an account that is being erased. No mail
/// address begins so.
const ERASED: &str = "erased:";

/// What a domain holds about people.
#[async_trait]
pub trait PersonalData: Send + Sync {
    /// What it is called where the progress of an erasure is shown.
    fn name(&self) -> &'static str;

    /// The tables that it is in. Every table with a person's id belongs to one part.
    fn tables(&self) -> &'static [&'static str];

    /// The lists that it adds to a person's export.
    fn lists(&self) -> &'static [ExportList] {
        &[]
    }

    /// A page of one of these lists.
    async fn read(&self, db: &DatabaseConnection, list: &str, page: Page) -> Result<Rows, DbErr> {
        let _ = (db, page);
        Err(DbErr::RecordNotFound(format!("the list {list} of an export")))
    }

    /// Where a person's work is queued. It stops when the account is closed.
    fn work_queues(&self) -> &'static [QueueName] {
        &[]
    }

    /// The mail addresses that it knows of a person.
    async fn list_addresses(&self, tx: &Transaction, user: UserId) -> Result<Vec<String>, DbErr> {
        let _ = (tx, user);
        Ok(Vec::new())
    }

    /// Withdraws what others could still meet of a person whose account is closed in this
    /// transaction. It is called with the running jobs locked and the account not yet.
    async fn withdraw(&self, tx: &Transaction, user: UserId) -> Result<(), QueueError> {
        let _ = (tx, user);
        Ok(())
    }

    /// Erases at most about `batch` rows of a person. It is called again until it is done,
    /// and once more at the end.
    async fn erase(&self, tx: &Transaction, person: &Erasing, batch: u32) -> Result<Erased, QueueError>;

    /// What is left to do where nothing of the person is left, in the transaction in which
    /// the account goes.
    async fn finish(&self, tx: &Transaction, person: &Erasing) -> Result<(), QueueError> {
        let _ = (tx, person);
        Ok(())
    }
}

impl fmt::Debug for dyn PersonalData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PersonalData").field(&self.name()).finish()
    }
}

/// A person whose account is being erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasing {
    /// The account.
    pub user: UserId,
    /// Every mail address that was known of the person, with small letters.
    pub addresses: Vec<String>,
    /// Nothing older says anything of the account.
    pub since: Timestamp,
}

/// What one step of an erasure did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Rows that are gone, or lost the person.
    pub rows: u64,
    /// Whether none was left.
    pub is_done: bool,
}

impl Erased {
    /// A step that would have erased up to `limit` rows, and found `rows`.
    #[must_use]
    pub fn of(rows: u64, limit: u64) -> Self {
        Self { rows, is_done: rows < limit }
    }
}

/// A list of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportList {
    /// Its name in the document.
    pub name: &'static str,
    /// Lists come in the order of these numbers.
    pub position: u16,
}

/// Which rows of a list are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Whose.
    pub user: UserId,
    /// Only those older than the row of this id.
    pub after: Option<Uuid>,
}

impl Page {
    /// Those of `rows` that are on the page, newest first. Ids ascend with time.
    pub async fn fetch<E>(
        self,
        db: &DatabaseConnection,
        rows: Select<E>,
        id: E::Column,
    ) -> Result<Vec<E::Model>, DbErr>
    where
        E: EntityTrait,
        E::Model: FromQueryResult + Send + Sync,
    {
        rows.apply_if(self.after, |rows, after| rows.filter(id.lt(after)))
            .order_by_desc(id)
            .limit(PAGE)
            .all(db)
            .await
    }
}

/// Rows of a list, newest first. What they are is known to whoever shows them.
pub struct Rows {
    count: usize,
    last: Option<Uuid>,
    rows: Box<dyn Any + Send>,
}

impl Rows {
    /// These rows; `id` tells the id by which they are paged.
    #[must_use]
    pub fn new<T: Send + 'static>(rows: Vec<T>, id: impl Fn(&T) -> Uuid) -> Self {
        Self { count: rows.len(), last: rows.last().map(id), rows: Box::new(rows) }
    }

    /// How many they are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count as u64
    }

    /// The rows, where they are of that type.
    #[must_use]
    pub fn take<T: 'static>(self) -> Option<Vec<T>> {
        self.rows.downcast::<Vec<T>>().ok().map(|rows| *rows)
    }

    /// The id after which the next page begins; none after the last page.
    pub(crate) fn next(&self) -> Option<Uuid> {
        self.last.filter(|_| self.count() >= PAGE)
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("count", &self.count).finish_non_exhaustive()
    }
}

/// What stands in place of the address of an account that is being erased.
pub(crate) fn erased_address(user: UserId) -> String {
    format!("{ERASED}{user}")
}

/// Whether an account is closed and being erased. It is there no more for anybody.
#[must_use]
pub fn is_being_erased(user: &users::Model) -> bool {
    user.email.starts_with(ERASED)
}

/// The accounts that are closed and being erased.
pub async fn list_being_erased(db: &DatabaseConnection) -> Result<Vec<UserId>, DbErr> {
    let all = account_erasures::Entity::find().select_only().column(account_erasures::Column::UserId);
    all.into_tuple().all(db).await
}

/// Whether nobody may meet what belongs to that account: it is closed and being erased.
pub async fn is_withdrawn(db: &DatabaseConnection, user: UserId) -> Result<bool, DbErr> {
    Ok(account_erasures::Entity::find_by_id(user).count(db).await? > 0)
}

/// That a row's person, if it names one in that column, is not being erased.
pub fn of_present(person: impl ColumnTrait) -> Condition {
    let leaving =
        account_erasures::Entity::find().select_only().column(account_erasures::Column::UserId).into_query();
    Condition::any().add(person.is_null()).add(person.not_in_subquery(leaving))
}
