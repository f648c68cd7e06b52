//! The platform's statistics. They are stored in one row, so that reading them is cheap.

mod action;
mod format;
mod jobs;
mod totals;

use atelier_entities::{Timestamp, platform_stats};
use atelier_queue::{JobContext, JobError, Outcome, Queue};
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, Statement, sea_query::OnConflict,
};
use serde_json::json;

pub use action::EnqueueStatistics;
pub use format::format_count;
pub use jobs::AggregateStats;
pub use totals::Totals;

/// The one row of `platform_stats`.
const ROW: i32 = 1;

/// Does not count data of accounts that are being erased.
const FIGURES: &str = "SELECT \
    (SELECT COUNT(*) FROM users WHERE id NOT IN (SELECT user_id FROM account_erasures)) AS total_users, \
    (SELECT COUNT(DISTINCT project_id) FROM project_versions WHERE project_id NOT IN \
        (SELECT id FROM projects WHERE user_id IN (SELECT user_id FROM account_erasures))) AS total_apps, \
    (SELECT COUNT(DISTINCT country) FROM users WHERE country IS NOT NULL) AS total_countries, \
    (SELECT COUNT(*) FROM users WHERE last_active_at >= $1) AS active_users_today, \
    (SELECT COUNT(*) FROM projects WHERE created_at >= $2 \
        AND user_id NOT IN (SELECT user_id FROM account_erasures)) AS projects_created_today";

/// The platform's statistics. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stats {
    queue: Queue,
}

#[derive(Debug, FromQueryResult)]
pub(crate) struct Figures {
    total_users: i64,
    total_apps: i64,
    total_countries: i64,
    active_users_today: i64,
    projects_created_today: i64,
}

impl Stats {
    pub(crate) fn new(queue: Queue) -> Self {
        Self { queue }
    }

    /// The statistics of the last run; zeros before the first one.
    pub async fn get(&self) -> Result<platform_stats::Model, DbErr> {
        let row = platform_stats::Entity::find_by_id(ROW).one(self.queue.db()).await?;
        Ok(row.unwrap_or(platform_stats::Model {
            id: ROW,
            total_users: 0,
            total_apps: 0,
            total_countries: 0,
            active_users_today: 0,
            projects_created_today: 0,
            computed_at: Timestamp::UNIX_EPOCH,
            overview: None,
        }))
    }

    /// Computes the statistics; "today" is the day in UTC.
    pub async fn aggregate(&self, _ctx: &JobContext) -> Result<Outcome, JobError> {
        let figures = self.compute(self.queue.now()).await?;
        Ok(Outcome::Done(json!({
            "users": figures.total_users,
            "apps": figures.total_apps,
            "countries": figures.total_countries,
            "active_today": figures.active_users_today,
            "created_today": figures.projects_created_today,
        })))
    }

    pub(crate) async fn compute(&self, now: Timestamp) -> Result<Figures, DbErr> {
        let db = self.queue.db();
        let today = start_of_day(now);
        let statement =
            Statement::from_sql_and_values(db.get_database_backend(), FIGURES, [today.into(), today.into()]);
        let row = db.query_one_raw(statement).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("the figures".to_owned()))?;
        let figures = Figures::from_query_result(&row, "")?;
        let overview = totals::count(db, today).await?;
        let model = platform_stats::ActiveModel {
            id: Set(ROW),
            total_users: Set(figures.total_users),
            total_apps: Set(figures.total_apps),
            total_countries: Set(figures.total_countries),
            active_users_today: Set(figures.active_users_today),
            projects_created_today: Set(figures.projects_created_today),
            computed_at: Set(now),
            overview: Set(Some(json!(overview))),
        };
        platform_stats::Entity::insert(model).on_conflict(replace_row()).exec_without_returning(db).await?;
        Ok(figures)
    }
}

fn replace_row() -> OnConflict {
    use platform_stats::Column::{
        ActiveUsersToday, ComputedAt, Id, Overview, ProjectsCreatedToday, TotalApps, TotalCountries,
        TotalUsers,
    };
    OnConflict::column(Id)
        .update_columns([
            TotalUsers,
            TotalApps,
            TotalCountries,
            ActiveUsersToday,
            ProjectsCreatedToday,
            ComputedAt,
            Overview,
        ])
        .to_owned()
}

fn start_of_day(now: Timestamp) -> Timestamp {
    now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use atelier_entities::ProjectKind;

    use super::*;
    use crate::testing::Fixture;

    #[test]
    fn a_day_starts_at_midnight_utc() {
        let now = Timestamp::from_timestamp(86_400 * 3 + 5, 999).expect("a time");

        assert_eq!(start_of_day(now).timestamp(), 86_400 * 3);
    }

    #[tokio::test]
    async fn repeated_aggregations_update_one_row() {
        let fixture = Fixture::new().await;
        assert_eq!(fixture.services.stats.get().await.expect("zeros").total_users, 0);

        let ada = fixture.register("ada@example.org").await;
        fixture.register("bob@example.org").await;
        fixture.create_project(ada.id, ProjectKind::WebApp).await;
        let project = fixture.create_project(ada.id, ProjectKind::Api).await;
        fixture.store_version(&project, 1, &[("main.py", "")]).await;
        fixture.store_version(&project, 2, &[("main.py", "")]).await;
        let now = fixture.services.queue.now();
        let today = fixture.services.stats.compute(now).await.expect("computed");
        assert_eq!((today.active_users_today, today.projects_created_today), (2, 2));
        fixture.services.stats.compute(now + chrono::TimeDelta::days(1)).await.expect("computed again");

        let row = fixture.services.stats.get().await.expect("a row");
        assert_eq!((row.total_users, row.total_apps, row.total_countries), (2, 1, 1));
        assert_eq!((row.active_users_today, row.projects_created_today), (0, 0), "a day later");
    }
}
