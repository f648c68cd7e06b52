//! The platform at a glance, and how it grows.

use atelier_services::admin::{Growth, GrowthPeriod, GrowthQuery, Overview};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::accounts::choose;
use crate::{
    error::ApiError,
    schema::{IntoParams, ToSchema, sets},
};

/// The platform at a glance. Jobs are those of this moment, everything else is as of
/// `computed_at`.
#[derive(Serialize, ToSchema)]
pub(crate) struct OverviewView {
    /// Accounts.
    users: UsersOverview,
    /// Projects.
    projects: ProjectsOverview,
    /// Generations.
    generations: GenerationsOverview,
    /// Publications.
    deployments: DeploymentsOverview,
    /// Jobs.
    jobs: JobsOverview,
    /// Mails.
    mails: MailsOverview,
    /// Credits.
    credits: CreditsOverview,
    /// When the figures were counted; none before they first were.
    computed_at: Option<DateTime<Utc>>,
}

/// Accounts. Days are those of UTC.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsersOverview {
    /// All of them.
    total: i64,
    /// Those who may sign in.
    active: i64,
    /// Those whose mail address is proven.
    verified: i64,
    /// Those who operate the platform.
    admins: i64,
    /// Those who were active today.
    active_today: i64,
    /// Those made today.
    new_today: i64,
}

/// Projects.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProjectsOverview {
    /// All of them.
    total: i64,
    /// Those made today.
    created_today: i64,
    /// Those that have a version.
    with_version: i64,
}

/// Generations.
#[derive(Serialize, ToSchema)]
pub(crate) struct GenerationsOverview {
    /// Versions that generations wrote and that are kept.
    total: i64,
    /// Generations that succeeded today.
    succeeded_today: i64,
}

/// Publications.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeploymentsOverview {
    /// All of them.
    total: i64,
    /// Sites that are online.
    live: i64,
}

/// Jobs of all queues that have not succeeded.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobsOverview {
    /// Due later.
    scheduled: u64,
    /// Waiting for a worker.
    available: u64,
    /// Held by workers.
    running: u64,
    /// Waiting for another attempt.
    retrying: u64,
    /// Failed and still kept.
    failed: u64,
}

/// Mails.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailsOverview {
    /// Handed over, or captured where there is no mail server.
    sent: i64,
    /// Waiting.
    queued: i64,
    /// Failed or suppressed.
    failed: i64,
}

/// Credits.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreditsOverview {
    /// What accounts have left.
    left: i64,
    /// What was used, without what was given back.
    used: i64,
}

impl From<Overview> for OverviewView {
    fn from(overview: Overview) -> Self {
        let Overview { figures, totals, jobs } = overview;
        Self {
            users: UsersOverview {
                total: figures.total_users,
                active: totals.active_accounts,
                verified: totals.verified_accounts,
                admins: totals.admins,
                active_today: figures.active_users_today,
                new_today: totals.new_accounts_today,
            },
            projects: ProjectsOverview {
                total: totals.projects,
                created_today: figures.projects_created_today,
                with_version: figures.total_apps,
            },
            generations: GenerationsOverview {
                total: totals.versions,
                succeeded_today: totals.generations_today,
            },
            deployments: DeploymentsOverview { total: totals.deployments, live: totals.live_sites },
            jobs: JobsOverview {
                scheduled: jobs.scheduled,
                available: jobs.available,
                running: jobs.running,
                retrying: jobs.retrying,
                failed: jobs.failed,
            },
            mails: MailsOverview {
                sent: totals.mails_sent,
                queued: totals.mails_queued,
                failed: totals.mails_failed,
            },
            credits: CreditsOverview { left: totals.credits_left, used: totals.credits_used },
            computed_at: figures.overview.is_some().then_some(figures.computed_at),
        }
    }
}

/// What is counted together, and from when to when.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct GrowthParams {
    /// What is counted together; a week begins on Monday.
    #[param(value_type = Option<sets::GrowthPeriod>, default = "day")]
    period: Option<String>,
    /// A day of the first period; 30 days, 12 weeks or 12 months are shown where it is
    /// left out, 400 periods at most.
    from: Option<NaiveDate>,
    /// A day of the last period; today where it is left out.
    to: Option<NaiveDate>,
    /// Whose days they are, as an IANA name.
    #[param(default = "UTC", example = "Europe/Paris")]
    time_zone: Option<String>,
}

impl GrowthParams {
    /// The query; 422 for a period that there is not.
    pub(crate) fn check(self) -> Result<GrowthQuery, ApiError> {
        let period = choose("period", self.period.as_deref(), &GrowthPeriod::ALL)?.unwrap_or_default();
        Ok(GrowthQuery { period, from: self.from, to: self.to, time_zone: self.time_zone })
    }
}

/// How many accounts were made. Those that were deleted are not among them.
#[derive(Serialize, ToSchema)]
pub(crate) struct GrowthView {
    /// What is counted together.
    #[schema(value_type = sets::GrowthPeriod)]
    period: &'static str,
    /// Whose days they are.
    #[schema(example = "Europe/Paris")]
    time_zone: &'static str,
    /// Accounts made in all periods shown.
    new_users: u64,
    /// One a period, in order, without gaps.
    points: Vec<GrowthPointView>,
}

/// A period.
#[derive(Serialize, ToSchema)]
pub(crate) struct GrowthPointView {
    /// Its first day.
    date: NaiveDate,
    /// Accounts made in it.
    new_users: u64,
    /// Accounts made until its end.
    total_users: u64,
}

impl From<Growth> for GrowthView {
    fn from(growth: Growth) -> Self {
        let point = |point: &atelier_services::admin::GrowthPoint| GrowthPointView {
            date: point.date,
            new_users: point.new,
            total_users: point.total,
        };
        Self {
            period: growth.period.as_str(),
            time_zone: growth.time_zone.name(),
            new_users: growth.points.iter().map(|point| point.new).sum(),
            points: growth.points.iter().map(point).collect(),
        }
    }
}
