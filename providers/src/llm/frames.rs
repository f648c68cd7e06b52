//! The frames of a response: server-sent events, or JSON documents of servers that do not
//! stream. The form is found by looking at the body, since content types are often wrong.

use std::collections::VecDeque;

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use reqwest::Response;
use serde_json::Value;

use super::{LlmError, exchange::broken};

/// Most bytes of one event.
const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;
/// Most bytes of a body that is one document.
const MAX_DOCUMENT_BYTES: usize = 32 * 1024 * 1024;
/// The data that ends the streams of OpenAI's protocol. A document has it too, at its end.
pub(super) const END_MARK: &str = "[DONE]";

/// A part of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// An event.
    Event {
        /// Its name; empty for an event without one.
        name: String,
        /// Its data.
        data: String,
    },
    /// A comment: the server works.
    Comment,
}

/// Splits bytes into events. Accepts each kind of line end, and events that no empty line
/// separates.
#[derive(Debug, Default)]
struct Decoder {
    line: Vec<u8>,
    name: String,
    data: Option<String>,
    is_after_cr: bool,
}

impl Decoder {
    fn push(&mut self, bytes: &[u8], ready: &mut VecDeque<Frame>) -> Result<(), LlmError> {
        for &byte in bytes {
            let follows_cr = std::mem::replace(&mut self.is_after_cr, byte == b'\r');
            match byte {
                b'\n' if follows_cr => {}
                b'\n' | b'\r' => self.end_line(ready),
                _ => self.line.push(byte),
            }
        }
        if self.line.len() + self.data.as_ref().map_or(0, String::len) > MAX_EVENT_BYTES {
            return Err(LlmError::Transient { message: "an event of the stream is too large".into() });
        }
        Ok(())
    }

    /// What the body ends with, even without an empty line after it.
    fn finish(&mut self, ready: &mut VecDeque<Frame>) {
        if !self.line.is_empty() {
            self.end_line(ready);
        }
        self.end_event(ready);
    }

    fn end_line(&mut self, ready: &mut VecDeque<Frame>) {
        let bytes = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        let line = text.trim_start_matches('\u{feff}');
        if line.is_empty() {
            self.end_event(ready);
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => ready.push_back(Frame::Comment),
            "data" => self.add_data(value, ready),
            "event" => value.clone_into(&mut self.name),
            _ => {}
        }
    }

    fn add_data(&mut self, value: &str, ready: &mut VecDeque<Frame>) {
        let is_complete = |data: &String| serde_json::from_str::<serde::de::IgnoredAny>(data).is_ok();
        if self.data.as_ref().is_some_and(is_complete) {
            self.end_event(ready);
        }
        match &mut self.data {
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
            None => self.data = Some(value.to_owned()),
        }
    }

    fn end_event(&mut self, ready: &mut VecDeque<Frame>) {
        let name = std::mem::take(&mut self.name);
        if let Some(data) = self.data.take() {
            ready.push_back(Frame::Event { name, data });
        }
    }
}

#[derive(Debug)]
enum Form {
    /// Only white space so far.
    Unknown,
    Events,
    Documents(Vec<u8>),
}

/// Reads the frames of a response.
pub(super) struct Frames {
    body: BoxStream<'static, Result<Bytes, reqwest::Error>>,
    form: Form,
    decoder: Decoder,
    ready: VecDeque<Frame>,
    is_over: bool,
}

impl Frames {
    /// Reads this response.
    pub(super) fn new(response: Response) -> Self {
        Self {
            body: response.bytes_stream().boxed(),
            form: Form::Unknown,
            decoder: Decoder::default(),
            ready: VecDeque::new(),
            is_over: false,
        }
    }

    /// The next frame; none at the end of the body.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, LlmError> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(Some(frame));
            }
            if self.is_over {
                return Ok(None);
            }
            match self.body.next().await {
                Some(Ok(bytes)) => self.take(&bytes)?,
                Some(Err(error)) => return Err(broken(&error)),
                None => self.finish()?,
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), LlmError> {
        if matches!(self.form, Form::Unknown) {
            let is_blank = |byte: &u8| byte.is_ascii_whitespace() || [0xef, 0xbb, 0xbf].contains(byte);
            match bytes.iter().find(|byte| !is_blank(byte)) {
                None => return Ok(()),
                Some(b'{' | b'[') => self.form = Form::Documents(Vec::new()),
                Some(b'<' | 0x1f) => {
                    return Err(LlmError::Transient {
                        message: "the response is not of the protocol".into(),
                    });
                }
                Some(_) => self.form = Form::Events,
            }
        }
        let Form::Documents(body) = &mut self.form else {
            return self.decoder.push(bytes, &mut self.ready);
        };
        if body.len() + bytes.len() > MAX_DOCUMENT_BYTES {
            return Err(LlmError::Transient { message: "the response is too large".into() });
        }
        body.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), LlmError> {
        self.is_over = true;
        let Form::Documents(body) = &self.form else {
            self.decoder.finish(&mut self.ready);
            return Ok(());
        };
        for document in serde_json::Deserializer::from_slice(trimmed(body)).into_iter::<Value>() {
            let Ok(document) = document else {
                return Err(LlmError::Transient { message: "the response is incomplete or not JSON".into() });
            };
            let elements = match document {
                Value::Array(elements) => elements,
                other => vec![other],
            };
            let events = elements.iter().map(|value| event(value.to_string()));
            self.ready.extend(events);
        }
        self.ready.push_back(event(END_MARK.to_owned()));
        Ok(())
    }
}

fn trimmed(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

fn event(data: String) -> Frame {
    Frame::Event { name: String::new(), data }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&[u8]]) -> Vec<Frame> {
        let (mut decoder, mut ready) = (Decoder::default(), VecDeque::new());
        for piece in pieces {
            decoder.push(piece, &mut ready).expect("small events");
        }
        decoder.finish(&mut ready);
        ready.into()
    }

    fn data(frames: &[Frame]) -> Vec<&str> {
        let events = frames.iter().filter_map(|frame| match frame {
            Frame::Event { data, .. } => Some(data.as_str()),
            Frame::Comment => None,
        });
        events.collect()
    }

    #[test]
    fn reads_events_with_each_kind_of_line_end_and_in_any_pieces() {
        let text = "\u{feff}: hi\r\nevent: a\r\ndata: {\"x\":\r\ndata: \"é\"}\r\n\r\ndata:[DONE]\n\nid: 7\rdata: z\r\r";
        let whole = decode(&[text.as_bytes()]);
        let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(decode(&single), whole);
        assert_eq!(whole[0], Frame::Comment);
        assert_eq!(whole[1], Frame::Event { name: "a".into(), data: "{\"x\":\n\"é\"}".into() });
        assert_eq!(data(&whole)[1..], ["[DONE]", "z"]);
    }

    #[test]
    fn separates_events_without_empty_lines_and_keeps_the_last_one() {
        let frames = decode(&[b"data: {\"a\":1}\ndata: {\"a\":2}\ndata: [DONE]"]);
        assert_eq!(data(&frames), ["{\"a\":1}", "{\"a\":2}", "[DONE]"]);
        assert_eq!(data(&decode(&[b"data\n\ndata:\n\n"])), ["", ""], "empty data is an event");
    }

    #[test]
    fn an_event_has_a_maximum_size() {
        let (mut decoder, mut ready) = (Decoder::default(), VecDeque::new());
        let piece = [b'x'; 64 * 1024];
        let pushed = (0..100).map(|_| decoder.push(&piece, &mut ready)).find(Result::is_err);
        assert!(matches!(pushed, Some(Err(LlmError::Transient { .. }))), "{pushed:?}");
    }
}
