//! How much of what happened, in one pass over a bounded range.

use std::{collections::BTreeMap, time::Duration};

use atelier_entities::{AuditLevel, Timestamp, audit_archives};
use chrono::NaiveDate;
use sea_orm::{DatabaseBackend, DbErr, EntityTrait, ExprTrait, FromQueryResult, QuerySelect, Statement};

use super::{Audit, AuditError};
use crate::FieldErrors;

/// Where nothing is said.
const DEFAULT_RANGE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Longest range.
const LONGEST_DAYS: i64 = 366;

/// How much happened in a range.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditFigures {
    /// From this moment on.
    pub from: Timestamp,
    /// Until before this moment.
    pub before: Timestamp,
    /// Entries.
    pub total: i64,
    /// Entries of each level; every level is there.
    pub by_level: BTreeMap<&'static str, i64>,
    /// Entries of each action, the most frequent first.
    pub by_action: Vec<CountOfKind>,
    /// Entries of each day in UTC that has any, in order.
    pub by_day: Vec<CountOfDay>,
    /// What was moved to the object store, whenever that was.
    pub archived: ArchiveFigures,
}

/// How often an action was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountOfKind {
    /// Such as `auth.login`.
    pub action: String,
    /// Entries.
    pub count: i64,
}

/// How much happened on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountOfDay {
    /// The day in UTC.
    pub day: NaiveDate,
    /// Entries.
    pub count: i64,
    /// Those of them that are warnings or critical.
    pub notable: i64,
}

/// What was moved to the object store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromQueryResult)]
pub struct ArchiveFigures {
    /// Objects.
    pub objects: i64,
    /// Entries in them.
    pub entries: i64,
    /// Moment of the newest entry in them.
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
    /// How much happened from one moment to another: the last 30 days where nothing is
    /// said, 366 days at most.
    pub async fn figures(
        &self,
        from: Option<Timestamp>,
        before: Option<Timestamp>,
    ) -> Result<AuditFigures, AuditError> {
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

    async fn archived(&self) -> Result<ArchiveFigures, DbErr> {
        use audit_archives::Column::{Entries, LastAt, ObjectKey};
        use sea_orm::ColumnTrait;
        // SUM over bigint is numeric on PostgreSQL, so it is cast back.
        let found = audit_archives::Entity::find()
            .select_only()
            .column_as(ObjectKey.count(), "objects")
            .column_as(Entries.sum().if_null(0).cast_as("BIGINT"), "entries")
            .column_as(LastAt.max(), "last_at")
            .into_model::<ArchiveFigures>()
            .one(self.queue.db())
            .await?;
        Ok(found.unwrap_or_default())
    }
}

fn check_range(from: Timestamp, before: Timestamp) -> Result<(), FieldErrors> {
    if from >= before {
        return Err(FieldErrors::of("before", "must be later than from"));
    }
    if before - from > chrono::TimeDelta::days(LONGEST_DAYS) {
        return Err(FieldErrors::of("from", format!("must be at most {LONGEST_DAYS} days before the end")));
    }
    Ok(())
}

fn add_up(from: Timestamp, before: Timestamp, groups: &[Group], archived: ArchiveFigures) -> AuditFigures {
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
        .map(|(action, count)| CountOfKind { action: action.to_owned(), count })
        .collect();
    by_action.sort_by_key(|of| std::cmp::Reverse(of.count));
    AuditFigures {
        from,
        before,
        total: by_level.values().sum(),
        by_level,
        by_action,
        by_day: by_day
            .into_iter()
            .map(|(day, (count, notable))| CountOfDay { day, count, notable })
            .collect(),
        archived,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, testing::Bench};

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
    async fn adds_up_by_level_action_and_day() {
        let bench = Bench::new().await;
        bench.register("ada@example.org").await;
        let login = async |password: &str| {
            drop(bench.services.identity.login(&Actor::anonymous(), "ada@example.org", password).await);
        };
        login("correct horse").await;
        bench.advance(24 * 3600);
        login("wrong horse").await;
        login("correct horse").await;
        bench.advance(1);

        let figures = bench.services.audit.figures(None, None).await.expect("figures");

        assert_eq!((figures.total, figures.by_level["info"], figures.by_level["warning"]), (4, 3, 1));
        assert_eq!(figures.by_level["critical"], 0);
        assert_eq!(figures.by_action[0], CountOfKind { action: "auth.login".to_owned(), count: 2 });
        let days: Vec<_> = figures.by_day.iter().map(|day| (day.count, day.notable)).collect();
        assert_eq!(days, [(2, 0), (2, 1)]);
        assert_eq!(figures.archived, ArchiveFigures::default());
    }
}
