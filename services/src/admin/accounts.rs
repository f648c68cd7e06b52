//! Finding accounts, and how much one of them has.

use atelier_entities::{CreditKind, JobState, Timestamp, UserId, users};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    Select, Statement,
    sea_query::{Expr, ExprTrait, Func, LikeExpr, NullOrdering},
};

use super::{Admin, AdminError};
use crate::{FieldErrors, Page, paging::fetch, validation};

/// Longest text that is searched for.
const LONGEST_SEARCH: usize = 100;

/// Which accounts; a field that is none selects every one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Part of the mail address or the name, whatever its case; 1 to 100 characters.
    pub search: Option<String>,
    /// Only those who operate the platform, or only the others.
    pub is_admin: Option<bool>,
    /// Only those who may sign in, or only the others.
    pub is_active: Option<bool>,
    /// Only those whose mail address is proven, or only the others.
    pub is_verified: Option<bool>,
    /// Only of this plan.
    pub plan: Option<String>,
    /// Only those who sign in so: email, google, github or apple.
    pub provider: Option<String>,
    /// Only made at or after this moment.
    pub created_from: Option<Timestamp>,
    /// Only made before this moment.
    pub created_before: Option<Timestamp>,
}

/// What accounts are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountSort {
    /// When they were made.
    #[default]
    CreatedAt,
    /// Their mail address.
    Email,
    /// Their name.
    FullName,
    /// When they were last active; those who never were come last.
    LastActiveAt,
    /// Their credits.
    Credits,
}

impl AccountSort {
    /// Every key by its name.
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
    /// By what.
    pub by: AccountSort,
    /// Greatest, newest or last letter first.
    pub descending: bool,
}

/// An account with how much it has.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountDetail {
    /// The account.
    pub user: users::Model,
    /// How much of what.
    pub counts: AccountCounts,
}

/// How much an account has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromQueryResult)]
pub struct AccountCounts {
    /// Projects.
    pub projects: i64,
    /// Publications, whatever became of them.
    pub deployments: i64,
    /// Jobs that are kept.
    pub jobs: i64,
    /// Jobs that wait or run.
    pub unfinished_jobs: i64,
    /// Sign-ins that were not ended.
    pub sessions: i64,
    /// API tokens that have not expired.
    pub api_tokens: i64,
    /// Mails that were written to the person.
    pub mails: i64,
    /// Credits used, without those that were given back.
    pub credits_used: i64,
}

impl Admin {
    /// A page of the accounts of a filter, and how many there are.
    pub async fn list_accounts(
        &self,
        filter: &AccountFilter,
        order: AccountOrder,
        page: Page,
    ) -> Result<(Vec<users::Model>, u64), AdminError> {
        let rows = sorted(users::Entity::find().filter(condition(filter)?), order);
        Ok(fetch(self.queue.db(), rows, page).await?)
    }

    /// An account with how much it has.
    pub async fn get_account(&self, id: UserId) -> Result<AccountDetail, AdminError> {
        let db = self.queue.db();
        let user = users::Entity::find_by_id(id).one(db).await?.ok_or(AdminError::NotFound)?;
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

fn condition(filter: &AccountFilter) -> Result<Condition, FieldErrors> {
    let mut errors = FieldErrors::default();
    let line = |text: &Option<String>, longest| {
        text.as_deref().map(|text| validation::line(text, 1, longest)).transpose()
    };
    let search = errors.take("search", line(&filter.search, LONGEST_SEARCH));
    let plan = errors.take("plan", line(&filter.plan, 40));
    let provider = errors.take("provider", line(&filter.provider, 40));
    let range = filter.created_from.zip(filter.created_before);
    if range.is_some_and(|(from, before)| from >= before) {
        errors.0.insert("created_before", "must be later than created_from".to_owned());
    }
    let condition = || {
        let condition = Condition::all()
            .add_option(search?.map(|text| matches(&text)))
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

/// SQLite folds only ASCII letters, so that a name is also looked for as it was typed.
fn matches(text: &str) -> Condition {
    let pattern = |text: &str| LikeExpr::new(contains(text)).escape('\\');
    let (lower, address) = (text.to_lowercase(), text.to_ascii_lowercase());
    let name = || Expr::col(users::Column::FullName);
    Condition::any()
        .add(Expr::col(users::Column::Email).like(pattern(&address)))
        .add(Expr::expr(Func::lower(name())).like(pattern(&lower)))
        .add(name().like(pattern(text)))
}

/// A pattern of everything that has this text in it, taken literally.
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
mod tests {
    use atelier_entities::ProjectKind;
    use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel};

    use super::*;
    use crate::testing::Bench;

    const NEWEST: AccountOrder = AccountOrder { by: AccountSort::CreatedAt, descending: true };

    #[test]
    fn a_pattern_means_its_text() {
        for (text, pattern) in
            [("ada", "%ada%"), ("50%", "%50\\%%"), ("a_b", "%a\\_b%"), ("\\", "%\\\\%"), ("", "%%")]
        {
            assert_eq!(contains(text), pattern);
        }
    }

    #[test]
    fn names_every_filter_that_fits_no_account() {
        let text = |length: usize| Some("x".repeat(length));
        let at = Some(Timestamp::UNIX_EPOCH);
        let all = AccountFilter::default;
        for (filter, field) in [
            (AccountFilter { search: text(101), ..all() }, "search"),
            (AccountFilter { search: text(1_000_000), ..all() }, "search"),
            (AccountFilter { search: Some("a\0".to_owned()), ..all() }, "search"),
            (AccountFilter { search: Some(" ".to_owned()), ..all() }, "search"),
            (AccountFilter { plan: text(41), ..all() }, "plan"),
            (AccountFilter { provider: Some("\0".to_owned()), ..all() }, "provider"),
            (AccountFilter { created_from: at, created_before: at, ..all() }, "created_before"),
        ] {
            let refused = condition(&filter).expect_err(field);
            assert_eq!(refused.0.keys().copied().collect::<Vec<_>>(), [field]);
        }
    }

    async fn names(bench: &Bench, filter: AccountFilter, order: AccountOrder) -> Vec<String> {
        let page = Page { number: 1, size: 10 };
        let (rows, total) = bench.services.admin.list_accounts(&filter, order, page).await.expect("listed");
        assert_eq!(rows.len() as u64, total);
        rows.into_iter().map(|row| row.email.split('@').next().expect("a name").to_owned()).collect()
    }

    /// Ada, who operates; Bob, who is out; and the odd one.
    async fn three() -> Bench {
        let bench = Bench::new().await;
        for (email, name) in [
            ("ada@example.org", "Ada Lovelace"),
            ("bob@example.org", "Bob"),
            ("odd_1@example.org", "100% Élise"),
        ] {
            bench.advance(60);
            let mut row = bench.register(email).await.into_active_model();
            row.full_name = Set(name.to_owned());
            row.is_admin = Set(email.starts_with("ada"));
            row.is_active = Set(!email.starts_with("bob"));
            row.email_verified_at = Set(email.starts_with("ada").then(|| bench.services.queue.now()));
            row.last_active_at = Set(email.starts_with("bob").then(|| bench.services.queue.now()));
            row.update(bench.services.queue.db()).await.expect("updated");
        }
        bench
    }

    #[tokio::test]
    async fn each_filter_selects_what_it_says() {
        let bench = three().await;
        let all = AccountFilter::default;
        let search = |text: &str| AccountFilter { search: Some(text.to_owned()), ..all() };
        for (filter, expected) in [
            (all(), &["odd_1", "bob", "ada"][..]),
            (search("EXAMPLE.org"), &["odd_1", "bob", "ada"]),
            (search("lovelace"), &["ada"]),
            (search("100%"), &["odd_1"]),
            (search("%"), &["odd_1"]),
            (search("_"), &["odd_1"]),
            (search("Élise"), &["odd_1"]),
            (search("' OR 1=1 --"), &[]),
            (AccountFilter { is_admin: Some(true), ..all() }, &["ada"]),
            (AccountFilter { is_admin: Some(false), ..all() }, &["odd_1", "bob"]),
            (AccountFilter { is_active: Some(false), ..all() }, &["bob"]),
            (AccountFilter { is_verified: Some(true), ..all() }, &["ada"]),
            (AccountFilter { is_verified: Some(false), is_active: Some(true), ..all() }, &["odd_1"]),
            (AccountFilter { plan: Some("free".to_owned()), ..all() }, &["odd_1", "bob", "ada"]),
            (AccountFilter { provider: Some("google".to_owned()), ..all() }, &[]),
        ] {
            assert_eq!(names(&bench, filter.clone(), NEWEST).await, expected, "{filter:?}");
        }
        let since = AccountFilter {
            created_from: Some(bench.services.queue.now() - std::time::Duration::from_secs(30)),
            ..all()
        };
        assert_eq!(names(&bench, since, NEWEST).await, ["odd_1"]);
    }

    #[tokio::test]
    async fn every_order_goes_both_ways() {
        let bench = three().await;
        for (by, ascending) in [
            (AccountSort::CreatedAt, ["ada", "bob", "odd_1"]),
            (AccountSort::Email, ["ada", "bob", "odd_1"]),
            (AccountSort::FullName, ["odd_1", "ada", "bob"]),
            (AccountSort::Credits, ["ada", "bob", "odd_1"]),
        ] {
            let order = |descending| AccountOrder { by, descending };
            assert_eq!(names(&bench, AccountFilter::default(), order(false)).await, ascending, "{by:?}");
            let mut reversed = ascending;
            reversed.reverse();
            assert_eq!(names(&bench, AccountFilter::default(), order(true)).await, reversed, "{by:?}");
        }
        for descending in [true, false] {
            let order = AccountOrder { by: AccountSort::LastActiveAt, descending };
            assert_eq!(names(&bench, AccountFilter::default(), order).await[0], "bob", "never comes last");
        }
    }

    #[tokio::test]
    async fn counts_what_one_account_has() {
        let bench = Bench::new().await;
        let (ada, bob) = (bench.register("ada@example.org").await, bench.register("bob@example.org").await);
        let project = bench.create_project(ada.id, ProjectKind::WebApp).await;
        bench.create_project(bob.id, ProjectKind::WebApp).await;
        bench.generate(ada.id, project.id, None).await;

        let detail = bench.services.admin.get_account(ada.id).await.expect("there");

        let expected = AccountCounts {
            projects: 1,
            jobs: 1,
            unfinished_jobs: 1,
            sessions: 1,
            mails: 1,
            credits_used: 2,
            ..AccountCounts::default()
        };
        assert_eq!((detail.user.id, detail.counts), (ada.id, expected));
        let unknown = bench.services.admin.get_account(UserId::new()).await;
        assert!(matches!(unknown, Err(AdminError::NotFound)));
    }
}
