//! Cron expressions, evaluated in civil time.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::{
    days::{MonthDays, WeekDays},
    field::{HOUR, MINUTE, MONTH, SECOND, WEEKDAY, YEAR, first_from, has},
};

/// Most characters of an expression.
pub const MAX_EXPRESSION: usize = 200;

/// The last year in which an expression fires. It also bounds the search for the next time: 27,000 days at
/// most.
pub const LAST_YEAR: i32 = 2099;

/// A cron expression of 5 fields, of 6 with the seconds first, or of 7 with the year last.
///
/// Names are read in any case; `0` and `7` are Sunday; `?` is `*` in a day field; ranges may go over the end
/// (`22-2`, `FRI-MON`); `5/15` is `5-59/15`. The day of the month knows `L`, `LW` and `15W`, the day of the week
/// `5L`, `FRI#L` and `FRI#2`. If both day fields are restricted, either may match; a `+` before the day of the
/// week says that both must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    seconds: u64,
    minutes: u64,
    hours: u64,
    days: MonthDays,
    months: u64,
    weekdays: WeekDays,
    /// Empty for every year.
    years: Vec<u32>,
    /// Whether a date matches if one of the day fields does.
    either_day: bool,
    is_frequency: bool,
    warnings: Vec<Warning>,
}

/// What people often expect an expression to mean, but it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Warning {
    /// The day of the week is given by numbers, which other programs count from another day.
    WeekdayNumbers,
    /// Both day fields are restricted: either may match.
    EitherDay,
    /// A day field has a step over `*`.
    DayStep,
    /// It fires more often than once a minute.
    UnderAMinute,
}

impl Warning {
    /// A stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::WeekdayNumbers => "WEEKDAY_NUMBERS",
            Self::EitherDay => "EITHER_DAY",
            Self::DayStep => "DAY_STEP",
            Self::UnderAMinute => "UNDER_A_MINUTE",
        }
    }

    /// A sentence for people.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::WeekdayNumbers => {
                "0 and 7 are Sunday, 1 is Monday: compare the weekdays of the next times, or write names."
            }
            Self::EitherDay => {
                "A date matches if its day of the month or its day of the week does. Write + before the day of \
                 the week if both must."
            }
            Self::DayStep => {
                "A step over * counts from the first day of each month or week, and restricts the field."
            }
            Self::UnderAMinute => "It fires more often than once a minute.",
        }
    }
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// A sentence that names the field that cannot be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_EXPRESSION {
            return Err(format!("must have at most {MAX_EXPRESSION} characters"));
        }
        let text = expand(text.trim())?;
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let (second, rest, year) = match fields.len() {
            5 => ("0", fields.as_slice(), "*"),
            6 => (fields[0], &fields[1..], "*"),
            7 => (fields[0], &fields[1..6], fields[6]),
            count => {
                return Err(format!(
                    "must have 5 fields, 6 with the seconds first, or 7 with the year last; it has {count}"
                ));
            }
        };
        let [minute, hour, day, month, weekday] = rest else {
            return Err("must have 5 to 7 fields".to_owned());
        };
        let (both, weekday) = match weekday.strip_prefix('+') {
            Some(weekday) => (true, weekday),
            None => (false, *weekday),
        };
        let are_restricted = !WEEKDAY.is_any(day) && !WEEKDAY.is_any(weekday);
        let mut years = Vec::new();
        if !YEAR.is_any(year) {
            for item in year.split(',') {
                years.extend(YEAR.values(item)?);
            }
        }
        let mut expression = Self {
            seconds: SECOND.bits(second)?,
            minutes: MINUTE.bits(minute)?,
            hours: HOUR.bits(hour)?,
            days: MonthDays::parse(day)?,
            months: MONTH.bits(month)?,
            weekdays: WeekDays::parse(weekday)?,
            years,
            either_day: are_restricted && !both,
            is_frequency: minute.contains('*') || hour.contains('*'),
            warnings: Vec::new(),
        };
        expression.warnings = expression.list_warnings(day, weekday);
        Ok(expression)
    }

    fn list_warnings(&self, day: &str, weekday: &str) -> Vec<Warning> {
        let has_number = |item: &str| {
            let days = item.split(['#', '/']).next().unwrap_or_default();
            days.bytes().any(|byte| byte.is_ascii_digit())
        };
        let has_step = |field: &str| field.contains("*/") || field.contains("?/");
        let found = [
            (weekday.split(',').any(has_number), Warning::WeekdayNumbers),
            (self.either_day, Warning::EitherDay),
            (has_step(day) || has_step(weekday), Warning::DayStep),
            (self.seconds.count_ones() > 1, Warning::UnderAMinute),
        ];
        found.into_iter().filter_map(|(is, warning)| is.then_some(warning)).collect()
    }

    /// What people may read otherwise.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Whether the minute or the hour contains `*`: it then means how often to fire, and not at which time of
    /// the day.
    #[must_use]
    pub fn is_frequency(&self) -> bool {
        self.is_frequency
    }

    /// The first civil time of the expression after this one, to the second. None if there is none up to
    /// [`LAST_YEAR`].
    #[must_use]
    pub fn next_after(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let mut date = after.date();
        if self.matches_date(date)
            && let Some(time) = self.next_time(after.time())
        {
            return Some(date.and_time(time));
        }
        let first = NaiveTime::from_hms_opt(
            first_from(self.hours, 0)?,
            first_from(self.minutes, 0)?,
            first_from(self.seconds, 0)?,
        )?;
        loop {
            date = if self.matches_month(date) { date.succ_opt()? } else { first_of_next_month(date)? };
            if date.year() > LAST_YEAR {
                return None;
            }
            if self.matches_date(date) {
                return Some(date.and_time(first));
            }
        }
    }

    /// Whether a civil time is one of the expression's.
    #[must_use]
    pub fn matches(&self, at: NaiveDateTime) -> bool {
        self.matches_date(at.date())
            && has(self.hours, at.hour())
            && has(self.minutes, at.minute())
            && has(self.seconds, at.second())
    }

    fn matches_month(&self, date: NaiveDate) -> bool {
        let is_year = |year: &u32| i32::try_from(*year).is_ok_and(|year| year == date.year());
        has(self.months, date.month()) && (self.years.is_empty() || self.years.iter().any(is_year))
    }

    fn matches_date(&self, date: NaiveDate) -> bool {
        if !self.matches_month(date) {
            return false;
        }
        let (day, weekday) = (self.days.matches(date), self.weekdays.matches(date));
        if self.either_day { day || weekday } else { day && weekday }
    }

    /// The first time of a day after this one.
    fn next_time(&self, after: NaiveTime) -> Option<NaiveTime> {
        let (hour, minute, second) = (after.hour(), after.minute(), after.second());
        let (first_minute, first_second) = (first_from(self.minutes, 0)?, first_from(self.seconds, 0)?);
        if has(self.hours, hour) {
            if has(self.minutes, minute)
                && let Some(second) = first_from(self.seconds, second + 1)
            {
                return NaiveTime::from_hms_opt(hour, minute, second);
            }
            if let Some(minute) = first_from(self.minutes, minute + 1) {
                return NaiveTime::from_hms_opt(hour, minute, first_second);
            }
        }
        NaiveTime::from_hms_opt(first_from(self.hours, hour + 1)?, first_minute, first_second)
    }
}

fn first_of_next_month(date: NaiveDate) -> Option<NaiveDate> {
    let (year, month) = (date.year(), date.month());
    if month == 12 {
        NaiveDate::from_ymd_opt(year + 1, 1, 1)
    } else {
        NaiveDate::from_ymd_opt(year, month + 1, 1)
    }
}

/// The fields that a name such as `@daily` stands for.
fn expand(text: &str) -> Result<&str, String> {
    if !text.starts_with('@') {
        return Ok(text);
    }
    Ok(match text.to_ascii_lowercase().as_str() {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * SUN",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        "@reboot" => return Err("@reboot is not supported: nothing here starts up".to_owned()),
        name if name.starts_with("@every") => {
            return Err("@every is not supported: set an interval in seconds".to_owned());
        }
        _ => return Err(format!("{text} is not a name of a schedule, such as @daily")),
    })
}
