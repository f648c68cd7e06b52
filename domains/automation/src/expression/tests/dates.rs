//! Functions of dates, also where a zone changes its clocks.

use serde_json::json;

use super::*;

#[test]
fn now_and_uuid_answer_a_retry_as_before() {
    assert_eq!(value("{{ now() }}"), json!("2026-03-01T09:30:15Z"));
    let (first, second) = (value("{{ uuid() }}"), value("{{ uuid() }}"));
    assert_eq!(first, second, "each evaluation begins anew");
    let both = value("{{ [uuid(), uuid()] }}");
    assert_ne!(both[0], both[1]);
    let text = first.as_str().expect("text");
    assert!(text.parse::<Uuid>().is_ok(), "{text}");
}

#[test]
fn dates_are_read_and_written() {
    expect(&[
        ("'2026-03-01' | parse_date", json!("2026-03-01T00:00:00Z")),
        ("'2026-03-01T10:00:00+02:00' | parse_date", json!("2026-03-01T08:00:00Z")),
        ("'01/03/2026' | parse_date('%d/%m/%Y')", json!("2026-03-01T00:00:00Z")),
        (
            "'01/03/2026 08:00' | parse_date('%d/%m/%Y %H:%M', 'Asia/Kathmandu')",
            json!("2026-03-01T02:15:00Z"),
        ),
        ("now() | format_date('%d/%m/%Y')", json!("01/03/2026")),
        ("now() | format_date('%H:%M %Z', 'America/New_York')", json!("04:30 EST")),
        ("now() | to_tz('Asia/Kathmandu')", json!("2026-03-01T15:15:15+05:45")),
        ("now() | unix", json!(1_772_357_415)),
        ("1772357415 | from_unix", json!("2026-03-01T09:30:15Z")),
        ("'2026-03-01T10:00:00+02:00' | iso", json!("2026-03-01T08:00:00Z")),
        ("now() | weekday", json!(7)),
        ("'2026-03-01T23:30:00Z' | weekday('Asia/Tokyo')", json!(1)),
    ]);
    expect_codes(&[
        ("'soon' | unix", "EXPR_ARGUMENT"),
        ("now() | format_date('%Q')", "EXPR_ARGUMENT"),
        ("now() | format_date('%H', 'Mars/Base')", "EXPR_ARGUMENT"),
        ("'31/02/2026' | parse_date('%d/%m/%Y')", "EXPR_ARGUMENT"),
        ("now() | add(1, 'fortnight')", "EXPR_ARGUMENT"),
        ("now() | add(9223372036854775807, 'hours')", "EXPR_OVERFLOW"),
        ("now() | add(9223372036854775807, 'years')", "EXPR_OVERFLOW"),
        ("5 | unix", "EXPR_TYPE"),
    ]);
}

#[test]
fn durations_are_added_and_measured() {
    expect(&[
        ("now() | add(90, 'minutes')", json!("2026-03-01T11:00:15Z")),
        ("now() | add(-1, 'day')", json!("2026-02-28T09:30:15Z")),
        ("'2026-01-31T00:00:00Z' | add(1, 'month')", json!("2026-02-28T00:00:00Z")),
        ("'2024-02-29T00:00:00Z' | add(1, 'year')", json!("2025-02-28T00:00:00Z")),
        ("now() | add(2, 'weeks')", json!("2026-03-15T09:30:15Z")),
        ("diff('2026-03-02T00:00:00Z', '2026-03-01T00:00:00Z', 'hours')", json!(24)),
        ("diff('2026-03-01T00:30:00Z', '2026-03-01T00:00:00Z', 'hours')", json!(0.5)),
        ("diff('2026-03-01', '2026-01-31', 'months')", json!(1)),
        ("diff('2025-03-02', '2026-03-01', 'years')", json!(0)),
        ("diff('2026-01-01', '2026-03-01', 'months')", json!(-2)),
    ]);
}

#[test]
fn units_begin_and_end_in_their_zone() {
    expect(&[
        ("now() | start_of('day')", json!("2026-03-01T00:00:00Z")),
        ("now() | start_of('week')", json!("2026-02-23T00:00:00Z")),
        ("now() | start_of('month', 'America/New_York')", json!("2026-03-01T05:00:00Z")),
        ("now() | start_of('year')", json!("2026-01-01T00:00:00Z")),
        ("now() | start_of('hour')", json!("2026-03-01T09:00:00Z")),
        ("now() | end_of('month')", json!("2026-03-31T23:59:59.999Z")),
        ("now() | end_of('day', 'Asia/Tokyo')", json!("2026-03-01T14:59:59.999Z")),
    ]);
}

#[test]
fn days_keep_the_local_time_where_clocks_change() {
    expect(&[
        // 2:30 on 8 March does not exist in New York: the first moment after the gap.
        ("'2026-03-07T07:30:00Z' | add(1, 'day', 'America/New_York')", json!("2026-03-08T07:00:00Z")),
        ("'2026-03-07T07:30:00Z' | add(2, 'day', 'America/New_York')", json!("2026-03-09T06:30:00Z")),
        ("'2026-03-07T07:30:00Z' | add(24, 'hours', 'America/New_York')", json!("2026-03-08T07:30:00Z")),
        // 1:30 on 1 November exists twice: the first one.
        ("'2026-10-31T05:30:00Z' | add(1, 'day', 'America/New_York')", json!("2026-11-01T05:30:00Z")),
        // No midnight on 4 November 2018 in São Paulo, and no 30 December 2011 in Apia.
        ("'2018-11-04T15:00:00Z' | start_of('day', 'America/Sao_Paulo')", json!("2018-11-04T03:00:00Z")),
        ("'2011-12-29T20:00:00Z' | add(1, 'day', 'Pacific/Apia')", json!("2011-12-30T10:00:00Z")),
    ]);
}
