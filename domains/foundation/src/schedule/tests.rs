use std::str::FromStr;

use atelier_entities::Timestamp;
use chrono::{DateTime, Datelike, TimeDelta};
use chrono_tz::Tz;
use uuid::Uuid;

use super::{jitter::jitter, *};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn cron(expression: &str, zone: &str) -> Spec {
    let when = When::Cron(Expression::parse(expression).expect(expression));
    Spec { when, zone: Tz::from_str(zone).expect(zone), gap: None, fold: None, start: None, end: None }
}

fn times(spec: &Spec, after: &str, count: usize) -> Vec<String> {
    let found = spec.list(at(after), None, count).expect("times");
    found.iter().map(|firing| firing.at.format("%m-%dT%H:%M:%SZ").to_string()).collect()
}

/// The dates in UTC, such as `2026-01-31`.
fn dates(expression: &str, after: &str, count: usize) -> Vec<String> {
    let found = cron(expression, "UTC").list(at(after), None, count).expect("times");
    found.iter().map(|firing| firing.at.format("%Y-%m-%d").to_string()).collect()
}

/// Where cronsim is wrong: 02:20 comes once on the night when Lord Howe Island turns 02:00 back to 01:30, and
/// cronsim leaves it out.
const DIFFERING: [&str; 1] = ["Australia/Lord_Howe 2026-04-04T02:00:00Z 20 */2 * * *: \
    2026-04-04T03:20:00Z 2026-04-04T05:20:00Z 2026-04-04T07:20:00Z 2026-04-04T09:20:00Z \
    2026-04-04T11:20:00Z 2026-04-04T13:20:00Z 2026-04-04T15:50:00Z 2026-04-04T17:50:00Z \
    2026-04-04T19:50:00Z 2026-04-04T21:50:00Z"];

#[test]
fn times_are_those_of_another_implementation() {
    let (mut cases, mut differing) = (0, Vec::new());
    for line in include_str!("conformance/cases.tsv").lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [zone, start, expression, expected] = fields[..] else { panic!("{line}") };
        let found = cron(expression, zone).list(at(start), None, 10).expect("times");
        let found: Vec<_> = found.iter().map(|one| one.at.format("%Y-%m-%dT%H:%M:%SZ").to_string()).collect();
        if found.join(" ") != expected {
            differing.push(format!("{zone} {start} {expression}: {}", found.join(" ")));
        }
        cases += 1;
    }
    assert_eq!(differing, DIFFERING);
    assert!(cases > 300);
}

#[test]
fn last_nearest_and_numbered_days_are_found() {
    for (expression, expected) in [
        ("0 0 L * *", ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ("0 0 LW * *", ["2026-01-30", "2026-02-27", "2026-03-31"]),
        ("0 0 15W * *", ["2026-01-15", "2026-02-16", "2026-03-16"]),
        ("0 0 1W * *", ["2026-02-02", "2026-03-02", "2026-04-01"]),
        ("0 0 31W * *", ["2026-01-30", "2026-03-31", "2026-05-29"]),
        ("0 0 * * 5L", ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("0 0 * * fri#l", ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("0 0 * * FRI#2", ["2026-01-09", "2026-02-13", "2026-03-13"]),
        ("0 0 * * MON#5", ["2026-03-30", "2026-06-29", "2026-08-31"]),
        ("0 0 13 * +FRI", ["2026-02-13", "2026-03-13", "2026-11-13"]),
        ("0 0 29 2 *", ["2028-02-29", "2032-02-29", "2036-02-29"]),
        ("0 0 0 1 1 ? 2030-2040/5", ["2030-01-01", "2035-01-01", "2040-01-01"]),
    ] {
        assert_eq!(dates(expression, "2026-01-01T12:00:00Z", 3), expected, "{expression}");
    }
}

#[test]
fn the_dialect_is_read() {
    for (one, same) in [
        ("@midnight", "0 0 * * *"),
        ("@DAILY", "0 0 * * *"),
        ("@annually", "0 0 1 jan *"),
        ("@weekly", "0 0 * * 7"),
        ("0 22-2 * * *", "0 22,23,0,1,2 * * *"),
        ("0 22-2/2 * * *", "0 22,0,2 * * *"),
        ("0 0 * * FRI-MON", "0 0 * * FRI,SAT,SUN,MON"),
        ("0 0 * * 5-7", "0 0 * * FRI,SAT,SUN"),
        ("0 0 * * 7-2", "0 0 * * SUN,MON,TUE"),
        ("0 0 * nov-jan *", "0 0 * 11,12,1 *"),
        ("5/15 * * * *", "5,20,35,50 * * * *"),
        ("0 0 ? * mon", "0 0 * * MON"),
        ("0 5 4 * * *", "5 4 * * *"),
    ] {
        let upcoming = |text| cron(text, "UTC").list(at("2026-01-01T00:00:00Z"), None, 60).expect("times");
        assert_eq!(upcoming(one), upcoming(same), "{one} and {same}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_its_field() {
    for (expression, named) in [
        ("", "fields"),
        ("* * * *", "fields"),
        ("60 * * * *", "minute"),
        ("0 24 * * *", "hour"),
        ("0 0 0 * *", "day of the month"),
        ("0 0 * 13 *", "month"),
        ("0 0 * * 8", "day of the week"),
        ("0 0 * * L", "day of the week"),
        ("0 0 * * MON#6", "day of the week"),
        ("0 0 * * * * 1969", "year"),
        ("0 0 0 * * * 2030-2028", "year"),
        ("*/0 * * * *", "minute"),
        ("*/90 * * * *", "interval"),
        ("H * * * *", "jitter"),
        ("0 0 R * *", "jitter"),
        ("? * * * *", "minute"),
        ("+5 * * * *", "minute"),
        ("1,,2 * * * *", "minute"),
        ("@reboot", "@reboot"),
        ("@every 5m", "interval"),
        ("@noon", "@noon"),
    ] {
        let problem = Expression::parse(expression).expect_err(expression);
        assert!(problem.contains(named), "{expression}: {problem}");
    }
    assert!(Expression::parse(&"0".repeat(MAX_EXPRESSION + 1)).is_err());
}

#[test]
fn an_expression_that_never_fires_has_no_time() {
    for expression in ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 0 1 1 * 2001", "0 0 31W 2 *"] {
        assert_eq!(
            cron(expression, "Europe/Berlin").next(at("2026-01-01T00:00:00Z")),
            Ok(None),
            "{expression}"
        );
    }
    assert_eq!(LAST_YEAR, 2099);
    assert_eq!(cron("@yearly", "UTC").next(at("2099-06-01T00:00:00Z")), Ok(None));
}

#[test]
fn other_readings_of_an_expression_are_told() {
    use Warning::{DayStep, EitherDay, UnderAMinute, WeekdayNumbers};
    for (expression, warnings) in [
        ("0 9 * * MON-FRI", vec![]),
        ("0 9 * * FRI#2", vec![]),
        ("0 9 * * 1-5", vec![WeekdayNumbers]),
        ("0 9 13 * FRI", vec![EitherDay]),
        ("0 9 13 * +FRI", vec![]),
        ("0 9 */2 * *", vec![DayStep]),
        ("0 9 */2 * 1", vec![WeekdayNumbers, EitherDay, DayStep]),
        ("*/10 * * * * *", vec![UnderAMinute]),
    ] {
        assert_eq!(cron(expression, "UTC").warnings(), warnings, "{expression}");
    }
}

#[test]
fn gaps_and_folds_follow_the_rule_of_the_schedule() {
    let of = |expression: &str, gap, fold| Spec { gap, fold, ..cron(expression, "America/New_York") };
    let spring = "2026-03-07T12:00:00Z";
    let daily = of("30 2 * * *", None, None);
    assert_eq!(times(&daily, spring, 2), ["03-08T07:00:00Z", "03-09T06:30:00Z"]);
    let shifted = daily.next(at(spring)).expect("a time").expect("a time").shifted_from;
    assert_eq!(shifted.map(|civil| civil.to_string()).as_deref(), Some("2026-03-08 02:30:00"));
    assert_eq!(times(&of("30 2 * * *", Some(Gap::Skip), None), spring, 1), ["03-09T06:30:00Z"]);
    let half = of("*/30 2 * * *", Some(Gap::Shift), None);
    assert_eq!(times(&half, spring, 2), ["03-08T07:00:00Z", "03-09T06:00:00Z"]);

    let autumn = "2026-10-31T12:00:00Z";
    for (fold, expected) in [
        (None, ["11-01T05:30:00Z", "11-02T06:30:00Z"]),
        (Some(Fold::First), ["11-01T05:30:00Z", "11-02T06:30:00Z"]),
        (Some(Fold::Last), ["11-01T06:30:00Z", "11-02T06:30:00Z"]),
        (Some(Fold::Both), ["11-01T05:30:00Z", "11-01T06:30:00Z"]),
    ] {
        assert_eq!(times(&of("30 1 * * *", None, fold), autumn, 2), expected, "{fold:?}");
    }
    // Asked in the middle of a fold: the second pass of times before it is still ahead.
    let last = of("15 1 * * *", None, Some(Fold::Last));
    assert_eq!(times(&last, "2026-11-01T05:40:00Z", 1), ["11-01T06:15:00Z"]);
    let often = of("*/30 * * * *", None, None);
    assert_eq!(
        times(&often, "2026-11-01T05:10:00Z", 3),
        ["11-01T05:30:00Z", "11-01T06:00:00Z", "11-01T06:30:00Z"]
    );
    assert_eq!(times(&of("30 1,3 * * *", None, None), autumn, 2), ["11-01T05:30:00Z", "11-01T08:30:00Z"]);
}

#[test]
fn every_time_is_later_and_matches_its_fields_or_was_shifted() {
    let zones = [
        "America/New_York",
        "Europe/Berlin",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "Africa/Cairo",
        "Asia/Kathmandu",
        "Africa/Casablanca",
        "Antarctica/Troll",
    ];
    let expressions =
        ["30 2 * * *", "0 0 * * *", "*/20 * * * *", "15 */3 * * *", "7 1-3 * * SUN", "59 1 L * *"];
    for zone in zones {
        for expression in expressions {
            let Ok(parsed) = Expression::parse(expression) else { panic!("{expression}") };
            let spec = cron(expression, zone);
            let mut from = at("2017-01-01T00:00:00Z");
            for count in 0..1_500 {
                let Some(found) = spec.next(from).expect("it is found") else {
                    assert!(count > 900, "{expression} in {zone} ends after {from}");
                    break;
                };
                assert!(found.at > from, "{expression} in {zone} after {from}");
                let civil = found.at.with_timezone(&spec.zone).naive_local();
                match found.shifted_from {
                    None => assert!(parsed.matches(civil), "{expression} in {zone}: {civil}"),
                    Some(wanted) => assert!(parsed.matches(wanted) && wanted < civil, "{wanted} {civil}"),
                }
                // A time asked for half-way is the same one.
                let half_way = from + (found.at - from) / 2;
                assert_eq!(spec.next(half_way), Ok(Some(found)), "{expression} in {zone} after {half_way}");
                from = found.at;
            }
        }
    }
}

#[test]
fn a_day_that_a_zone_left_out_does_not_stop_a_schedule() {
    let daily = cron("0 12 * * *", "Pacific/Apia");
    let found = times(&daily, "2011-12-29T12:00:00Z", 3);
    assert_eq!(found, ["12-29T22:00:00Z", "12-30T10:00:00Z", "12-30T22:00:00Z"]);
    let skipping = Spec { gap: Some(Gap::Skip), ..daily };
    assert_eq!(times(&skipping, "2011-12-29T12:00:00Z", 2), ["12-29T22:00:00Z", "12-30T22:00:00Z"]);
}

#[test]
fn an_interval_counts_from_the_epoch_within_start_and_end() {
    let when = When::Every { secs: 14_400, phase: 600 };
    let spec = Spec { when, ..cron("* * * * *", "UTC") };
    assert_eq!(times(&spec, "2026-01-01T00:00:00Z", 2), ["01-01T00:10:00Z", "01-01T04:10:00Z"]);
    assert_eq!(times(&spec, "2026-01-01T00:10:00Z", 1), ["01-01T04:10:00Z"]);
    let bounded =
        Spec { start: Some(at("2026-01-01T04:10:00Z")), end: Some(at("2026-01-01T12:10:00Z")), ..spec };
    assert_eq!(times(&bounded, "2026-01-01T00:00:00Z", 9), ["01-01T04:10:00Z", "01-01T08:10:00Z"]);
    let before = Spec { when: When::Every { secs: 60, phase: 0 }, ..cron("* * * * *", "UTC") };
    assert_eq!(before.next(DateTime::UNIX_EPOCH).expect("a time").expect("a time").at.timestamp(), 60);
}

#[test]
fn the_jitter_is_stable_bounded_and_spread() {
    let id = Uuid::from_u128(7);
    let of = |minute: i64| jitter(id, DateTime::UNIX_EPOCH + TimeDelta::minutes(minute), 30);
    let all: Vec<TimeDelta> = (0..200).map(of).collect();
    assert!(all.iter().all(|one| (TimeDelta::zero()..=TimeDelta::seconds(30)).contains(one)));
    assert!(
        all.iter().any(|one| *one < TimeDelta::seconds(5))
            && all.iter().any(|one| *one > TimeDelta::seconds(25))
    );
    assert_eq!(of(3), jitter(id, DateTime::UNIX_EPOCH + TimeDelta::minutes(3), 30));
    assert_eq!(jitter(id, DateTime::UNIX_EPOCH, 0), TimeDelta::zero());
}

fn due(expression: &str, after: &str, now: &str, window_secs: i64, limit: usize) -> Due {
    let rule = CatchUp { window: TimeDelta::seconds(window_secs), limit };
    find_due(&cron(expression, "UTC"), at(after), at(now), rule).expect("due")
}

#[test]
fn a_time_that_has_just_passed_is_due() {
    let due = due("* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00.5Z", 3_600, 10);

    assert_eq!(due.firings.iter().map(|one| one.at).collect::<Vec<_>>(), [at("2026-01-01T00:01:00Z")]);
    assert_eq!((due.missed, due.next.map(|one| one.at)), (vec![], Some(at("2026-01-01T00:02:00Z"))));
}

#[test]
fn after_a_downtime_the_newest_fire_and_the_others_are_summed_up() {
    let due = due("*/10 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T12:05:00Z", 3_600, 3);

    let fired: Vec<_> = due.firings.iter().map(|one| one.at.format("%H:%M").to_string()).collect();
    assert_eq!(fired, ["11:40", "11:50", "12:00"]);
    let missed: Vec<_> = due.missed.iter().map(|one| (one.first, one.count, one.reason)).collect();
    let expected = [
        (at("2026-01-01T00:10:00Z"), Some(66), MissedReason::Window),
        (at("2026-01-01T11:10:00Z"), Some(3), MissedReason::Limit),
    ];
    assert_eq!(missed, expected);
    assert_eq!(due.next.map(|one| one.at), Some(at("2026-01-01T12:10:00Z")));
}

#[test]
fn a_week_of_seconds_is_two_ranges() {
    let due = due("* * * * * *", "2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z", 86_400, 10);

    assert_eq!((due.firings.len(), due.missed.len()), (10, 2));
    assert!(due.missed.iter().all(|range| range.count.is_none()));
    assert_eq!(due.firings.last().map(|one| one.at.day()), Some(8));
}
