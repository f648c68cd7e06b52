//! Reads: one statement each, of the columns that are shown.

use sea_orm::sqlx::{self, Row};
use uuid::Uuid;

use super::{
    database::{Database, read_from},
    views::{self, Job, Profile, Project},
};

/// The first page, and the number of all projects up to 10,000 on each of its rows.
const LIST_PROJECTS: &str = "\
    SELECT id, user_id, title, description, kind, status, config, repository_url, deployment_url, \
    current_version, views, created_at, updated_at, \
    (SELECT COUNT(*) FROM (SELECT 1 FROM projects WHERE user_id = $1 LIMIT 10000) AS counted) \
    FROM projects WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT 50";

const FIND_JOB: &str = "\
    SELECT id, kind, queue, state, lane, subject_id, attempt, max_attempts, revision, progress, result, error, \
    run_at, created_at, started_at, finished_at, cancel_requested_at, updated_at \
    FROM jobs WHERE id = $1 AND owner_id = $2";

const FIND_PROFILE: &str = "\
    SELECT id, email, full_name, provider, provider_id, is_active, is_admin, email_verified_at IS NOT NULL, \
    avatar_url, locale, time_zone, country, credits, subscription_plan, created_at, updated_at, settings \
    FROM users WHERE id = $1";

/// A person's projects, newest first, and how many there are.
pub(super) async fn list_projects(database: &Database, user: Uuid) -> sqlx::Result<(Vec<Project>, i64)> {
    read_from!(database, pool => {
        let rows = sqlx::query(LIST_PROJECTS).bind(user).fetch_all(pool).await?;
        let total = rows.first().map_or(Ok(0), |row| row.try_get(13))?;
        let projects = rows.iter().map(|row| {
            Ok(Project {
                id: row.try_get(0)?,
                user_id: row.try_get(1)?,
                title: row.try_get(2)?,
                description: row.try_get(3)?,
                kind: row.try_get(4)?,
                status: row.try_get(5)?,
                config: row.try_get(6)?,
                repository_url: row.try_get(7)?,
                deployment_url: row.try_get(8)?,
                current_version: row.try_get(9)?,
                views: row.try_get(10)?,
                created_at: row.try_get(11)?,
                updated_at: row.try_get(12)?,
            })
        });
        Ok((projects.collect::<sqlx::Result<_>>()?, total))
    })
}

/// A person's job.
pub(super) async fn find_job(database: &Database, user: Uuid, id: Uuid) -> sqlx::Result<Option<Job>> {
    read_from!(database, pool => {
        let row = sqlx::query(FIND_JOB).bind(id).bind(user).fetch_optional(pool).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Job {
            id: row.try_get(0)?,
            kind: row.try_get(1)?,
            queue: row.try_get(2)?,
            status: row.try_get(3)?,
            lane: views::lane(row.try_get(4)?),
            subject_id: row.try_get(5)?,
            attempt: row.try_get(6)?,
            max_attempts: row.try_get(7)?,
            revision: row.try_get(8)?,
            progress: row.try_get(9)?,
            result: row.try_get(10)?,
            error: row.try_get(11)?,
            run_at: row.try_get(12)?,
            created_at: row.try_get(13)?,
            started_at: row.try_get(14)?,
            finished_at: row.try_get(15)?,
            cancel_requested_at: row.try_get(16)?,
            updated_at: row.try_get(17)?,
        }))
    })
}

/// An account with its settings.
pub(super) async fn find_profile(database: &Database, user: Uuid) -> sqlx::Result<Option<Profile>> {
    read_from!(database, pool => {
        let row = sqlx::query(FIND_PROFILE).bind(user).fetch_optional(pool).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Profile {
            id: row.try_get(0)?,
            email: row.try_get(1)?,
            full_name: row.try_get(2)?,
            provider: row.try_get(3)?,
            provider_id: row.try_get(4)?,
            is_active: row.try_get(5)?,
            is_admin: row.try_get(6)?,
            is_verified: row.try_get(7)?,
            avatar_url: row.try_get(8)?,
            locale: row.try_get(9)?,
            time_zone: row.try_get(10)?,
            country: row.try_get(11)?,
            credits: row.try_get(12)?,
            subscription_plan: row.try_get(13)?,
            created_at: row.try_get(14)?,
            updated_at: row.try_get(15)?,
            settings: row.try_get(16)?,
        }))
    })
}
