//! The growth of accounts by day, week or month in a time zone.

use atelier_entities::Timestamp;
use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use sea_orm::{DbErr, FromQueryResult, Statement};

use super::{Admin, AdminError};
use atelier_foundation::FieldErrors;

/// Maximum number of periods in a response.
const MAX_PERIODS: usize = 400;
/// The years that both databases can store.
const EARLIEST_YEAR: i32 = 1970;
const LATEST_YEAR: i32 = 9998;

/// The length of a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GrowthPeriod {
    /// Days; the last 30 by default.
    #[default]
    Day,
    /// Weeks from Monday; the last 12 by default.
    Week,
    /// Months; the last 12 by default.
    Month,
}

impl GrowthPeriod {
    /// Every period by its name.
    pub const ALL: [(&'static str, Self); 3] =
        [("day", Self::Day), ("week", Self::Week), ("month", Self::Month)];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The first day of the period of a day.
    fn start(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => Some(day),
            Self::Week => day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())),
            Self::Month => day.with_day(1),
        }
    }

    /// The first day of the period that is `count` periods later, or earlier.
    fn step(self, start: NaiveDate, count: i32) -> Option<NaiveDate> {
        let days = |each: u64| {
            let days = Days::new(each * u64::from(count.unsigned_abs()));
            if count < 0 { start.checked_sub_days(days) } else { start.checked_add_days(days) }
        };
        match self {
            Self::Day => days(1),
            Self::Week => days(7),
            Self::Month => {
                let months = Months::new(count.unsigned_abs());
                if count < 0 { start.checked_sub_months(months) } else { start.checked_add_months(months) }
            }
        }
    }

    /// The default number of periods before the last one.
    const fn default_count(self) -> i32 {
        match self {
            Self::Day => 29,
            Self::Week | Self::Month => 11,
        }
    }
}

/// The query of a growth report.
#[derive(Clone, Debug, Default)]
pub struct GrowthQuery {
    /// The length of a period.
    pub period: GrowthPeriod,
    /// A day of the first period.
    pub from: Option<NaiveDate>,
    /// A day of the last period; today by default.
    pub to: Option<NaiveDate>,
    /// The IANA name of the time zone; UTC by default.
    pub time_zone: Option<String>,
}

/// The growth of accounts. Deleted accounts are not counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    /// The length of a period.
    pub period: GrowthPeriod,
    /// The time zone of the days.
    pub time_zone: Tz,
    /// One point per period, in order, without gaps.
    pub points: Vec<GrowthPoint>,
}

/// The counts of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrowthPoint {
    /// Its first day.
    pub date: NaiveDate,
    /// Accounts created in the period.
    pub new: u64,
    /// Accounts created until its end.
    pub total: u64,
}

#[derive(Debug, FromQueryResult)]
struct Row {
    made: i64,
    earlier: i64,
}

/// Accounts that are being erased are not counted. They are few, so they are subtracted
/// from a count in an index.
const ERASED: &str = "id IN (SELECT user_id FROM account_erasures)";

impl Admin {
    /// The growth of accounts, in one statement that reads an index.
    pub async fn growth(&self, query: GrowthQuery) -> Result<Growth, AdminError> {
        let zone = query.time_zone.as_deref().unwrap_or("UTC");
        let time_zone: Tz = zone
            .trim()
            .parse()
            .map_err(|_| FieldErrors::of("time_zone", "must be a time zone such as Europe/Paris"))?;
        let today = self.queue.now().with_timezone(&time_zone).date_naive();
        let starts = starts(&query, today)?;
        let moments: Vec<Timestamp> = starts.iter().map(|start| midnight(time_zone, *start)).collect();
        let rows = self.count_between(&moments).await?;
        let mut total = rows.first().map_or(0, |row| row.earlier);
        let points = starts.iter().zip(rows).map(|(date, row)| {
            total += row.made;
            GrowthPoint { date: *date, new: unsigned(row.made), total: unsigned(total) }
        });
        Ok(Growth { period: query.period, time_zone, points: points.collect() })
    }

    /// Counts the accounts created between each time and the next.
    async fn count_between(&self, moments: &[Timestamp]) -> Result<Vec<Row>, DbErr> {
        let db = self.queue.db();
        let Some(first) = moments.first() else { return Ok(Vec::new()) };
        let mut values: Vec<sea_orm::Value> = Vec::with_capacity(moments.len() * 2);
        let mut rows = Vec::with_capacity(moments.len());
        for (index, pair) in moments.windows(2).enumerate() {
            rows.push(format!("({index}, ${}, ${})", index * 2 + 1, index * 2 + 2));
            values.extend([pair[0].into(), pair[1].into()]);
        }
        let before = values.len();
        values.extend([(*first).into(), (*first).into()]);
        let text = format!(
            "WITH periods (number, starts, ends) AS (VALUES {}) SELECT \
             (SELECT COUNT(*) FROM users WHERE created_at >= starts AND created_at < ends) - \
             (SELECT COUNT(*) FROM users WHERE created_at >= starts AND created_at < ends AND {ERASED}) \
             AS made, \
             (SELECT COUNT(*) FROM users WHERE created_at < ${}) - \
             (SELECT COUNT(*) FROM users WHERE created_at < ${} AND {ERASED}) AS earlier \
             FROM periods ORDER BY number",
            rows.join(", "),
            before + 1,
            before + 2,
        );
        let statement = Statement::from_sql_and_values(db.get_database_backend(), text, values);
        Row::find_by_statement(statement).all(db).await
    }
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// The first day of each period, and the day after the last one.
fn starts(query: &GrowthQuery, today: NaiveDate) -> Result<Vec<NaiveDate>, FieldErrors> {
    let period = query.period;
    let far = || FieldErrors::of("from", "is too far away");
    let last = period.start(query.to.unwrap_or(today)).ok_or_else(far)?;
    let first = match query.from {
        Some(from) => period.start(from),
        None => period.step(last, -period.default_count()),
    };
    let first = first.ok_or_else(far)?;
    if first.year() < EARLIEST_YEAR || last.year() > LATEST_YEAR {
        return Err(far());
    }
    if first > last {
        return Err(FieldErrors::of("to", "must not be before from"));
    }
    let mut starts = Vec::new();
    let mut start = first;
    while start <= last {
        if starts.len() == MAX_PERIODS {
            let fault = format!("must be at most {MAX_PERIODS} periods before the end");
            return Err(FieldErrors::of("from", fault));
        }
        starts.push(start);
        start = period.step(start, 1).ok_or_else(far)?;
    }
    starts.push(start);
    Ok(starts)
}

/// The start of a day. If the clocks skip midnight, the day starts after the gap.
fn midnight(zone: Tz, day: NaiveDate) -> Timestamp {
    let mut local = day.and_time(NaiveTime::MIN);
    for _ in 0..8 {
        if let Some(moment) = zone.from_local_datetime(&local).earliest() {
            return moment.with_timezone(&Utc);
        }
        local += TimeDelta::minutes(30);
    }
    day.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixture;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    fn query(period: GrowthPeriod, from: Option<&str>, to: &str) -> GrowthQuery {
        GrowthQuery { period, from: from.map(day), to: Some(day(to)), time_zone: None }
    }

    #[test]
    fn periods_follow_one_another_without_gaps() {
        use GrowthPeriod::{Day, Month, Week};
        for (period, from, to, expected) in [
            (Day, "2026-02-27", "2026-03-01", &["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"][..]),
            // A Thursday and the Monday after it.
            (Week, "2026-01-01", "2026-01-05", &["2025-12-29", "2026-01-05", "2026-01-12"]),
            (Month, "2025-12-31", "2026-01-01", &["2025-12-01", "2026-01-01", "2026-02-01"]),
        ] {
            let starts = starts(&query(period, Some(from), to), day("2026-11-20")).expect("periods");
            assert_eq!(starts.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn ranges_have_a_default_and_a_maximum() {
        let today = day("2026-11-20");
        for (period, count) in [(GrowthPeriod::Day, 30), (GrowthPeriod::Week, 12), (GrowthPeriod::Month, 12)]
        {
            let default_count = GrowthQuery { period, ..GrowthQuery::default() };
            assert_eq!(starts(&default_count, today).expect("periods").len(), count + 1);
        }
        for (from, to, field) in [
            ("2020-01-01", "2026-01-01", "from"),
            ("2026-01-02", "2026-01-01", "to"),
            ("0001-01-01", "9999-01-01", "from"),
        ] {
            let refused = starts(&query(GrowthPeriod::Day, Some(from), to), today).expect_err("refused");
            assert_eq!(refused.0.keys().copied().collect::<Vec<_>>(), [field]);
        }
    }

    #[test]
    fn days_start_at_midnight_of_the_time_zone() {
        for (zone, date, moment) in [
            ("UTC", "2026-03-29", "2026-03-29T00:00:00Z"),
            ("Europe/Paris", "2026-03-29", "2026-03-28T23:00:00Z"),
            ("Europe/Paris", "2026-03-30", "2026-03-29T22:00:00Z"),
            ("Asia/Kolkata", "2026-01-01", "2025-12-31T18:30:00Z"),
            // The clocks went from 24:00 to 1:00.
            ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"),
        ] {
            let zone: Tz = zone.parse().expect("a zone");
            assert_eq!(
                midnight(zone, day(date)),
                moment.parse::<Timestamp>().expect("a time"),
                "{zone} {date}"
            );
        }
    }

    #[tokio::test]
    async fn growth_counts_new_and_earlier_accounts() {
        let fixture = Fixture::new().await;
        for (email, days) in
            [("a@example.org", 0), ("b@example.org", 1), ("c@example.org", 2), ("d@example.org", 0)]
        {
            fixture.advance(days * 24 * 3600);
            fixture.register(email).await;
        }
        let to = fixture.services.queue.now().date_naive();
        let ask = async |from: NaiveDate| {
            let query = GrowthQuery { from: Some(from), to: Some(to), ..GrowthQuery::default() };
            let growth = fixture.services.admin.growth(query).await.expect("figures");
            growth.points.iter().map(|point| (point.new, point.total)).collect::<Vec<_>>()
        };

        assert_eq!(ask(to - Days::new(3)).await, [(1, 1), (1, 2), (0, 2), (2, 4)]);
        assert_eq!(ask(to).await, [(2, 4)]);
        let nowhere = GrowthQuery { time_zone: Some("Europe/Atlantis".to_owned()), ..GrowthQuery::default() };
        let refused = fixture.services.admin.growth(nowhere).await;
        assert!(
            matches!(refused, Err(AdminError::InvalidInput(errors)) if errors.0.contains_key("time_zone"))
        );
    }
}
