//! How long a server asks to wait, in all the forms that servers use.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

/// Longest accepted wait.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// The wait that the headers ask for: `retry-after-ms` or `Retry-After`.
pub(super) fn in_headers(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let named = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let millis = named("retry-after-ms").and_then(|text| text.trim().parse::<f64>().ok());
    let precise = millis.and_then(|millis| Duration::try_from_secs_f64(millis / 1000.0).ok());
    precise.map(|wait| wait.min(MAX_WAIT)).or_else(|| parse_retry_after(named(RETRY_AFTER.as_str())?, now))
}

/// The value of a Retry-After header: seconds or a date, at most an hour.
pub(super) fn parse_retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let wait = match text.trim().parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        Err(_) => {
            let until = DateTime::parse_from_rfc2822(text.trim()).ok()?;
            (until.with_timezone(&Utc) - now).to_std().unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(MAX_WAIT))
}

/// The wait that an error object asks for: Google's `retryDelay`, or a sentence of its message.
pub(super) fn in_error(error: &Value, message: &str) -> Option<Duration> {
    let details = error.get("details").and_then(Value::as_array).into_iter().flatten();
    let mut delays = details.filter_map(|detail| detail.get("retryDelay")?.as_str());
    delays.find_map(parse_span).or_else(|| in_sentence(message)).map(|wait| wait.min(MAX_WAIT))
}

/// The wait in a sentence such as "Please try again in 6m0.5s".
fn in_sentence(message: &str) -> Option<Duration> {
    let text = message.to_lowercase();
    let rest = ["try again in ", "retry in ", "retry after ", "resets in "]
        .iter()
        .find_map(|phrase| text.split_once(phrase))
        .map(|(_, rest)| rest)?;
    let is_span = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    let span: String = rest.split_whitespace().take_while(is_span).collect();
    let with_unit = rest.split_whitespace().take(2).collect::<String>();
    parse_span(span.trim_end_matches(['.', ',', ';'])).or_else(|| parse_span(with_unit.trim_end_matches('.')))
}

/// A span such as `26s`, `0.5s`, `94ms`, `6m0s` or `6hr29min`.
pub(super) fn parse_span(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, after) = tail.split_at(unit_end);
        let seconds = match unit {
            "ms" => 0.001,
            "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
            _ => return None,
        };
        total += Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        rest = after;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_both_forms_of_retry_after() {
        let now = DateTime::parse_from_rfc3339("2026-01-01T00:00:00Z").expect("a date").with_timezone(&Utc);
        let table = [
            ("20", Some(20_000)),
            ("1.5", Some(1500)),
            ("Thu, 01 Jan 2026 00:00:30 GMT", Some(30_000)),
            ("Wed, 31 Dec 2025 23:59:00 GMT", Some(0)),
            ("999999", Some(3_600_000)),
            ("-1", None),
            ("soon", None),
            ("NaN", None),
        ];
        for (text, expected) in table {
            let wait = parse_retry_after(text, now).map(|wait| wait.as_millis());
            assert_eq!(wait, expected, "{text}");
        }
    }

    #[test]
    fn milliseconds_are_preferred() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "9".parse().expect("a value"));
        assert_eq!(in_headers(&headers, Utc::now()), Some(Duration::from_secs(9)));
        headers.insert("retry-after-ms", "250".parse().expect("a value"));
        assert_eq!(in_headers(&headers, Utc::now()), Some(Duration::from_millis(250)));
    }

    #[test]
    fn reads_waits_in_bodies() {
        let table = [
            ("Please try again in 94ms.", Some(94)),
            ("Please retry in 30.6s.", Some(30_600)),
            ("Rate limit reached. Try again in 6m0s", Some(360_000)),
            ("it resets in 20min 30sec", Some(1_230_000)),
            ("try again in 5 seconds", Some(5000)),
            ("try again later", None),
            ("", None),
        ];
        for (message, expected) in table {
            let wait = in_error(&Value::Null, message).map(|wait| wait.as_millis());
            assert_eq!(wait, expected, "{message}");
        }
        let google =
            json!({"details": [{"@type": "type.googleapis.com/google.rpc.Help"}, {"retryDelay": "0.2s"}]});
        assert_eq!(in_error(&google, ""), Some(Duration::from_millis(200)));
    }
}
