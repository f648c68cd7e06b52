//! The output of operators' commands, and how they parse and format values.

use std::time::Duration;

use atelier_entities::Timestamp;
use atelier_foundation::{Actor, Client};
use atelier_queue::QueueName;
use chrono::SecondsFormat;
use serde_json::Value;

/// The output of a command.
#[derive(Debug, Default)]
pub(crate) struct CommandOutput {
    /// For standard output.
    pub(crate) text: String,
    /// What failed; with any, the exit code is 1.
    pub(crate) failures: Vec<String>,
}

impl CommandOutput {
    /// The output of a command without failures.
    pub(crate) fn of(text: impl Into<String>) -> Self {
        Self { text: text.into(), failures: Vec::new() }
    }
}

/// The actor of the commands, as audit entries name it.
pub(crate) fn operator() -> Actor {
    let client = Client { user_agent: Some("atelier command line".to_owned()), ..Client::default() };
    Actor::platform().with_client(client)
}

/// Indented JSON.
pub(crate) fn pretty_json(value: &Value) -> String {
    format!("{value:#}")
}

/// Parses the name of a queue.
pub(crate) fn queue_name(text: &str) -> Result<QueueName, String> {
    QueueName::parse(text).ok_or_else(|| {
        let names: Vec<_> = QueueName::ALL.iter().map(|name| name.as_str()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// Parses `30s`, `15m`, `2h` or `7d`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
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

/// Formats a time to the second.
pub(crate) fn format_time(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Formats how long ago a time was.
pub(crate) fn age(now: Timestamp, at: Timestamp) -> String {
    format_duration((now - at).to_std().unwrap_or_default())
}

/// Formats a duration in its largest whole unit: `12s`, `5m`, `3h`, `2d`.
pub(crate) fn format_duration(time: Duration) -> String {
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
    fn parses_and_formats_durations() {
        for (text, secs, written) in [
            ("30s", 30, "30s"),
            ("15m", 900, "15m"),
            ("2h", 7_200, "2h"),
            ("7d", 604_800, "7d"),
            ("0s", 0, "0s"),
        ] {
            let read = parse_duration(text).expect(text);
            assert_eq!((read.as_secs(), format_duration(read).as_str()), (secs, written));
        }
        for text in ["", "h", "2", "2w", "-1s", "1.5h", "2é", "99999999d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_unknown_queue_is_rejected_with_the_known_names() {
        assert_eq!(queue_name("email"), Ok(QueueName::Email));
        assert!(queue_name("lunch").expect_err("no queue").contains("generation"));
    }
}
