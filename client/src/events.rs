//! Event streams (server-sent events).

use std::{collections::VecDeque, time::Duration};

use atelier_providers::http::OutboundStream;
use tokio::time::timeout;

use crate::error::ApiClientError;

/// The API writes a comment every 15 seconds: a stream that is silent for longer is dead.
pub(crate) const SILENCE: Duration = Duration::from_secs(45);
/// Largest event that is accepted, in bytes.
const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerEvent {
    /// The id to resume after; none where the stream has sent none so far.
    pub id: Option<String>,
    /// Its type; `message` where the stream names none.
    pub event: String,
    /// Its data, lines joined.
    pub data: String,
}

/// The events of one connection.
#[derive(Debug)]
pub struct EventStream {
    response: OutboundStream,
    parser: EventParser,
    ready: VecDeque<ServerEvent>,
}

impl EventStream {
    pub(crate) fn new(response: OutboundStream) -> Self {
        Self { response, parser: EventParser::default(), ready: VecDeque::new() }
    }

    /// The next event; `None` where the server closed the stream. The stream ends after
    /// an error too.
    pub async fn next(&mut self) -> Result<Option<ServerEvent>, ApiClientError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let chunk =
                timeout(SILENCE, self.response.chunk()).await.map_err(|_| ApiClientError::Timeout)??;
            let Some(chunk) = chunk else { return Ok(None) };
            self.ready.extend(self.parser.push(&chunk)?);
        }
    }
}

/// Parses events from chunks that may end anywhere.
#[derive(Debug, Default)]
struct EventParser {
    line: Vec<u8>,
    last_was_cr: bool,
    id: Option<String>,
    event: String,
    data: String,
    has_data: bool,
}

impl EventParser {
    fn push(&mut self, bytes: &[u8]) -> Result<Vec<ServerEvent>, ApiClientError> {
        let mut events = Vec::new();
        for &byte in bytes {
            let follows_cr = std::mem::replace(&mut self.last_was_cr, byte == b'\r');
            match byte {
                b'\n' if follows_cr => {}
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.line);
                    events.extend(self.end_line(&String::from_utf8_lossy(&line)));
                }
                _ => self.line.push(byte),
            }
            if self.line.len() + self.data.len() > MAX_EVENT_BYTES {
                return Err(ApiClientError::Malformed(format!("an event over {MAX_EVENT_BYTES} bytes")));
            }
        }
        Ok(events)
    }

    fn end_line(&mut self, line: &str) -> Option<ServerEvent> {
        if line.is_empty() {
            return self.end_event();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.data.push_str(value);
                self.has_data = true;
            }
            "event" => value.clone_into(&mut self.event),
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            _ => {}
        }
        None
    }

    fn end_event(&mut self) -> Option<ServerEvent> {
        let event = std::mem::take(&mut self.event);
        let data = std::mem::take(&mut self.data);
        if !std::mem::take(&mut self.has_data) {
            return None;
        }
        let event = if event.is_empty() { "message".to_owned() } else { event };
        Some(ServerEvent { id: self.id.clone(), event, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\nretry: 2000\n\nid: 3-1\nevent: progress\ndata: {\"percent\":5}\n\n\
                          id: 4-1\r\ndata: one\r\ndata: two\r\n\r\nevent: lost\n\ndata: é\n\ndata: cut";

    fn event(id: &str, event: &str, data: &str) -> ServerEvent {
        ServerEvent { id: Some(id.to_owned()), event: event.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn reads_events_however_they_are_cut() {
        let expected = [
            event("3-1", "progress", "{\"percent\":5}"),
            event("4-1", "message", "one\ntwo"),
            event("4-1", "message", "é"),
        ];
        for size in 1..STREAM.len() {
            let mut parser = EventParser::default();
            let mut events = Vec::new();
            for chunk in STREAM.as_bytes().chunks(size) {
                events.extend(parser.push(chunk).expect("a small stream"));
            }
            assert_eq!(events, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn refuses_an_event_without_an_end() {
        let mut parser = EventParser::default();

        let refused = parser.push(&vec![b'x'; MAX_EVENT_BYTES + 1]);

        assert!(matches!(refused, Err(ApiClientError::Malformed(_))), "{refused:?}");
    }
}
