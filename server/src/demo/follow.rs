//! Following a job by its event stream, over as many connections as it takes.

use std::time::Duration;

use atelier_client::{ApiClient, ApiClientError, ServerEvent};
use serde_json::Value;

/// Connections in a row that may end without a single event.
const MAX_FRUITLESS: u32 = 60;
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// Something seen of a job.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sighting {
    /// A stage begins. Each comes once, in its order.
    Stage(Progress),
    /// How far it is within a stage.
    Moved(Progress),
    /// It does not run at the moment.
    Waiting { state: String },
    /// A line of its log.
    Log { message: String },
    /// The stream broke and is opened again.
    Dropped { reason: String },
}

/// How far a job is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) percent: u8,
    pub(crate) stage: String,
    pub(crate) message: String,
}

/// What an event of the stream means.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Seen(Sighting),
    Ended,
    Nothing,
}

/// Follows the job at this path until it ended and answers it as the API shows it.
/// A broken stream is resumed after the last event seen.
pub(crate) async fn follow(
    client: &ApiClient,
    job_path: &str,
    mut show: impl FnMut(&Sighting),
) -> Result<Value, ApiClientError> {
    let mut last_event_id: Option<String> = None;
    let mut fruitless = 0;
    loop {
        let before = last_event_id.clone();
        let dropped = match watch(client, job_path, &mut last_event_id, &mut show).await {
            Ok(()) => None,
            Err(error) if error.is_transient() => Some(error),
            Err(error) => return Err(error),
        };
        match client.get(job_path).await {
            Ok(answer) if has_ended(&answer.body) => return Ok(job_of(answer.body)),
            Ok(_) => {}
            Err(error) if error.is_transient() && fruitless < MAX_FRUITLESS => {}
            Err(error) => return Err(error),
        }
        fruitless = if last_event_id == before { fruitless + 1 } else { 0 };
        if fruitless >= MAX_FRUITLESS {
            return Err(dropped.unwrap_or(ApiClientError::Timeout));
        }
        if let Some(error) = dropped {
            show(&Sighting::Dropped { reason: error.to_string() });
        }
        tokio::time::sleep(RECONNECT_AFTER).await;
    }
}

/// One connection: until the job ended or the server closed the stream.
async fn watch(
    client: &ApiClient,
    job_path: &str,
    last_event_id: &mut Option<String>,
    show: &mut impl FnMut(&Sighting),
) -> Result<(), ApiClientError> {
    let mut stream = client.events(&format!("{job_path}/events"), last_event_id.as_deref()).await?;
    while let Some(event) = stream.next().await? {
        if event.id.is_some() {
            last_event_id.clone_from(&event.id);
        }
        match read(&event) {
            Meaning::Seen(sighting) => show(&sighting),
            Meaning::Ended => return Ok(()),
            Meaning::Nothing => {}
        }
    }
    Ok(())
}

fn read(event: &ServerEvent) -> Meaning {
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    match event.event.as_str() {
        "end" => Meaning::Ended,
        "progress" => progress(&data).map_or(Meaning::Nothing, |stage| Meaning::Seen(Sighting::Stage(stage))),
        "log" => Meaning::Seen(Sighting::Log { message: text(&data, "message") }),
        "status" if has_ended(&data) => Meaning::Ended,
        "status" => Meaning::Seen(status(&job_of(data))),
        _ => Meaning::Nothing,
    }
}

fn status(job: &Value) -> Sighting {
    let state = state(job);
    if let Some(progress) = job.get("progress").filter(|_| state == "running").and_then(progress) {
        return Sighting::Moved(progress);
    }
    let reason = job
        .pointer("/error/message")
        .and_then(Value::as_str)
        .filter(|_| ["retrying", "scheduled"].contains(&state));
    let state = reason.map_or_else(|| state.to_owned(), |reason| format!("{state}: {reason}"));
    Sighting::Waiting { state }
}

fn progress(data: &Value) -> Option<Progress> {
    let percent = data.get("percent")?.as_u64()?.min(100);
    let percent = u8::try_from(percent).unwrap_or(100);
    Some(Progress { percent, stage: text(data, "stage"), message: text(data, "message") })
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The job of an answer, which may stand under `job`.
pub(crate) fn job_of(mut body: Value) -> Value {
    match body.get_mut("job") {
        Some(job) if job.is_object() => job.take(),
        _ => body,
    }
}

/// The state of a job as the API names it.
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
    fn reads_what_the_stream_tells() {
        let writing = Progress { percent: 40, stage: "writing".into(), message: "app.js".into() };
        let writing = Sighting::Stage(writing);
        for (name, data, expected) in [
            ("progress", r#"{"percent":40,"stage":"writing","message":"app.js"}"#, Meaning::Seen(writing)),
            ("log", r#"{"message":"hello"}"#, Meaning::Seen(Sighting::Log { message: "hello".into() })),
            (
                "status",
                r#"{"status":"available"}"#,
                Meaning::Seen(Sighting::Waiting { state: "available".into() }),
            ),
            (
                "status",
                r#"{"status":"retrying","error":{"message":"too busy"}}"#,
                Meaning::Seen(Sighting::Waiting { state: "retrying: too busy".into() }),
            ),
            ("status", r#"{"status":"failed"}"#, Meaning::Ended),
            ("end", "{}", Meaning::Ended),
            ("progress", "no JSON", Meaning::Nothing),
            ("novelty", "{}", Meaning::Nothing),
        ] {
            assert_eq!(read(&event(name, data)), expected, "{name} {data}");
        }
    }

    #[test]
    fn a_running_job_shows_its_progress() {
        let data = r#"{"status":"running","progress":{"percent":7,"stage":"preparing","message":""}}"#;

        let meaning = read(&event("status", data));

        let expected = Progress { percent: 7, stage: "preparing".into(), message: String::new() };
        assert_eq!(meaning, Meaning::Seen(Sighting::Moved(expected)));
    }
}
