//! What operators' commands answer, and how they read and write values.

use std::time::Duration;

use atelier_entities::Timestamp;
use atelier_foundation::{Actor, Client};
use atelier_queue::QueueName;
use chrono::SecondsFormat;
use serde_json::Value;

/// What a command has to say.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// For standard output.
    pub(crate) text: String,
    /// What it could not do; with any, the exit code is 1.
    pub(crate) faults: Vec<String>,
}

impl Answer {
    /// Everything was done.
    pub(crate) fn of(text: impl Into<String>) -> Self {
        Self { text: text.into(), faults: Vec::new() }
    }
}

/// The operator, as audit entries name them.
pub(crate) fn operator() -> Actor {
    let client = Client { user_agent: Some("atelier command line".to_owned()), ..Client::default() };
    Actor::platform().with_client(client)
}

/// JSON as scripts and people read it.
pub(crate) fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

/// A queue by its name.
pub(crate) fn queue_name(text: &str) -> Result<QueueName, String> {
    QueueName::parse(text).ok_or_else(|| {
        let names: Vec<_> = QueueName::ALL.iter().map(|name| name.as_str()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// `30s`, `15m`, `2h` or `7d`.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a time such as 30s, 15m, 2h or 7d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let secs = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let count: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let bounded = u64::from(count).checked_mul(secs).filter(|secs| *secs <= 3_650 * 86_400);
    bounded.map(Duration::from_secs).ok_or_else(wrong)
}

/// A time to the second.
pub(crate) fn moment(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// How long ago that was.
pub(crate) fn age(now: Timestamp, at: Timestamp) -> String {
    brief((now - at).to_std().unwrap_or_default())
}

/// A time in its largest whole unit: `12s`, `5m`, `3h`, `2d`.
pub(crate) fn brief(time: Duration) -> String {
    match time.as_secs() {
        secs if secs < 120 => format!("{secs}s"),
        secs if secs < 7_200 => format!("{}m", secs / 60),
        secs if secs < 172_800 => format!("{}h", secs / 3_600),
        secs => format!("{}d", secs / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_and_writes_them_briefly() {
        for (text, secs, written) in [
            ("30s", 30, "30s"),
            ("15m", 900, "15m"),
            ("2h", 7_200, "2h"),
            ("7d", 604_800, "7d"),
            ("0s", 0, "0s"),
        ] {
            let read = span(text).expect(text);
            assert_eq!((read.as_secs(), brief(read).as_str()), (secs, written));
        }
        for text in ["", "h", "2", "2w", "-1s", "1.5h", "2é", "99999999d"] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_unknown_queue_is_told_the_known_ones() {
        assert_eq!(queue_name("email"), Ok(QueueName::Email));
        assert!(queue_name("lunch").expect_err("no queue").contains("generation"));
    }
}
