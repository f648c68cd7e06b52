//! The two day fields of a cron expression.

use chrono::{Datelike, NaiveDate, Weekday};

use super::field::{DAY, WEEKDAY, bit, has};

/// The days of a month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MonthDays {
    days: u64,
    /// The weekdays nearest to these days: `15W`.
    nearest: u64,
    /// The last day: `L`.
    last: bool,
    /// The last weekday: `LW`.
    last_workday: bool,
}

impl MonthDays {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut days = Self::default();
        for item in text.split(',') {
            let upper = item.to_ascii_uppercase();
            match upper.as_str() {
                "L" => days.last = true,
                "LW" | "WL" => days.last_workday = true,
                _ => match upper.strip_suffix('W') {
                    Some(day) => days.nearest |= bit(DAY.value(day)?),
                    None => days.days |= DAY.bits(item)?,
                },
            }
        }
        Ok(days)
    }

    pub(super) fn matches(&self, date: NaiveDate) -> bool {
        let (day, length) = (date.day(), length_of_month(date));
        has(self.days, day)
            || (self.last && day == length)
            || (self.last_workday && is_nearest_workday(date, length))
            || (self.nearest != 0
                && (1..=length).any(|wanted| has(self.nearest, wanted) && is_nearest_workday(date, wanted)))
    }
}

/// Whether the date is the weekday, Monday to Friday, that is nearest to a day of its month, within the month.
fn is_nearest_workday(date: NaiveDate, wanted: u32) -> bool {
    let Some(at) = date.with_day(wanted) else { return false };
    let nearest = match at.weekday() {
        Weekday::Sat if wanted == 1 => 3,
        Weekday::Sat => wanted - 1,
        Weekday::Sun if wanted == length_of_month(date) => wanted - 2,
        Weekday::Sun => wanted + 1,
        _ => wanted,
    };
    date.day() == nearest
}

/// The days of a week.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct WeekDays {
    days: u64,
    /// The last of the month: `5L`.
    last: u64,
    /// The first to the fifth of the month: `FRI#2`.
    nth: [u64; 5],
}

impl WeekDays {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut days = Self::default();
        for item in text.split(',') {
            let upper = item.to_ascii_uppercase();
            let day = |text: &str| WEEKDAY.value(text).map(|value| bit(value % 7));
            if let Some((weekday, nth)) = upper.split_once('#') {
                let place = nth.parse::<usize>().ok().and_then(|nth| nth.checked_sub(1));
                match place.and_then(|place| days.nth.get_mut(place)) {
                    Some(nth) => *nth |= day(weekday)?,
                    None if nth == "L" => days.last |= day(weekday)?,
                    None => return Err(format!("{}: #{nth} is not #1 to #5, or #L", WEEKDAY.name)),
                }
            } else if let Some(weekday) = upper.strip_suffix('L') {
                if weekday.is_empty() {
                    return Err(format!("{}: L follows a day, such as 5L or FRI#L", WEEKDAY.name));
                }
                days.last |= day(weekday)?;
            } else {
                days.days |= WEEKDAY.bits(item)?;
            }
        }
        Ok(days)
    }

    pub(super) fn matches(&self, date: NaiveDate) -> bool {
        let (weekday, day) = (date.weekday().num_days_from_sunday(), date.day());
        let nth = usize::try_from((day - 1) / 7).ok().and_then(|nth| self.nth.get(nth));
        has(self.days, weekday)
            || nth.is_some_and(|nth| has(*nth, weekday))
            || (has(self.last, weekday) && day + 7 > length_of_month(date))
    }
}

fn length_of_month(date: NaiveDate) -> u32 {
    (29..=31).rev().find(|day| date.with_day(*day).is_some()).unwrap_or(28)
}
