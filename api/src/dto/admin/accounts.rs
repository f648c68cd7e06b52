//! Accounts, as operators see and change them.

use atelier_entities::{Locale, users};
use atelier_foundation::identity::AccountChanges;
use atelier_services::admin::{AccountDetail, AccountFilter, AccountOrder, AccountSort};
use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    dto::identity::account::UserView,
    error::ApiError,
    schema::{IntoParams, ToSchema, sets},
};

/// Which accounts, and in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccountQuery {
    /// Part of the mail address or of the name, whatever its case.
    #[param(max_length = 100, example = "lovelace")]
    search: Option<String>,
    /// Only operators (admin) or only the others (user).
    #[param(value_type = Option<sets::AccountRole>)]
    role: Option<String>,
    /// Only those who may sign in, or only those who were deactivated.
    is_active: Option<bool>,
    /// Only those whose mail address is proven, or only the others.
    is_verified: Option<bool>,
    /// Only of this plan.
    #[param(max_length = 40, example = "free")]
    plan: Option<String>,
    /// Only those who sign in so, such as by email or at google.
    #[param(max_length = 40, example = "email")]
    provider: Option<String>,
    /// Only made at or after this moment.
    created_from: Option<DateTime<Utc>>,
    /// Only made before this moment.
    created_before: Option<DateTime<Utc>>,
    /// What they are sorted by.
    #[param(value_type = Option<sets::AccountSort>, default = "created_at")]
    sort: Option<String>,
    /// In which direction.
    #[param(value_type = Option<sets::SortOrder>, default = "desc")]
    order: Option<String>,
}

impl AccountQuery {
    /// The filter and the order; 422 that names what there is not.
    pub(crate) fn check(self) -> Result<(AccountFilter, AccountOrder), ApiError> {
        let is_admin = choose("role", self.role.as_deref(), &[("admin", true), ("user", false)])?;
        let by = choose("sort", self.sort.as_deref(), &AccountSort::ALL)?.unwrap_or_default();
        let descending = choose("order", self.order.as_deref(), &[("asc", false), ("desc", true)])?;
        let filter = AccountFilter {
            search: self.search.filter(|text| !text.trim().is_empty()),
            is_admin,
            is_active: self.is_active,
            is_verified: self.is_verified,
            plan: self.plan,
            provider: self.provider,
            created_from: bounded("created_from", self.created_from)?,
            created_before: bounded("created_before", self.created_before)?,
        };
        Ok((filter, AccountOrder { by, descending: descending.unwrap_or(true) }))
    }
}

/// The value of that name; 422 that lists the names where there is none.
pub(crate) fn choose<T: Copy>(
    parameter: &'static str,
    name: Option<&str>,
    known: &[(&'static str, T)],
) -> Result<Option<T>, ApiError> {
    let Some(name) = name else { return Ok(None) };
    let found = known.iter().find(|(known, _)| *known == name).map(|(_, value)| Some(*value));
    found.ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|(known, _)| *known).collect();
        ApiError::invalid([(parameter, format!("must be one of {}", names.join(", ")))])
    })
}

/// A moment that both databases can compare with; 422 for one before 1970 or after 9998.
pub(crate) fn bounded(
    parameter: &'static str,
    moment: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, ApiError> {
    match moment {
        Some(moment) if !(1970..=9998).contains(&moment.year()) => {
            Err(ApiError::invalid([(parameter, "must be a moment of the years 1970 to 9998")]))
        }
        moment => Ok(moment),
    }
}

/// An account, as operators see it.
#[derive(Serialize, ToSchema)]
pub(crate) struct AdminUserView {
    /// The account, as its owner sees it.
    #[serde(flatten)]
    user: UserView,
    /// When the person was last active, to a few minutes.
    last_active_at: Option<DateTime<Utc>>,
}

impl From<users::Model> for AdminUserView {
    fn from(user: users::Model) -> Self {
        Self { last_active_at: user.last_active_at, user: user.into() }
    }
}

/// An account.
#[derive(Serialize, ToSchema)]
pub(crate) struct AdminUserAnswer {
    /// The account.
    pub(crate) user: AdminUserView,
}

/// An account with how much it has.
#[derive(Serialize, ToSchema)]
pub(crate) struct AdminUserDetailView {
    /// The account.
    user: AdminUserView,
    /// How much of what.
    counts: AccountCountsView,
}

/// How much an account has.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountCountsView {
    /// Projects.
    projects: i64,
    /// Publications, whatever became of them.
    deployments: i64,
    /// Jobs that are kept.
    jobs: i64,
    /// Jobs that wait or run.
    unfinished_jobs: i64,
    /// Sign-ins that were not ended.
    sessions: i64,
    /// API tokens that have not expired.
    api_tokens: i64,
    /// Mails that were written to the person.
    mails: i64,
    /// Credits used, without those that were given back.
    credits_used: i64,
}

impl From<AccountDetail> for AdminUserDetailView {
    fn from(detail: AccountDetail) -> Self {
        let counts = detail.counts;
        Self {
            user: detail.user.into(),
            counts: AccountCountsView {
                projects: counts.projects,
                deployments: counts.deployments,
                jobs: counts.jobs,
                unfinished_jobs: counts.unfinished_jobs,
                sessions: counts.sessions,
                api_tokens: counts.api_tokens,
                mails: counts.mails,
                credits_used: counts.credits_used,
            },
        }
    }
}

/// What to change of an account. What is left out stays; a field that nobody knows is
/// refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateUserInput {
    /// 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120)]
    full_name: Option<String>,
    /// Unique, whatever its case. It is to be proven again; a link is mailed to it. An
    /// operator loses the right until it is proven and given again.
    #[schema(format = Email)]
    email: Option<String>,
    /// Language of mails.
    #[schema(value_type = Option<sets::Locale>)]
    locale: Option<Locale>,
    /// Name of the plan.
    #[schema(min_length = 1, max_length = 40, example = "free")]
    subscription_plan: Option<String>,
    /// Whether the person operates the platform.
    is_admin: Option<bool>,
    /// Whether the person may sign in. Taking it away ends every sign-in.
    is_active: Option<bool>,
    /// The balance as it is to be. The difference is written to the person's history.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    credits: Option<i64>,
    /// Why: for the audit log, and for the person where credits change.
    #[schema(min_length = 1, max_length = 200)]
    reason: Option<String>,
}

impl From<UpdateUserInput> for AccountChanges {
    fn from(input: UpdateUserInput) -> Self {
        let UpdateUserInput {
            full_name,
            email,
            locale,
            subscription_plan,
            is_admin,
            is_active,
            credits,
            reason,
        } = input;
        Self { full_name, email, locale, subscription_plan, is_admin, is_active, credits, reason }
    }
}
