//! The exchange with a server of a protocol that is written here: one request, and the
//! frames of its response.

use std::time::Duration;

use chrono::Utc;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::exchange::{accepted, broken, request_id};
use super::faults::classify_streamed;
use super::frames::{END_MARK, Frame, Frames};
use super::timers::{Stage, Timers, in_total};
use super::{
    Allowance, Completion, LlmError, Message, Role, StreamEvent, StreamSink, Usage, server::ServerOptions,
};
use crate::http::trusted_client;

/// Assembles the events of a protocol.
pub(super) trait Assembly: Send {
    /// How far the completion is.
    fn stage(&self) -> Stage;

    /// Whether nothing more is expected.
    fn is_over(&self) -> bool;

    /// The tokens so far.
    fn usage(&self) -> Option<Usage>;

    /// Adds an event and returns its text; empty if it has none.
    fn take(&mut self, event: &Value) -> String;

    /// The completion, where nothing more comes.
    fn finish(self) -> Result<Completion, LlmError>;
}

/// A request.
pub(super) struct Call {
    /// Where it goes.
    pub(super) url: String,
    /// Its headers, the key among them.
    pub(super) headers: HeaderMap,
    /// Its body.
    pub(super) body: Value,
}

/// The connection to one server.
#[derive(Debug)]
pub(super) struct Native {
    client: reqwest::Client,
    /// The server.
    pub(super) options: ServerOptions,
    /// How long the connection is read after the end of the text.
    linger: Duration,
}

impl Native {
    /// Prepares the client without a connection.
    pub(super) fn new(options: ServerOptions, linger: Duration) -> Result<Self, LlmError> {
        let client = trusted_client(options.connect_timeout)
            .map_err(|error| LlmError::BadRequest { message: error.to_string() })?;
        Ok(Self { client, options, linger })
    }

    /// Sends the request and assembles its response, within the time limits.
    pub(super) async fn complete(
        &self,
        call: Call,
        assembly: impl Assembly,
        sink: StreamSink<'_>,
    ) -> Result<Completion, LlmError> {
        in_total(&self.options, self.exchange(call, assembly, sink)).await
    }

    async fn exchange(
        &self,
        call: Call,
        mut assembly: impl Assembly,
        sink: StreamSink<'_>,
    ) -> Result<Completion, LlmError> {
        let timers = Timers::start(&self.options, self.linger);
        let response = timers.first(self.send(call)).await?;
        if let Some(request_id) = request_id(response.headers()) {
            sink(StreamEvent::Accepted { request_id });
        }
        if let Some(allowance) = Allowance::in_headers(response.headers(), Utc::now()) {
            sink(StreamEvent::Allowed(allowance));
        }
        let mut frames = Frames::new(response);
        let mut counted = None;
        while let Some(frame) = timers.next(assembly.stage(), frames.next()).await? {
            let Some(event) = self.event(frame)? else { continue };
            let text = assembly.take(&event);
            if !text.is_empty() {
                sink(StreamEvent::Delta { text });
            }
            if assembly.usage() != counted {
                counted = assembly.usage();
                sink(StreamEvent::Counted(counted.unwrap_or_default()));
            }
            if assembly.is_over() {
                break;
            }
        }
        assembly.finish()
    }

    async fn send(&self, call: Call) -> Result<reqwest::Response, LlmError> {
        let request = self
            .client
            .post(call.url)
            .headers(call.headers)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(call.body.to_string());
        let response = request.send().await.map_err(|error| broken(&error))?;
        accepted(response, &self.options.api_key).await
    }

    /// The JSON of a frame; none if the frame is only a sign of life.
    fn event(&self, frame: Frame) -> Result<Option<Value>, LlmError> {
        let Frame::Event { name, data } = frame else { return Ok(None) };
        let data = data.trim();
        if data.is_empty() || data == END_MARK || data == "null" || data.starts_with(':') {
            return Ok(None);
        }
        let value: Value = serde_json::from_str(data)
            .map_err(|_| LlmError::Transient { message: "an event of the completion is not JSON".into() })?;
        let error = error_of(&value).or_else(|| (name == "error").then_some(&value));
        match error {
            Some(error) => Err(classify_streamed(error, self.options.api_key.expose_secret())),
            None => Ok(Some(value)),
        }
    }
}

/// The error object of an event, which may be in a list. Some servers send `false` or nothing
/// instead of none.
pub(super) fn error_of(event: &Value) -> Option<&Value> {
    let event = event.get(0).unwrap_or(event);
    event.get("error").filter(|error| match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    })
}

/// The turns of a conversation: the instructions, then the other messages, where messages of
/// one author in a row are one turn.
pub(super) fn turns(messages: &[Message]) -> (String, Vec<Message>) {
    let mut instructions = String::new();
    let mut turns: Vec<Message> = Vec::new();
    for message in messages {
        let joins = |text: &mut String| {
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            text.push_str(&message.content);
        };
        match (message.role, turns.last_mut()) {
            (Role::System, _) => joins(&mut instructions),
            (role, Some(last)) if last.role == role => joins(&mut last.content),
            _ => turns.push(message.clone()),
        }
    }
    (instructions, turns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_alternating_turns() {
        let of = |role, content: &str| Message { role, content: content.into() };
        let messages = [
            of(Role::System, "one"),
            of(Role::User, "a"),
            of(Role::User, "b"),
            of(Role::Assistant, "c"),
            of(Role::System, "two"),
            of(Role::User, "d"),
        ];
        let (instructions, turns) = turns(&messages);
        assert_eq!(instructions, "one\n\ntwo");
        assert_eq!(turns, [of(Role::User, "a\n\nb"), of(Role::Assistant, "c"), of(Role::User, "d")]);
    }

    #[test]
    fn an_error_that_says_there_is_none_is_none() {
        for text in [r#"{}"#, r#"{"error":null}"#, r#"{"error":false}"#, r#"{"error":""}"#, r#"{"error":{}}"#]
        {
            let event: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(error_of(&event), None, "{text}");
        }
        let event = serde_json::json!({"error": "broken"});
        assert_eq!(error_of(&event), Some(&Value::from("broken")));
    }
}
