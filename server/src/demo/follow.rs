//! Follows a job through its event stream, and reconnects when the stream is interrupted.

use std::time::Duration;

use atelier_client::{ApiClient, ApiClientError, ServerEvent};
use serde_json::Value;

/// The number of consecutive connections without an event after which it gives up.
const MAX_EMPTY_CONNECTIONS: u32 = 60;
const RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// An update of a job.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum JobUpdate {
    /// A stage begins. Each stage is reported once, in order.
    Stage(Progress),
    /// Progress within a stage.
    Progressed(Progress),
    /// The job is not running.
    Waiting { state: String },
    /// A log line.
    Log { message: String },
    /// The stream was interrupted and is opened again.
    Disconnected { reason: String },
}

/// The progress of a job.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) percent: u8,
    pub(crate) stage: String,
    pub(crate) message: String,
}

/// A parsed event of the stream.
#[derive(Debug, PartialEq, Eq)]
enum StreamItem {
    Update(JobUpdate),
    Ended,
    Nothing,
}

/// Follows the job at this path until it ends, and returns it as the API represents it. An
/// interrupted stream is resumed after the last received event.
pub(crate) async fn follow(
    client: &ApiClient,
    job_path: &str,
    mut show: impl FnMut(&JobUpdate),
) -> Result<Value, ApiClientError> {
    let mut last_event_id: Option<String> = None;
    let mut empty_connections = 0;
    loop {
        let before = last_event_id.clone();
        let disconnected = match watch(client, job_path, &mut last_event_id, &mut show).await {
            Ok(()) => None,
            Err(error) if error.is_transient() => Some(error),
            Err(error) => return Err(error),
        };
        match client.get(job_path).await {
            Ok(answer) if has_ended(&answer.body) => return Ok(job_of(answer.body)),
            Ok(_) => {}
            Err(error) if error.is_transient() && empty_connections < MAX_EMPTY_CONNECTIONS => {}
            Err(error) => return Err(error),
        }
        empty_connections = if last_event_id == before { empty_connections + 1 } else { 0 };
        if empty_connections >= MAX_EMPTY_CONNECTIONS {
            return Err(disconnected.unwrap_or(ApiClientError::Timeout));
        }
        if let Some(error) = disconnected {
            show(&JobUpdate::Disconnected { reason: error.to_string() });
        }
        tokio::time::sleep(RECONNECT_DELAY).await;
    }
}

/// Reads one connection until the job ends or the server closes the stream.
async fn watch(
    client: &ApiClient,
    job_path: &str,
    last_event_id: &mut Option<String>,
    show: &mut impl FnMut(&JobUpdate),
) -> Result<(), ApiClientError> {
    let mut stream = client.events(&format!("{job_path}/events"), last_event_id.as_deref()).await?;
    while let Some(event) = stream.next().await? {
        if event.id.is_some() {
            last_event_id.clone_from(&event.id);
        }
        match read(&event) {
            StreamItem::Update(update) => show(&update),
            StreamItem::Ended => return Ok(()),
            StreamItem::Nothing => {}
        }
    }
    Ok(())
}

fn read(event: &ServerEvent) -> StreamItem {
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    match event.event.as_str() {
        "end" => StreamItem::Ended,
        "progress" => {
            progress(&data).map_or(StreamItem::Nothing, |stage| StreamItem::Update(JobUpdate::Stage(stage)))
        }
        "log" => StreamItem::Update(JobUpdate::Log { message: text(&data, "message") }),
        "status" if has_ended(&data) => StreamItem::Ended,
        "status" => StreamItem::Update(status(&job_of(data))),
        _ => StreamItem::Nothing,
    }
}

fn status(job: &Value) -> JobUpdate {
    let state = state(job);
    if let Some(progress) = job.get("progress").filter(|_| state == "running").and_then(progress) {
        return JobUpdate::Progressed(progress);
    }
    let reason = job
        .pointer("/error/message")
        .and_then(Value::as_str)
        .filter(|_| ["retrying", "scheduled"].contains(&state));
    let state = reason.map_or_else(|| state.to_owned(), |reason| format!("{state}: {reason}"));
    JobUpdate::Waiting { state }
}

fn progress(data: &Value) -> Option<Progress> {
    let percent = data.get("percent")?.as_u64()?.min(100);
    let percent = u8::try_from(percent).unwrap_or(100);
    Some(Progress { percent, stage: text(data, "stage"), message: text(data, "message") })
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The job in a response, which may be in the field `job`.
pub(crate) fn job_of(mut body: Value) -> Value {
    match body.get_mut("job") {
        Some(job) if job.is_object() => job.take(),
        _ => body,
    }
}

/// The state of a job in the API.
pub(crate) fn state(job: &Value) -> &str {
    let of = |key: &str| job.get(key).and_then(Value::as_str);
    of("status").or_else(|| of("state")).unwrap_or("unknown")
}

fn has_ended(body: &Value) -> bool {
    let job = body.get("job").unwrap_or(body);
    matches!(state(job), "succeeded" | "failed" | "cancelled" | "discarded")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: &str) -> ServerEvent {
        ServerEvent { id: None, event: name.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn parses_the_events_of_the_stream() {
        let writing = Progress { percent: 40, stage: "writing".into(), message: "app.js".into() };
        let writing = JobUpdate::Stage(writing);
        for (name, data, expected) in [
            (
                "progress",
                r#"{"percent":40,"stage":"writing","message":"app.js"}"#,
                StreamItem::Update(writing),
            ),
            ("log", r#"{"message":"hello"}"#, StreamItem::Update(JobUpdate::Log { message: "hello".into() })),
            (
                "status",
                r#"{"status":"available"}"#,
                StreamItem::Update(JobUpdate::Waiting { state: "available".into() }),
            ),
            (
                "status",
                r#"{"status":"retrying","error":{"message":"too busy"}}"#,
                StreamItem::Update(JobUpdate::Waiting { state: "retrying: too busy".into() }),
            ),
            ("status", r#"{"status":"failed"}"#, StreamItem::Ended),
            ("end", "{}", StreamItem::Ended),
            ("progress", "no JSON", StreamItem::Nothing),
            ("novelty", "{}", StreamItem::Nothing),
        ] {
            assert_eq!(read(&event(name, data)), expected, "{name} {data}");
        }
    }

    #[test]
    fn a_running_job_shows_its_progress() {
        let data = r#"{"status":"running","progress":{"percent":7,"stage":"preparing","message":""}}"#;

        let meaning = read(&event("status", data));

        let expected = Progress { percent: 7, stage: "preparing".into(), message: String::new() };
        assert_eq!(meaning, StreamItem::Update(JobUpdate::Progressed(expected)));
    }
}
