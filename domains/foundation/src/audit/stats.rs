//! Statistics of the audit log over a bounded range, in one query.

use std::{collections::BTreeMap, time::Duration};

use atelier_entities::{AuditLevel, Timestamp, audit_archives};
use chrono::NaiveDate;
use sea_orm::{DatabaseBackend, DbErr, EntityTrait, ExprTrait, FromQueryResult, QuerySelect, Statement};

use super::{Audit, AuditError};
use crate::FieldErrors;

/// The default range.
const DEFAULT_RANGE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Maximum length of a range, in days.
const MAX_RANGE_DAYS: i64 = 366;

/// The statistics of a range.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditStats {
    /// Start of the range, inclusive.
    pub from: Timestamp,
    /// End of the range, exclusive.
    pub before: Timestamp,
    /// Entries.
    pub total: i64,
    /// Entries of each level. Every level is present.
    pub by_level: BTreeMap<&'static str, i64>,
    /// Entries of each action, the most frequent first.
    pub by_action: Vec<ActionCount>,
    /// Entries of each day in UTC that has any, in order.
    pub by_day: Vec<DayCount>,
    /// All archives, regardless of the range.
    pub archived: ArchiveStats,
}

/// The number of entries of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionCount {
    /// Such as `auth.login`.
    pub action: String,
    /// Entries.
    pub count: i64,
}

/// The number of entries of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayCount {
    /// The day in UTC.
    pub day: NaiveDate,
    /// Entries.
    pub count: i64,
    /// Entries at the levels warning and critical.
    pub notable: i64,
}

/// Statistics of the archives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromQueryResult)]
pub struct ArchiveStats {
    /// Objects.
    pub objects: i64,
    /// Entries in them.
    pub entries: i64,
    /// Time of the newest entry in them.
    pub last_at: Option<Timestamp>,
}

#[derive(Debug, FromQueryResult)]
struct Group {
    day: String,
    level: AuditLevel,
    action: String,
    entries: i64,
}

impl Audit {
    /// The statistics of a range: the last 30 days by default, at most 366 days.
    pub async fn stats(
        &self,
        from: Option<Timestamp>,
        before: Option<Timestamp>,
    ) -> Result<AuditStats, AuditError> {
        let before = before.unwrap_or_else(|| self.queue.now());
        let from = from.unwrap_or(before - DEFAULT_RANGE);
        check_range(from, before)?;
        let groups = self.group(from, before).await?;
        let archived = self.archived().await?;
        Ok(add_up(from, before, &groups, archived))
    }

    async fn group(&self, from: Timestamp, before: Timestamp) -> Result<Vec<Group>, DbErr> {
        let db = self.queue.db();
        let backend = db.get_database_backend();
        let day = match backend {
            DatabaseBackend::Postgres => "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
            _ => "substr(created_at, 1, 10)",
        };
        let text = format!(
            "SELECT {day} AS day, level, action, COUNT(*) AS entries FROM audit_log \
             WHERE created_at >= $1 AND created_at < $2 GROUP BY 1, 2, 3"
        );
        let statement = Statement::from_sql_and_values(backend, text, [from.into(), before.into()]);
        Group::find_by_statement(statement).all(db).await
    }

    async fn archived(&self) -> Result<ArchiveStats, DbErr> {
        use audit_archives::Column::{Entries, LastAt, ObjectKey};
        use sea_orm::ColumnTrait;
        // SUM over bigint is numeric on PostgreSQL, so it is cast back.
        let found = audit_archives::Entity::find()
            .select_only()
            .column_as(ObjectKey.count(), "objects")
            .column_as(Entries.sum().if_null(0).cast_as("BIGINT"), "entries")
            .column_as(LastAt.max(), "last_at")
            .into_model::<ArchiveStats>()
            .one(self.queue.db())
            .await?;
        Ok(found.unwrap_or_default())
    }
}

fn check_range(from: Timestamp, before: Timestamp) -> Result<(), FieldErrors> {
    if from >= before {
        return Err(FieldErrors::of("before", "must be later than from"));
    }
    if before - from > chrono::TimeDelta::days(MAX_RANGE_DAYS) {
        return Err(FieldErrors::of("from", format!("must be at most {MAX_RANGE_DAYS} days before the end")));
    }
    Ok(())
}

fn add_up(from: Timestamp, before: Timestamp, groups: &[Group], archived: ArchiveStats) -> AuditStats {
    let mut by_level: BTreeMap<_, _> = AuditLevel::ALL.iter().map(|level| (level.as_str(), 0)).collect();
    let mut by_action: BTreeMap<&str, i64> = BTreeMap::new();
    let mut by_day: BTreeMap<NaiveDate, (i64, i64)> = BTreeMap::new();
    for group in groups {
        *by_level.entry(group.level.as_str()).or_default() += group.entries;
        *by_action.entry(&group.action).or_default() += group.entries;
        if let Ok(day) = group.day.parse() {
            let (count, notable) = by_day.entry(day).or_default();
            *count += group.entries;
            *notable += if group.level == AuditLevel::Info { 0 } else { group.entries };
        }
    }
    let mut by_action: Vec<_> = by_action
        .into_iter()
        .map(|(action, count)| ActionCount { action: action.to_owned(), count })
        .collect();
    by_action.sort_by_key(|of| std::cmp::Reverse(of.count));
    AuditStats {
        from,
        before,
        total: by_level.values().sum(),
        by_level,
        by_action,
        by_day: by_day.into_iter().map(|(day, (count, notable))| DayCount { day, count, notable }).collect(),
        archived,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, testing::Fixture};

    #[test]
    fn a_range_is_bounded_and_has_an_end_after_its_start() {
        let at = |days: i64| Timestamp::UNIX_EPOCH + chrono::TimeDelta::days(days);
        for (from, before, field) in
            [(0, 0, Some("before")), (1, 0, Some("before")), (0, 367, Some("from")), (0, 366, None)]
        {
            let refused = check_range(at(from), at(before)).err();
            assert_eq!(refused.and_then(|errors| errors.0.keys().next().copied()), field);
        }
    }

    #[tokio::test]
    async fn statistics_are_summed_by_level_action_and_day() {
        let fixture = Fixture::new().await;
        fixture.register("ada@example.org").await;
        let login = async |password: &str| {
            drop(fixture.services.identity.login(&Actor::anonymous(), "ada@example.org", password).await);
        };
        login("correct horse").await;
        fixture.advance(24 * 3600);
        login("wrong horse").await;
        login("correct horse").await;
        fixture.advance(1);

        let stats = fixture.services.audit.stats(None, None).await.expect("stats");

        assert_eq!((stats.total, stats.by_level["info"], stats.by_level["warning"]), (4, 3, 1));
        assert_eq!(stats.by_level["critical"], 0);
        assert_eq!(stats.by_action[0], ActionCount { action: "auth.login".to_owned(), count: 2 });
        let days: Vec<_> = stats.by_day.iter().map(|day| (day.count, day.notable)).collect();
        assert_eq!(days, [(2, 0), (2, 1)]);
        assert_eq!(stats.archived, ArchiveStats::default());
    }
}
