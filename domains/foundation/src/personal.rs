//! Personal data. Each domain has a part for each kind of data. A part names its tables,
//! and provides the export and the erasure of its data.
//!
//! The order of locks, for every transaction: jobs, then schedules, then hooks, then runs of workflows,
//! then workflows, then webhooks, then projects, then the account, each in the order of their ids; runs from the outer ones
//! to their child runs. The effects of jobs use the same order, and so does the database
//! where the deletion of a row changes others: `projects::ProjectReferences` locks these
//! first.

pub(crate) mod jobs;

pub use jobs::of_present_owners;

use std::{any::Any, fmt};

use async_trait::async_trait;
use atelier_entities::{Timestamp, UserId, account_erasures, users};
use atelier_queue::{QueueError, QueueName, Transaction};
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, DbErr, EntityTrait, FromQueryResult, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};
use uuid::Uuid;

/// Rows that one read of an export returns.
const PAGE: u64 = 500;

/// The prefix that replaces the mail address of an account that is being erased. No mail
/// address begins with it.
const ERASED: &str = "erased:";

/// A part of the personal data.
#[async_trait]
pub trait PersonalData: Send + Sync {
    /// The name in the progress of an erasure.
    fn name(&self) -> &'static str;

    /// The tables of the part. Every table with a person's id belongs to exactly one part.
    fn tables(&self) -> &'static [&'static str];

    /// The lists of the part in an export.
    fn lists(&self) -> &'static [ExportList] {
        &[]
    }

    /// A page of one of these lists.
    async fn read(&self, db: &DatabaseConnection, list: &str, page: Page) -> Result<Rows, DbErr> {
        let _ = (db, page);
        Err(DbErr::RecordNotFound(format!("the list {list} of an export")))
    }

    /// The queues with the person's work. The work stops when the account is closed.
    fn work_queues(&self) -> &'static [QueueName] {
        &[]
    }

    /// The person's mail addresses in this part.
    async fn list_addresses(&self, tx: &Transaction, user: UserId) -> Result<Vec<String>, DbErr> {
        let _ = (tx, user);
        Ok(Vec::new())
    }

    /// Makes public data of a person invisible in the transaction that closes the account.
    /// The running jobs are locked at that time, the account is not yet. The parts are called
    /// in reverse order, as for the erasure.
    async fn withdraw(&self, tx: &Transaction, user: UserId) -> Result<(), QueueError> {
        let _ = (tx, user);
        Ok(())
    }

    /// Erases about `batch` rows of a person at most. It is called again until it is done,
    /// and once more at the end.
    async fn erase(&self, tx: &Transaction, person: &Erasing, batch: u32) -> Result<Erased, QueueError>;

    /// Finishes the erasure in the transaction that deletes the account, after all rows of
    /// the person are deleted.
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
    /// Every known mail address of the person, in lower case.
    pub addresses: Vec<String>,
    /// No older data refer to the account.
    pub since: Timestamp,
}

/// The result of one step of an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Rows that were deleted or redacted.
    pub rows: u64,
    /// Whether no row is left.
    pub is_done: bool,
}

impl Erased {
    /// The result of a step with `limit` that found `rows`.
    #[must_use]
    pub fn of(rows: u64, limit: u64) -> Self {
        Self { rows, is_done: rows < limit }
    }
}

/// A list of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportList {
    /// The name in the document.
    pub name: &'static str,
    /// The position of the list. Lists are ordered by it.
    pub position: u16,
}

/// A page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The person.
    pub user: UserId,
    /// Only rows older than the row with this id.
    pub after: Option<Uuid>,
}

impl Page {
    /// The rows of the page, newest first. Ids ascend with time.
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

/// Rows of a list, newest first. The caller of the export knows their type.
pub struct Rows {
    count: usize,
    last: Option<Uuid>,
    rows: Box<dyn Any + Send>,
}

impl Rows {
    /// Wraps rows. `id` returns the id for paging.
    #[must_use]
    pub fn new<T: Send + 'static>(rows: Vec<T>, id: impl Fn(&T) -> Uuid) -> Self {
        Self { count: rows.len(), last: rows.last().map(id), rows: Box::new(rows) }
    }

    /// The number of rows.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count as u64
    }

    /// The rows, if they have this type.
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

/// The replacement for the mail address of an account that is being erased.
pub(crate) fn erased_address(user: UserId) -> String {
    format!("{ERASED}{user}")
}

/// Whether an account is closed and being erased. It is invisible to everybody.
#[must_use]
pub fn is_being_erased(user: &users::Model) -> bool {
    is_erased_address(&user.email)
}

/// Whether that is the address of an account that is being erased.
pub(crate) fn is_erased_address(email: &str) -> bool {
    email.starts_with(ERASED)
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
