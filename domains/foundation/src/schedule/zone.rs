//! From civil times to instants.

use atelier_entities::Timestamp;
use chrono::{DateTime, LocalResult, NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

/// What becomes of a civil time that a change of the clock leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// It fires at the first instant after the gap.
    Shift,
    /// It does not fire.
    Skip,
}

/// What becomes of a civil time that a change of the clock repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// It fires the first time.
    First,
    /// It fires the second time.
    Last,
    /// It fires both times.
    Both,
}

/// One time at which a schedule fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Firing {
    /// The instant, in whole seconds.
    pub at: Timestamp,
    /// The civil time that does not exist on that day, and in whose place it fires.
    pub shifted_from: Option<NaiveDateTime>,
}

/// A search for the next time that led nowhere within its bound. It tells an error of this program, since every
/// time is after the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the next time was not found within {MAX_STEPS} steps")]
pub struct NoProgress;

/// Most civil times that a search looks at: more than a zone repeats in seconds.
const MAX_STEPS: u32 = 100_000;

/// No change of a clock is larger than this.
const MOST: TimeDelta = TimeDelta::hours(26);

/// Civil times: the first of them after another one.
pub(super) type NextCivil<'a> = &'a dyn Fn(NaiveDateTime) -> Option<NaiveDateTime>;

/// The first firing after an instant, of civil times in a zone.
pub(super) fn next_in(
    zone: Tz,
    (gap, fold): (Gap, Fold),
    after: Timestamp,
    next_civil: NextCivil<'_>,
) -> Result<Option<Firing>, NoProgress> {
    let find = |pick| search(zone, (gap, pick), after, next_civil);
    match fold {
        Fold::First => find(Pick::First),
        Fold::Last => find(Pick::Last),
        Fold::Both => {
            let found = [find(Pick::First)?, find(Pick::Last)?];
            Ok(found.into_iter().flatten().min_by_key(|firing| firing.at))
        }
    }
}

/// Which of two instants with the same civil time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pick {
    First,
    Last,
}

/// Either pick gives instants in the order of their civil times, so that the search goes forward only.
fn search(
    zone: Tz,
    (gap, pick): (Gap, Pick),
    after: Timestamp,
    next_civil: NextCivil<'_>,
) -> Result<Option<Firing>, NoProgress> {
    let now = local(zone, after);
    let mut from = match map(zone, now) {
        // The second instants of all times of the fold may be ahead.
        Mapped::Two(first, last) if pick == Pick::Last => now - (last - first),
        _ => now,
    };
    for _ in 0..MAX_STEPS {
        let Some(civil) = next_civil(from) else { return Ok(None) };
        from = civil;
        let (at, shifted_from) = match map(zone, civil) {
            Mapped::One(at) => (at, None),
            Mapped::Two(first, last) => (if pick == Pick::First { first } else { last }, None),
            Mapped::Gap(end) if gap == Gap::Shift => (end, Some(civil)),
            Mapped::Gap(end) => {
                from = from.max(local(zone, end) - TimeDelta::seconds(1));
                continue;
            }
        };
        if at > after {
            return Ok(Some(Firing { at, shifted_from }));
        }
    }
    Err(NoProgress)
}

/// The instants of a civil time.
enum Mapped {
    One(Timestamp),
    Two(Timestamp, Timestamp),
    /// The civil time does not exist: the first instant after it.
    Gap(Timestamp),
}

fn map(zone: Tz, civil: NaiveDateTime) -> Mapped {
    match zone.from_local_datetime(&civil) {
        LocalResult::Single(at) => Mapped::One(at.to_utc()),
        LocalResult::Ambiguous(one, other) => {
            let (one, other) = (one.to_utc(), other.to_utc());
            Mapped::Two(one.min(other), one.max(other))
        }
        LocalResult::None => Mapped::Gap(end_of_gap(zone, civil)),
    }
}

/// The first second whose civil time is after one that does not exist.
fn end_of_gap(zone: Tz, civil: NaiveDateTime) -> Timestamp {
    let (mut before, mut end) = ((civil.and_utc() - MOST).timestamp(), (civil.and_utc() + MOST).timestamp());
    let at = |secs: i64| DateTime::from_timestamp(secs, 0).unwrap_or(DateTime::UNIX_EPOCH);
    while before + 1 < end {
        let middle = before + (end - before) / 2;
        if local(zone, at(middle)) >= civil {
            end = middle;
        } else {
            before = middle;
        }
    }
    at(end)
}

/// The civil time of an instant.
pub(super) fn local(zone: Tz, at: Timestamp) -> NaiveDateTime {
    at.with_timezone(&zone).naive_local()
}
