//! The events, and how they are written.

use atelier_entities::{Timestamp, UserId};
use chrono::SecondsFormat;
use serde_json::{Value, json};
use uuid::Uuid;

/// The events that a person can subscribe to. `job` stands for every kind of job whose ends are events.
pub const EVENTS: [&str; 14] = [
    "credits.changed",
    "deployment.cancelled",
    "deployment.failed",
    "deployment.succeeded",
    "generation.cancelled",
    "generation.failed",
    "generation.succeeded",
    "job.cancelled",
    "job.failed",
    "job.succeeded",
    "run.cancelled",
    "run.failed",
    "run.succeeded",
    "run.timed_out",
];

/// What stands for every event.
pub const EVERY_EVENT: &str = "*";

/// The event of a test. Nobody subscribes to it.
pub const PING: &str = "webhook.ping";

/// Most bytes of the body of an event.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Something that happened to what a person owns.
#[derive(Clone, Debug)]
pub(crate) struct NewEvent {
    /// Whose event it is.
    pub(crate) owner: UserId,
    /// Its names, the most specific one first.
    pub(crate) names: Vec<String>,
    /// What happened.
    pub(crate) data: Value,
    /// What is told instead if that is too large.
    pub(crate) brief: Value,
}

impl NewEvent {
    /// The name by which somebody subscribed to it, if they did. Whoever gets every event is told the most
    /// specific name, once.
    pub(super) fn name_for(&self, events: &[String]) -> Option<&str> {
        let is_wanted = |name: &&String| events.iter().any(|event| event == EVERY_EVENT || event == *name);
        self.names.iter().find(is_wanted).map(String::as_str)
    }

    /// The body under that name.
    pub(super) fn body(&self, name: &str, at: Timestamp) -> String {
        let whole = body(name, at, &self.data);
        if whole.len() <= MAX_BODY_BYTES { whole } else { body(name, at, &self.brief) }
    }
}

/// The body of an event.
pub(super) fn body(name: &str, at: Timestamp, data: &Value) -> String {
    json!({"type": name, "timestamp": at.to_rfc3339_opts(SecondsFormat::Millis, true), "data": data})
        .to_string()
}

/// A new id of an event. It has no dot, since dots separate what is signed.
pub(super) fn new_event_id() -> String {
    format!("msg_{}", Uuid::now_v7().simple())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::platform_event;

    fn event(data: Value) -> NewEvent {
        let names = ["deployment.succeeded", "job.succeeded"].map(str::to_owned).to_vec();
        NewEvent { owner: UserId::new(), names, data, brief: json!({"job_id": 1}) }
    }

    #[test]
    fn an_event_is_told_once_by_its_most_specific_name() {
        let event = event(json!({}));
        for (events, expected) in [
            (&["*"][..], Some("deployment.succeeded")),
            (&["job.succeeded"], Some("job.succeeded")),
            (&["job.succeeded", "deployment.succeeded"], Some("deployment.succeeded")),
            (&["deployment.failed", "run.succeeded"], None),
            (&[], None),
        ] {
            let events: Vec<_> = events.iter().map(|event| (*event).to_owned()).collect();
            assert_eq!(event.name_for(&events), expected, "{events:?}");
        }
    }

    #[test]
    fn a_body_that_is_too_large_has_the_ids_alone() {
        let at = "2026-12-01T09:00:00Z".parse().expect("a moment");
        let small = event(json!({"url": "https://a.example"})).body("job.succeeded", at);
        let large = event(json!("x".repeat(MAX_BODY_BYTES))).body("job.succeeded", at);

        let read = |body: &str| serde_json::from_str::<Value>(body).expect("JSON");
        assert_eq!(
            read(&small),
            json!({"type": "job.succeeded", "timestamp": "2026-12-01T09:00:00.000Z", "data": {"url": "https://a.example"}})
        );
        assert_eq!(read(&large)["data"], json!({"job_id": 1}));
    }

    #[test]
    fn every_event_that_triggers_know_can_be_subscribed_to() {
        assert!(EVENTS.is_sorted());
        let missing: Vec<_> = platform_event::EVENTS.iter().filter(|event| !EVENTS.contains(event)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(!EVENTS.contains(&PING));
    }

    #[test]
    fn ids_of_events_have_no_dot_and_differ() {
        let (one, other) = (new_event_id(), new_event_id());

        assert!(one.starts_with("msg_") && !one.contains('.'), "{one}");
        assert_ne!(one, other);
    }
}
