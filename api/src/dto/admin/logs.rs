//! The audit log.

use std::collections::BTreeMap;

use atelier_entities::{AuditLevel, UserId, audit_log};
use atelier_foundation::audit::{AuditFilter, AuditStats};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::accounts::{bounded, choose};
use crate::{
    error::ApiError,
    schema::{IntoParams, ToSchema, free::JsonObject, sets},
};

/// Which entries.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogQuery {
    /// Only of this level.
    #[param(value_type = Option<sets::AuditLevel>)]
    level: Option<String>,
    /// Only of this action, or with `*` at the end of all that begin so.
    #[param(max_length = 200, example = "auth.*")]
    action: Option<String>,
    /// Only by this account.
    actor_id: Option<Uuid>,
    /// Only about this.
    #[param(max_length = 200, example = "user:0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a")]
    target: Option<String>,
    /// Only from this address.
    #[param(max_length = 200, example = "192.0.2.7")]
    ip: Option<String>,
    /// Only of this request.
    #[param(max_length = 200)]
    request_id: Option<String>,
    /// Only at or after this moment.
    from: Option<DateTime<Utc>>,
    /// Only before this moment.
    before: Option<DateTime<Utc>>,
}

impl LogQuery {
    /// The filter; 422 for a level that there is not.
    pub(crate) fn filter(self) -> Result<AuditFilter, ApiError> {
        let levels: Vec<_> = AuditLevel::ALL.iter().map(|level| (level.as_str(), *level)).collect();
        Ok(AuditFilter {
            level: choose("level", self.level.as_deref(), &levels)?,
            action: self.action,
            actor: self.actor_id.map(UserId),
            target: self.target,
            ip: self.ip,
            request_id: self.request_id,
            from: bounded("from", self.from)?,
            before: bounded("before", self.before)?,
        })
    }
}

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Ndjson,
    /// RFC 4180, with a line of names.
    Csv,
}

/// How an export is written, and how much of it.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// As what.
    #[param(value_type = Option<sets::LogExportFormat>, default = "ndjson")]
    format: Option<String>,
    /// Most entries, the newest ones.
    #[param(minimum = 1, maximum = 100_000, default = 100_000)]
    limit: Option<u64>,
}

impl ExportQuery {
    /// Format and number; 422 for what there is not.
    pub(crate) fn check(&self, most: u64) -> Result<(LogFormat, u64), ApiError> {
        let formats = [("ndjson", LogFormat::Ndjson), ("csv", LogFormat::Csv)];
        let format = choose("format", self.format.as_deref(), &formats)?.unwrap_or(LogFormat::Ndjson);
        let limit = self.limit.unwrap_or(most);
        if !(1..=most).contains(&limit) {
            return Err(ApiError::invalid([("limit", format!("must be 1 to {most}"))]));
        }
        Ok((format, limit))
    }
}

/// Of which time.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogRangeQuery {
    /// From this moment on; 30 days before the end where it is left out, 366 at most.
    from: Option<DateTime<Utc>>,
    /// Until before this moment; now where it is left out.
    before: Option<DateTime<Utc>>,
}

impl LogRangeQuery {
    /// From when; 422 for a moment that cannot be.
    pub(crate) fn from(&self) -> Result<Option<DateTime<Utc>>, ApiError> {
        bounded("from", self.from)
    }

    /// Until when; 422 for a moment that cannot be.
    pub(crate) fn before(&self) -> Result<Option<DateTime<Utc>>, ApiError> {
        bounded("before", self.before)
    }
}

/// What is old. A parameter that nobody knows is refused.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct CleanupQuery {
    /// Entries of days longer ago; by the settings' retention where it is left out.
    #[param(minimum = 1, maximum = 3650, example = 365)]
    pub(crate) older_than_days: Option<u32>,
}

/// An entry.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogView {
    /// UUIDv7.
    id: Uuid,
    /// How much it matters.
    #[schema(value_type = sets::AuditLevel)]
    level: AuditLevel,
    /// Who did it; none for the platform itself and for accounts that were deleted.
    actor_id: Option<Uuid>,
    /// What was done.
    #[schema(example = "auth.login")]
    action: String,
    /// To what.
    #[schema(example = "user:0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a")]
    target: Option<String>,
    /// From which address.
    ip: Option<String>,
    /// With what.
    user_agent: Option<String>,
    /// In which request.
    request_id: Option<String>,
    /// More about it.
    #[schema(value_type = JsonObject)]
    context: Value,
    /// When.
    created_at: DateTime<Utc>,
}

impl From<audit_log::Model> for LogView {
    fn from(row: audit_log::Model) -> Self {
        Self {
            id: row.id.0,
            level: row.level,
            actor_id: row.actor_id.map(|id| id.0),
            action: row.action,
            target: row.target,
            ip: row.ip,
            user_agent: row.user_agent,
            request_id: row.request_id,
            context: row.context,
            created_at: row.created_at,
        }
    }
}

/// How much happened.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogStatsView {
    /// From this moment on.
    from: DateTime<Utc>,
    /// Until before this moment.
    before: DateTime<Utc>,
    /// Entries.
    total: i64,
    /// Entries of each level.
    by_level: BTreeMap<&'static str, i64>,
    /// Entries of each action, the most frequent first.
    by_action: Vec<ActionCountView>,
    /// Entries of each day in UTC that has any.
    by_day: Vec<DayCountView>,
    /// What was moved to the object store, whenever that was.
    archived: ArchiveView,
}

/// How often an action was recorded.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActionCountView {
    /// The action.
    #[schema(example = "auth.login")]
    action: String,
    /// Entries.
    count: i64,
}

/// How much happened on a day.
#[derive(Serialize, ToSchema)]
pub(crate) struct DayCountView {
    /// The day.
    day: NaiveDate,
    /// Entries.
    count: i64,
    /// Those of them that are warnings or critical.
    notable: i64,
}

/// What was moved to the object store.
#[derive(Serialize, ToSchema)]
pub(crate) struct ArchiveView {
    /// Objects.
    objects: i64,
    /// Entries in them.
    entries: i64,
    /// Moment of the newest entry in them.
    last_at: Option<DateTime<Utc>>,
}

impl From<AuditStats> for LogStatsView {
    fn from(figures: AuditStats) -> Self {
        let action = |of: atelier_foundation::audit::ActionCount| ActionCountView {
            action: of.action,
            count: of.count,
        };
        let day = |of: atelier_foundation::audit::DayCount| DayCountView {
            day: of.day,
            count: of.count,
            notable: of.notable,
        };
        let archived = figures.archived;
        Self {
            from: figures.from,
            before: figures.before,
            total: figures.total,
            by_level: figures.by_level,
            by_action: figures.by_action.into_iter().map(action).collect(),
            by_day: figures.by_day.into_iter().map(day).collect(),
            archived: ArchiveView {
                objects: archived.objects,
                entries: archived.entries,
                last_at: archived.last_at,
            },
        }
    }
}
