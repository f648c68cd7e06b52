//! Functions of dates. A date is a text in RFC 3339; a zone is a name such as
//! `Europe/Paris`, and UTC where none is given.

use std::fmt::Write;

use chrono::{
    DateTime, Datelike, Days, Duration, FixedOffset, Months, NaiveDate, NaiveDateTime, NaiveTime,
    SecondsFormat, TimeZone, Utc,
    format::{Item, StrftimeItems},
};
use chrono_tz::Tz;
use serde_json::{Number, Value};

use super::{Arguments, Function};
use crate::expression::{error::Fault, operators::Numeric, session::bound};

/// Longest format.
const MAX_FORMAT_BYTES: usize = 256;
/// Years of dates.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9998;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("now", &[], 0, |args| written(args.session.context.now())),
    Function::new("parse_date", &["text", "format", "zone"], 1, parse_date),
    Function::new("format_date", &["date", "format", "zone"], 2, format_date),
    Function::new("add", &["date", "amount", "unit", "zone"], 3, add),
    Function::new("diff", &["date", "other", "unit"], 3, diff),
    Function::new("start_of", &["date", "unit", "zone"], 2, |args| {
        let zone = zone(args, 2)?;
        let first = first_day(date(args, 0)?.with_timezone(&zone).naive_local(), unit(args, 1)?)?;
        resolved(zone, first).and_then(written)
    }),
    Function::new("end_of", &["date", "unit", "zone"], 2, |args| {
        let (zone, unit) = (zone(args, 2)?, unit(args, 1)?);
        let first = first_day(date(args, 0)?.with_timezone(&zone).naive_local(), unit)?;
        let next = resolved(zone, shifted(first, 1, unit)?)?;
        written(next - Duration::milliseconds(1))
    }),
    Function::new("to_tz", &["date", "zone"], 2, |args| {
        let local = date(args, 0)?.with_timezone(&zone(args, 1)?);
        Ok(Value::from(local.to_rfc3339_opts(SecondsFormat::AutoSi, true)))
    }),
    Function::new("iso", &["date"], 1, |args| date(args, 0).and_then(written)),
    Function::new("unix", &["date"], 1, |args| Ok(Value::from(date(args, 0)?.timestamp()))),
    Function::new("from_unix", &["seconds"], 1, |args| {
        let moment = DateTime::from_timestamp(args.integer(0)?, 0);
        moment.ok_or(Fault::Overflow).and_then(written)
    }),
    Function::new("weekday", &["date", "zone"], 1, |args| {
        let local = date(args, 0)?.with_timezone(&zone(args, 1)?);
        Ok(Value::from(local.weekday().number_from_monday()))
    }),
];

/// A unit of time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

fn unit(args: &Arguments<'_>, place: usize) -> Result<Unit, Fault> {
    let name = args.text(place)?;
    Ok(match name.strip_suffix('s').unwrap_or(name) {
        "second" => Unit::Second,
        "minute" => Unit::Minute,
        "hour" => Unit::Hour,
        "day" => Unit::Day,
        "week" => Unit::Week,
        "month" => Unit::Month,
        "year" => Unit::Year,
        _ => {
            let units = "second, minute, hour, day, week, month or year";
            return Err(Fault::Argument(format!("a unit is {units}")));
        }
    })
}

fn zone(args: &Arguments<'_>, place: usize) -> Result<Tz, Fault> {
    let name = args.text_or(place, "UTC")?;
    name.parse().map_err(|_| Fault::Argument("not a time zone; write one such as Europe/Paris".into()))
}

fn date(args: &Arguments<'_>, place: usize) -> Result<DateTime<FixedOffset>, Fault> {
    moment(args.text(place)?).ok_or_else(|| {
        Fault::Argument(format!("{} needs a date such as 2026-11-30T12:00:00Z", args.function.name))
    })
}

/// The moment of a date in RFC 3339, or the first one of a day.
pub(in crate::expression) fn moment(text: &str) -> Option<DateTime<FixedOffset>> {
    let day =
        || text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN).and_utc().fixed_offset());
    DateTime::parse_from_rfc3339(text).ok().or_else(day)
}

/// The date in UTC. Years have four digits.
fn written<Z: TimeZone>(moment: DateTime<Z>) -> Result<Value, Fault> {
    let moment = moment.to_utc();
    let text = || Value::from(moment.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    if YEARS.contains(&moment.year()) { Ok(text()) } else { Err(Fault::Overflow) }
}

/// The moment of a local time. A time in a gap is the first moment after it; of two moments
/// it is the first.
fn resolved(zone: Tz, local: NaiveDateTime) -> Result<DateTime<Tz>, Fault> {
    if !YEARS.contains(&local.year()) {
        return Err(Fault::Overflow);
    }
    if let Some(moment) = zone.from_local_datetime(&local).earliest() {
        return Ok(moment);
    }
    let minutes = (1..=26 * 60).filter_map(|minutes| local.checked_add_signed(Duration::minutes(minutes)));
    let mut moments = minutes.filter_map(|later| zone.from_local_datetime(&later).earliest());
    moments.next().ok_or(Fault::Overflow)
}

fn items(format: &str) -> Result<Vec<Item<'_>>, Fault> {
    let wrong = || Fault::Argument("not a format; write one such as %d/%m/%Y".into());
    if format.len() > MAX_FORMAT_BYTES {
        return Err(wrong());
    }
    StrftimeItems::new(format).parse().map_err(|_| wrong())
}

fn format_date(args: &Arguments<'_>) -> Result<Value, Fault> {
    let local = date(args, 0)?.with_timezone(&zone(args, 2)?);
    let mut text = String::new();
    write!(text, "{}", local.format_with_items(items(args.text(1)?)?.iter()))
        .map_err(|_| Fault::Argument("the date cannot be written so".into()))?;
    bound(text.len())?;
    Ok(Value::from(text))
}

/// Without a format the text is RFC 3339 or a day. A text without an offset is local.
fn parse_date(args: &Arguments<'_>) -> Result<Value, Fault> {
    if args.optional(1).is_none_or(Value::is_null) {
        return date(args, 0).and_then(written);
    }
    let (text, format, zone) = (args.text(0)?, args.text(1)?, zone(args, 2)?);
    items(format)?;
    if let Ok(moment) = DateTime::parse_from_str(text, format) {
        return written(moment);
    }
    let local = NaiveDateTime::parse_from_str(text, format)
        .or_else(|_| NaiveDate::parse_from_str(text, format).map(|day| day.and_time(NaiveTime::MIN)))
        .map_err(|_| Fault::Argument("the text is not a date in this format".into()))?;
    resolved(zone, local).and_then(written)
}

/// Seconds, minutes and hours are exact. Days and longer keep the local time of the zone.
fn add(args: &Arguments<'_>) -> Result<Value, Fault> {
    let (date, amount, unit, zone) = (date(args, 0)?, args.integer(1)?, unit(args, 2)?, zone(args, 3)?);
    let exact = |seconds: i64| {
        let length = amount.checked_mul(seconds).and_then(Duration::try_seconds);
        let moment = length.and_then(|length| date.checked_add_signed(length));
        moment.ok_or(Fault::Overflow).and_then(written)
    };
    match unit {
        Unit::Second => exact(1),
        Unit::Minute => exact(60),
        Unit::Hour => exact(3_600),
        _ => {
            resolved(zone, shifted(date.with_timezone(&zone).naive_local(), amount, unit)?).and_then(written)
        }
    }
}

/// A local time, this many units later.
fn shifted(local: NaiveDateTime, amount: i64, unit: Unit) -> Result<NaiveDateTime, Fault> {
    let seconds = match unit {
        Unit::Second => Some(1),
        Unit::Minute => Some(60),
        Unit::Hour => Some(3_600),
        _ => None,
    };
    if let Some(seconds) = seconds {
        let length = amount.checked_mul(seconds).and_then(Duration::try_seconds);
        return length.and_then(|length| local.checked_add_signed(length)).ok_or(Fault::Overflow);
    }
    let factor = match unit {
        Unit::Week => 7,
        Unit::Year => 12,
        _ => 1,
    };
    let count = amount.unsigned_abs().checked_mul(factor).ok_or(Fault::Overflow)?;
    let moved = if matches!(unit, Unit::Day | Unit::Week) {
        let days = Days::new(count);
        if amount < 0 { local.checked_sub_days(days) } else { local.checked_add_days(days) }
    } else {
        let months = Months::new(u32::try_from(count).map_err(|_| Fault::Overflow)?);
        if amount < 0 { local.checked_sub_months(months) } else { local.checked_add_months(months) }
    };
    moved.ok_or(Fault::Overflow)
}

/// The local time at which the unit began. Weeks begin on Monday.
fn first_day(local: NaiveDateTime, unit: Unit) -> Result<NaiveDateTime, Fault> {
    use chrono::Timelike;
    let (day, hour) = (local.date(), local.hour());
    let time = |hour, minute, second| NaiveTime::from_hms_opt(hour, minute, second).unwrap_or(NaiveTime::MIN);
    let first = match unit {
        Unit::Second => return Ok(day.and_time(time(hour, local.minute(), local.second()))),
        Unit::Minute => return Ok(day.and_time(time(hour, local.minute(), 0))),
        Unit::Hour => return Ok(day.and_time(time(hour, 0, 0))),
        Unit::Day => Some(day),
        Unit::Week => day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))),
        Unit::Month => day.with_day(1),
        Unit::Year => day.with_day(1).and_then(|day| day.with_month(1)),
    };
    first.map(|day| day.and_time(NaiveTime::MIN)).ok_or(Fault::Overflow)
}

/// How much later the date is than the other one. Months and years are whole ones.
fn diff(args: &Arguments<'_>) -> Result<Value, Fault> {
    let (date, other, unit) = (date(args, 0)?, date(args, 1)?, unit(args, 2)?);
    let seconds = match unit {
        Unit::Second => 1,
        Unit::Minute => 60,
        Unit::Hour => 3_600,
        Unit::Day => 86_400,
        Unit::Week => 7 * 86_400,
        Unit::Month | Unit::Year => {
            let months = whole_months(other.to_utc(), date.to_utc());
            return Ok(Value::from(if unit == Unit::Year { months / 12 } else { months }));
        }
    };
    let length = (date - other).num_milliseconds();
    if length % (seconds * 1_000) == 0 {
        return Ok(Value::Number(Number::from(length / (seconds * 1_000))));
    }
    let (length, unit) =
        (Numeric::Integer(length.into()).as_float(), Numeric::Integer((seconds * 1_000).into()));
    Numeric::Float(length / unit.as_float()).into_value()
}

fn whole_months(from: DateTime<Utc>, to: DateTime<Utc>) -> i64 {
    if to < from {
        return -whole_months(to, from);
    }
    let months = i64::from(to.year() - from.year()) * 12 + i64::from(to.month()) - i64::from(from.month());
    let reached = (to.day(), to.time()) >= (from.day(), from.time());
    if reached { months } else { months - 1 }
}
