//! Credits: a balance on the account and a ledger row for each change of it, both written
//! in one transaction. The balance is always the sum of the rows.

mod listener;
mod personal;

use atelier_entities::{
    CreditKind, CreditTransactionId, GenerationMode, JobId, ProjectId, UserId, credit_transactions, users,
};
use atelier_queue::{Queue, QueueError, Transaction};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};

use crate::{Actor, CreditOptions, NotSignedIn, Page, Problem, Refusal, paging::fetch};

pub use listener::{CreditChange, CreditListener, CreditListeners};
pub(crate) use personal::CreditHistory;

/// Balances and their ledger. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Credits {
    queue: Queue,
    options: CreditOptions,
}

/// Why a balance was not read.
#[derive(Debug, thiserror::Error)]
pub enum CreditError {
    /// A command that needs a person was called without one.
    #[error(transparent)]
    NotSignedIn(#[from] NotSignedIn),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
}

impl Problem for CreditError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::NotSignedIn(error) => error.refusal(),
            Self::Database(_) => Refusal::internal(),
        }
    }
}

impl Credits {
    pub(crate) fn new(queue: Queue, options: CreditOptions) -> Self {
        Self { queue, options }
    }

    /// The credits of an account.
    pub async fn balance(&self, actor: &Actor) -> Result<i64, CreditError> {
        Ok(balance(self.queue.db(), actor.person()?).await?)
    }

    /// The changes of a balance, newest first, and their number, up to
    /// [`COUNT_LIMIT`](crate::COUNT_LIMIT).
    pub async fn history(
        &self,
        actor: &Actor,
        page: Page,
    ) -> Result<(Vec<credit_transactions::Model>, u64), CreditError> {
        let user = actor.person()?;
        let rows = credit_transactions::Entity::find()
            .filter(credit_transactions::Column::UserId.eq(user))
            .order_by_desc(credit_transactions::Column::CreatedAt)
            .order_by_desc(credit_transactions::Column::Id);
        Ok(fetch(self.queue.db(), rows, page).await?)
    }

    /// Price of a generation.
    #[must_use]
    pub fn price(&self, mode: GenerationMode) -> i64 {
        self.options.price(mode)
    }
}

impl CreditOptions {
    /// Price of a generation.
    #[must_use]
    pub fn price(&self, mode: GenerationMode) -> i64 {
        match mode {
            GenerationMode::Quick => self.quick_price,
            GenerationMode::Advanced => self.advanced_price,
        }
    }
}

/// A change of a balance.
struct Entry<'a> {
    user: UserId,
    amount: i64,
    kind: CreditKind,
    description: &'a str,
    project: Option<ProjectId>,
    job: Option<JobId>,
}

/// The credits of an account, read on this connection.
pub async fn balance(db: &impl sea_orm::ConnectionTrait, user: UserId) -> Result<i64, DbErr> {
    let credits: Option<i64> = users::Entity::find_by_id(user)
        .select_only()
        .column(users::Column::Credits)
        .into_tuple()
        .one(db)
        .await?;
    Ok(credits.unwrap_or(0))
}

/// Credits that an account used, without those that were given back.
pub(crate) async fn used(db: &impl sea_orm::ConnectionTrait, user: UserId) -> Result<i64, DbErr> {
    // SUM over bigint is numeric on PostgreSQL, so it is cast back.
    let sum: Option<Option<i64>> = credit_transactions::Entity::find()
        .filter(credit_transactions::Column::UserId.eq(user))
        .filter(credit_transactions::Column::Kind.is_in([CreditKind::Usage, CreditKind::Refund]))
        .select_only()
        .column_as(credit_transactions::Column::Amount.sum().cast_as("BIGINT"), "amount")
        .into_tuple()
        .one(db)
        .await?;
    Ok(-sum.flatten().unwrap_or(0))
}

/// Gives credits for no job.
pub async fn grant(
    tx: &Transaction,
    user: UserId,
    amount: i64,
    kind: CreditKind,
    description: &str,
) -> Result<(), DbErr> {
    if amount <= 0 {
        return Ok(());
    }
    post(tx, Entry { user, amount, kind, description, project: None, job: None }).await?;
    Ok(())
}

/// Changes a balance by an amount, up or down. Returns false, and changes nothing, if the
/// balance would fall below zero.
pub async fn adjust(tx: &Transaction, user: UserId, amount: i64, description: &str) -> Result<bool, DbErr> {
    let kind = CreditKind::Adjustment;
    post(tx, Entry { user, amount, kind, description, project: None, job: None }).await
}

/// The price of a job.
#[derive(Clone, Copy, Debug)]
pub struct Price<'a> {
    /// In credits.
    pub amount: i64,
    /// The text in the person's history.
    pub description: &'a str,
}

/// Charges the price of a job. Returns false if the balance is too low.
pub async fn charge(
    tx: &Transaction,
    user: UserId,
    project: ProjectId,
    job: JobId,
    price: Price<'_>,
) -> Result<bool, DbErr> {
    if price.amount <= 0 {
        return Ok(true);
    }
    post(
        tx,
        Entry {
            user,
            amount: -price.amount,
            kind: CreditKind::Usage,
            description: price.description,
            project: Some(project),
            job: Some(job),
        },
    )
    .await
}

/// Refunds the price of a job, once. Returns the amount.
pub async fn refund(tx: &Transaction, job: JobId, description: &str) -> Result<i64, DbErr> {
    let rows = credit_transactions::Entity::find()
        .filter(credit_transactions::Column::JobId.eq(job))
        .all(&**tx)
        .await?;
    let of = |kind| rows.iter().find(|row| row.kind == kind);
    let (Some(usage), None) = (of(CreditKind::Usage), of(CreditKind::Refund)) else { return Ok(0) };
    let amount = -usage.amount;
    let entry = Entry {
        user: usage.user_id,
        amount,
        kind: CreditKind::Refund,
        description,
        project: usage.project_id,
        job: Some(job),
    };
    post(tx, entry).await?;
    Ok(amount)
}

/// Whether the price of a job was refunded.
pub async fn is_refunded(db: &impl sea_orm::ConnectionTrait, job: JobId) -> Result<bool, DbErr> {
    let refunds = credit_transactions::Entity::find()
        .filter(credit_transactions::Column::JobId.eq(job))
        .filter(credit_transactions::Column::Kind.eq(CreditKind::Refund))
        .count(db)
        .await?;
    Ok(refunds > 0)
}

/// Changes the balance and writes the ledger row. Returns false, and changes nothing, if
/// the balance would fall below zero or the account does not exist.
async fn post(tx: &Transaction, entry: Entry<'_>) -> Result<bool, DbErr> {
    let credits = Expr::col(users::Column::Credits);
    let changed = users::Entity::update_many()
        .col_expr(users::Column::Credits, credits.clone().add(entry.amount))
        .col_expr(users::Column::UpdatedAt, Expr::value(tx.now()))
        .filter(users::Column::Id.eq(entry.user))
        .filter(credits.add(entry.amount).gte(0))
        .exec(&**tx)
        .await?;
    if changed.rows_affected == 0 {
        return Ok(false);
    }
    let id = CreditTransactionId::new();
    let row = credit_transactions::ActiveModel {
        id: Set(id),
        user_id: Set(entry.user),
        amount: Set(entry.amount),
        kind: Set(entry.kind),
        description: Set(entry.description.to_owned()),
        project_id: Set(entry.project),
        job_id: Set(entry.job),
        created_at: Set(tx.now()),
    };
    credit_transactions::Entity::insert(row).exec_without_returning(&**tx).await?;
    let Entry { user, amount, kind, description, project, job } = entry;
    let change = CreditChange { id, user, amount, kind, description, project, job };
    match listener::tell(tx, &change).await {
        Ok(()) => Ok(true),
        Err(QueueError::Database(error)) => Err(error),
        Err(error) => Err(DbErr::Custom(error.to_string())),
    }
}
