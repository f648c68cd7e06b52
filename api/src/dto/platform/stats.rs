//! Figures of the platform and its health.

use atelier_entities::platform_stats;
use atelier_services::stats::format_count;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::schema::{ToSchema, sets};

/// The platform's figures, as the last aggregation left them.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatsView {
    /// Accounts, for people.
    #[schema(example = "1.5M+")]
    users: String,
    /// Generated applications, for people.
    #[schema(example = "2M+")]
    apps: String,
    /// Countries, for people.
    #[schema(example = "180+")]
    countries: String,
    /// Accounts.
    total_users: i64,
    /// Projects with at least one version.
    total_apps: i64,
    /// Countries of accounts.
    total_countries: i64,
    /// Accounts seen today (UTC).
    active_users_today: i64,
    /// Projects created today (UTC).
    projects_created_today: i64,
    /// When they were counted.
    computed_at: DateTime<Utc>,
}

impl From<platform_stats::Model> for StatsView {
    fn from(stats: platform_stats::Model) -> Self {
        Self {
            users: format_count(stats.total_users),
            apps: format_count(stats.total_apps),
            countries: format_count(stats.total_countries),
            total_users: stats.total_users,
            total_apps: stats.total_apps,
            total_countries: stats.total_countries,
            active_users_today: stats.active_users_today,
            projects_created_today: stats.projects_created_today,
            computed_at: stats.computed_at,
        }
    }
}

/// How the platform is, for frontends.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthView {
    /// Degraded where something is not well.
    #[schema(value_type = sets::ServiceHealth)]
    pub(crate) status: &'static str,
    /// Unavailable where the database does not answer or takes no writes.
    #[schema(value_type = sets::DatabaseHealth)]
    pub(crate) database: &'static str,
    /// Delayed where requests are taken and their jobs cannot be handed to workers now.
    #[schema(value_type = sets::JobsHealth)]
    pub(crate) jobs: &'static str,
    /// Of this server.
    #[schema(example = "0.1.0")]
    pub(crate) version: &'static str,
    /// The platform's time.
    pub(crate) time: DateTime<Utc>,
}
