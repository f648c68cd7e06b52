//! Searches accounts, and counts what one of them has.

use atelier_entities::{CreditKind, JobState, Timestamp, UserId, users};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, Select, Statement,
    sea_query::{Expr, ExprTrait, Func, LikeExpr, NullOrdering},
};

use super::{Admin, AdminError};
use atelier_foundation::{
    FieldErrors, Page,
    paging::fetch,
    personal::{is_being_erased, of_present},
    validation,
};

/// Maximum length of a search text.
const MAX_SEARCH_CHARS: usize = 100;

/// Number of newest accounts that a search for a substring reads, since no index supports
/// substrings.
const SEARCH_WINDOW: u64 = 100_000;

/// A filter of accounts. An account must match every field that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// A substring of the mail address or the name, 1 to 100 characters. The case is
    /// ignored. Only the newest 100,000 accounts are searched; a whole mail address finds
    /// its account regardless of its age.
    pub search: Option<String>,
    /// Administrators only, or all others.
    pub is_admin: Option<bool>,
    /// Active accounts only, or deactivated ones.
    pub is_active: Option<bool>,
    /// Accounts with a verified mail address only, or the others.
    pub is_verified: Option<bool>,
    /// The plan.
    pub plan: Option<String>,
    /// The sign-in method: email, google, github or apple.
    pub provider: Option<String>,
    /// Created at or after this time.
    pub created_from: Option<Timestamp>,
    /// Created before this time.
    pub created_before: Option<Timestamp>,
}

/// The sort key of accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountSort {
    /// Time of creation.
    #[default]
    CreatedAt,
    /// Their mail address.
    Email,
    /// Their name.
    FullName,
    /// Time of the last activity. Accounts without one come last.
    LastActiveAt,
    /// Their credits.
    Credits,
}

impl AccountSort {
    /// Every sort key by its name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("created_at", Self::CreatedAt),
        ("email", Self::Email),
        ("full_name", Self::FullName),
        ("last_active_at", Self::LastActiveAt),
        ("credits", Self::Credits),
    ];

    const fn column(self) -> users::Column {
        match self {
            Self::CreatedAt => users::Column::CreatedAt,
            Self::Email => users::Column::Email,
            Self::FullName => users::Column::FullName,
            Self::LastActiveAt => users::Column::LastActiveAt,
            Self::Credits => users::Column::Credits,
        }
    }
}

/// The order of a list of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountOrder {
    /// The sort key.
    pub by: AccountSort,
    /// Whether the order is descending.
    pub descending: bool,
}

/// An account with its counts.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountDetail {
    /// The account.
    pub user: users::Model,
    /// The counts.
    pub counts: AccountCounts,
}

/// The counts of an account's data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromQueryResult)]
pub struct AccountCounts {
    /// Projects.
    pub projects: i64,
    /// Deployments in any state.
    pub deployments: i64,
    /// Stored jobs.
    pub jobs: i64,
    /// Jobs that have not ended.
    pub unfinished_jobs: i64,
    /// Active sign-ins.
    pub sessions: i64,
    /// API tokens that have not expired.
    pub api_tokens: i64,
    /// Mails to the person.
    pub mails: i64,
    /// Credits used, without refunds.
    pub credits_used: i64,
}

impl Admin {
    /// A page of the accounts that match a filter, and their number, up to
    /// [`COUNT_LIMIT`](atelier_foundation::COUNT_LIMIT).
    pub async fn list_accounts(
        &self,
        filter: &AccountFilter,
        order: AccountOrder,
        page: Page,
    ) -> Result<(Vec<users::Model>, u64), AdminError> {
        let since = match filter.search {
            Some(_) => search_window_start(self.queue.db(), SEARCH_WINDOW).await?,
            None => None,
        };
        let present = users::Entity::find().filter(of_present(users::Column::Id));
        let rows = sorted(present.filter(condition(filter, since)?), order);
        Ok(fetch(self.queue.db(), rows, page).await?)
    }

    /// Reads an account with its counts.
    pub async fn get_account(&self, id: UserId) -> Result<AccountDetail, AdminError> {
        let db = self.queue.db();
        let user = users::Entity::find_by_id(id).one(db).await?;
        let user = user.filter(|user| !is_being_erased(user)).ok_or(AdminError::NotFound)?;
        let row = db.query_one_raw(self.count_statement(id)).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("the counts of an account".to_owned()))?;
        Ok(AccountDetail { user, counts: AccountCounts::from_query_result(&row, "")? })
    }

    /// Each count reads the rows of one account by an index.
    fn count_statement(&self, id: UserId) -> Statement {
        // SUM over bigint is numeric on PostgreSQL, so it is cast back.
        const COUNTS: &str = "SELECT \
            (SELECT COUNT(*) FROM projects WHERE user_id = $1) AS projects, \
            (SELECT COUNT(*) FROM deployments WHERE user_id = $2) AS deployments, \
            (SELECT COUNT(*) FROM jobs WHERE owner_id = $3) AS jobs, \
            (SELECT COUNT(*) FROM jobs WHERE owner_id = $4 AND state IN ($5, $6, $7, $8)) AS unfinished_jobs, \
            (SELECT COUNT(DISTINCT family_id) FROM sessions \
                WHERE user_id = $9 AND revoked_at IS NULL AND expires_at > $10) AS sessions, \
            (SELECT COUNT(*) FROM api_tokens WHERE user_id = $11 AND expires_at > $12) AS api_tokens, \
            (SELECT COUNT(*) FROM mail_messages WHERE user_id = $13) AS mails, \
            (SELECT CAST(COALESCE(-SUM(amount), 0) AS BIGINT) FROM credit_transactions \
                WHERE user_id = $14 AND kind IN ($15, $16)) AS credits_used";
        let now = self.queue.now();
        let values = [
            id.into(),
            id.into(),
            id.into(),
            id.into(),
            JobState::Scheduled.as_str().into(),
            JobState::Available.as_str().into(),
            JobState::Running.as_str().into(),
            JobState::Retrying.as_str().into(),
            id.into(),
            now.into(),
            id.into(),
            now.into(),
            id.into(),
            id.into(),
            CreditKind::Usage.as_str().into(),
            CreditKind::Refund.as_str().into(),
        ];
        Statement::from_sql_and_values(self.queue.db().get_database_backend(), COUNTS, values)
    }
}

/// The creation time of the oldest of the newest `count` accounts; none if there are fewer
/// accounts.
async fn search_window_start(db: &impl ConnectionTrait, count: u64) -> Result<Option<Timestamp>, DbErr> {
    let newest = users::Entity::find()
        .select_only()
        .column(users::Column::CreatedAt)
        .order_by_desc(users::Column::CreatedAt);
    newest.offset(count - 1).limit(1).into_tuple().one(db).await
}

/// The condition of a filter. A search matches only accounts created since that time.
fn condition(filter: &AccountFilter, since: Option<Timestamp>) -> Result<Condition, FieldErrors> {
    let mut errors = FieldErrors::default();
    let line = |text: &Option<String>, longest| {
        text.as_deref().map(|text| validation::line(text, 1, longest)).transpose()
    };
    let search = errors.take("search", line(&filter.search, MAX_SEARCH_CHARS));
    let plan = errors.take("plan", line(&filter.plan, 40));
    let provider = errors.take("provider", line(&filter.provider, 40));
    let range = filter.created_from.zip(filter.created_before);
    if range.is_some_and(|(from, before)| from >= before) {
        errors.0.insert("created_before", "must be later than created_from".to_owned());
    }
    let condition = || {
        let condition = Condition::all()
            .add_option(search?.map(|text| matches(&text, since)))
            .add_option(filter.is_admin.map(|is| users::Column::IsAdmin.eq(is)))
            .add_option(filter.is_active.map(|is| users::Column::IsActive.eq(is)))
            .add_option(filter.is_verified.map(|is| match is {
                true => users::Column::EmailVerifiedAt.is_not_null(),
                false => users::Column::EmailVerifiedAt.is_null(),
            }))
            .add_option(plan?.map(|plan| users::Column::SubscriptionPlan.eq(plan)))
            .add_option(provider?.map(|provider| users::Column::Provider.eq(provider)))
            .add_option(filter.created_from.map(|from| users::Column::CreatedAt.gte(from)))
            .add_option(filter.created_before.map(|before| users::Column::CreatedAt.lt(before)));
        Some(condition)
    };
    let condition = condition();
    errors.finish(condition)
}

/// SQLite folds only ASCII letters, so a name is also searched as it was typed.
fn matches(text: &str, since: Option<Timestamp>) -> Condition {
    let pattern = |text: &str| LikeExpr::new(contains(text)).escape('\\');
    let (lower, address) = (text.to_lowercase(), text.to_ascii_lowercase());
    let name = || Expr::col(users::Column::FullName);
    let part = Condition::any()
        .add(Expr::col(users::Column::Email).like(pattern(&address)))
        .add(Expr::expr(Func::lower(name())).like(pattern(&lower)))
        .add(name().like(pattern(text)));
    let recent =
        Condition::all().add_option(since.map(|since| users::Column::CreatedAt.gte(since))).add(part);
    Condition::any().add(users::Column::Email.is_in(validation::email_forms(text))).add(recent)
}

/// A LIKE pattern for a literal substring.
fn contains(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern + "%"
}

fn sorted(rows: Select<users::Entity>, order: AccountOrder) -> Select<users::Entity> {
    let direction = if order.descending { sea_orm::Order::Desc } else { sea_orm::Order::Asc };
    let rows = match order.by {
        AccountSort::LastActiveAt => {
            rows.order_by_with_nulls(order.by.column(), direction.clone(), NullOrdering::Last)
        }
        by => rows.order_by(by.column(), direction.clone()),
    };
    rows.order_by(users::Column::Id, direction)
}

#[cfg(test)]
mod tests;
