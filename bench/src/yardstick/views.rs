//! Bodies of answers, as the product's clients know them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

#[derive(Serialize)]
pub(super) struct Project {
    pub(super) id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) title: String,
    pub(super) description: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) config: Value,
    pub(super) repository_url: Option<String>,
    pub(super) deployment_url: Option<String>,
    pub(super) current_version: Option<i32>,
    pub(super) views: i64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

#[derive(Serialize)]
pub(super) struct Job {
    pub(super) id: Uuid,
    pub(super) kind: String,
    pub(super) queue: String,
    pub(super) status: String,
    pub(super) lane: &'static str,
    pub(super) subject_id: Option<Uuid>,
    pub(super) attempt: i32,
    pub(super) max_attempts: i32,
    pub(super) revision: i64,
    pub(super) progress: Option<Value>,
    pub(super) result: Option<Value>,
    pub(super) error: Option<Value>,
    pub(super) run_at: DateTime<Utc>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) finished_at: Option<DateTime<Utc>>,
    pub(super) cancel_requested_at: Option<DateTime<Utc>>,
    pub(super) updated_at: DateTime<Utc>,
}

/// The name of a lane's number.
pub(super) const fn lane(number: i16) -> &'static str {
    match number {
        ..=0 => "urgent",
        1 => "normal",
        2.. => "bulk",
    }
}

#[derive(Serialize)]
pub(super) struct GenerationAnswer {
    pub(super) job: Job,
    pub(super) project_id: Uuid,
}

#[derive(Serialize)]
pub(super) struct Profile {
    pub(super) id: Uuid,
    pub(super) email: String,
    pub(super) full_name: String,
    pub(super) provider: String,
    pub(super) provider_id: Option<String>,
    pub(super) is_active: bool,
    pub(super) is_admin: bool,
    pub(super) is_verified: bool,
    pub(super) avatar_url: Option<String>,
    pub(super) locale: String,
    pub(super) time_zone: String,
    pub(super) country: Option<String>,
    pub(super) credits: i64,
    pub(super) subscription_plan: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) settings: Value,
}

#[derive(Serialize)]
pub(super) struct ProfileAnswer {
    pub(super) user: Profile,
}
