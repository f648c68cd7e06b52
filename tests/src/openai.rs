//! A small server with OpenAI's chat completions, streamed or not, with scripted completions.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::{Body, Bytes};
use axum::extract::{Json, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Router, serve};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The scripted response to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// A complete text, streamed in these pieces, with this finish reason: `stop`, `length` or
    /// `content_filter`.
    Complete {
        /// The running of the text, in order.
        pieces: Vec<String>,
        /// OpenAI's `finish_reason`.
        finish_reason: String,
    },
    /// Sends these pieces, then breaks the connection.
    CutOff(Vec<String>),
    /// Sends these pieces, then nothing more, and keeps the connection open.
    Stall(Vec<String>),
    /// An error with OpenAI's error body.
    Refuse {
        /// HTTP status.
        status: u16,
        /// OpenAI's `error.code`, such as `insufficient_quota`.
        code: String,
        /// Seconds in `Retry-After`, if any.
        retry_after_secs: Option<u64>,
    },
}

impl Completion {
    /// A complete text in pieces of about 24 characters.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Complete { pieces: pieces_of(text), finish_reason: "stop".to_owned() }
    }

    /// A text that the token limit truncated.
    #[must_use]
    pub fn truncated(text: &str) -> Self {
        Self::Complete { pieces: pieces_of(text), finish_reason: "length".to_owned() }
    }

    /// An error without `Retry-After`.
    #[must_use]
    pub fn refusal(status: u16, code: &str) -> Self {
        Self::Refuse { status, code: code.to_owned(), retry_after_secs: None }
    }
}

/// A received request.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    /// The `Authorization` header; empty if it is missing.
    pub authorization: String,
    /// The JSON body.
    pub body: Value,
}

/// A running server; it ends when the value is dropped.
pub struct FakeOpenAi {
    /// Where it listens.
    pub address: SocketAddr,
    script: Arc<Script>,
    task: JoinHandle<io::Result<()>>,
}

#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Completion>>,
    requests: Mutex<Vec<ReceivedRequest>>,
}

impl FakeOpenAi {
    /// Starts a server on a free port that returns these completions in order. Further requests
    /// get a 500 with the code `no_answer_left`.
    ///
    /// # Panics
    /// If it cannot listen.
    pub async fn start(answers: impl IntoIterator<Item = Completion>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port for the model server");
        let address = listener.local_addr().expect("the listener has an address");
        let script = Arc::new(Script::default());
        locked(&script.answers).extend(answers);
        let routes = Router::new()
            .route("/v1/chat/completions", post(create_completion))
            .with_state(Arc::clone(&script));
        let task = tokio::spawn(async move { serve(listener, routes).await });
        Self { address, script, task }
    }

    /// The base URL for clients; it ends with `/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Adds a completion after the remaining ones.
    pub fn add_completion(&self, answer: Completion) {
        locked(&self.script.answers).push_back(answer);
    }

    /// The received requests, oldest first.
    #[must_use]
    pub fn list_requests(&self) -> Vec<ReceivedRequest> {
        locked(&self.script.requests).clone()
    }
}

impl Drop for FakeOpenAi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of a harness lock panics")
}

fn pieces_of(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(24).map(|piece| piece.iter().collect()).collect()
}

async fn create_completion(
    State(script): State<Arc<Script>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let request =
        ReceivedRequest { authorization: authorization.unwrap_or_default().to_owned(), body: body.clone() };
    locked(&script.requests).push(request);
    let answer = locked(&script.answers).pop_front();
    let streamed = body["stream"].as_bool().unwrap_or(false);
    match answer.unwrap_or_else(|| Completion::refusal(500, "no_answer_left")) {
        Completion::Refuse { status, code, retry_after_secs } => refuse(status, &code, retry_after_secs),
        Completion::Complete { pieces, finish_reason } if !streamed => {
            complete_response(&body, &pieces, &finish_reason)
        }
        Completion::Complete { pieces, finish_reason } => {
            let mut events = events_of(&body, &pieces);
            events.extend(last_events(&body, &pieces, &finish_reason));
            stream_response(stream::iter(events.into_iter().map(Ok)).boxed())
        }
        Completion::CutOff(pieces) => {
            let events = events_of(&body, &pieces).into_iter().map(Ok);
            let broken = Err(io::Error::from(io::ErrorKind::ConnectionReset));
            stream_response(stream::iter(events.chain([broken])).boxed())
        }
        Completion::Stall(pieces) => {
            let events = events_of(&body, &pieces).into_iter().map(Ok);
            stream_response(stream::iter(events).chain(stream::pending()).boxed())
        }
    }
}

fn refuse(status: u16, code: &str, retry_after_secs: Option<u64>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let error = json!({ "message": format!("refused: {code}"), "type": code, "param": null, "code": code });
    let mut response = (status, Json(json!({ "error": error }))).into_response();
    if let Some(seconds) = retry_after_secs {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn complete_response(request: &Value, pieces: &[String], finish_reason: &str) -> Response {
    let message = json!({ "role": "assistant", "content": pieces.concat(), "refusal": null });
    let choice = json!({ "index": 0, "message": message, "finish_reason": finish_reason, "logprobs": null });
    Json(json!({
        "id": "chatcmpl-test", "object": "chat.completion", "created": 0, "model": request["model"],
        "choices": [choice], "usage": usage_of(request, pieces),
    }))
    .into_response()
}

fn stream_response(events: BoxStream<'static, io::Result<Bytes>>) -> Response {
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(paced(events))).into_response()
}

/// Sends each event as a separate frame before the next one is created, so that the events
/// before a broken connection arrive.
fn paced(events: BoxStream<'static, io::Result<Bytes>>) -> impl stream::Stream<Item = io::Result<Bytes>> {
    events.then(|event| async {
        tokio::task::yield_now().await;
        event
    })
}

fn events_of(request: &Value, pieces: &[String]) -> Vec<Bytes> {
    let role = json!({ "role": "assistant", "content": "" });
    let deltas = pieces.iter().map(|piece| json!({ "content": piece }));
    std::iter::once(role).chain(deltas).map(|delta| chunk(request, &delta, None)).collect()
}

fn last_events(request: &Value, pieces: &[String], finish_reason: &str) -> Vec<Bytes> {
    let mut events = vec![chunk(request, &json!({}), Some(finish_reason))];
    if request["stream_options"]["include_usage"].as_bool() == Some(true) {
        events.push(event(&json!({
            "id": "chatcmpl-test", "object": "chat.completion.chunk", "created": 0,
            "model": request["model"], "choices": [], "usage": usage_of(request, pieces),
        })));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

fn chunk(request: &Value, delta: &Value, finish_reason: Option<&str>) -> Bytes {
    event(&json!({
        "id": "chatcmpl-test", "object": "chat.completion.chunk", "created": 0, "model": request["model"],
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": null }],
    }))
}

fn event(value: &Value) -> Bytes {
    Bytes::from(format!("data: {value}\n\n"))
}

/// Counts words as tokens, so that tests know the numbers.
fn usage_of(request: &Value, pieces: &[String]) -> Value {
    let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let asked: usize =
        messages.iter().filter_map(|message| message["content"].as_str()).map(count_words).sum();
    let answered = count_words(&pieces.concat());
    json!({ "prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered })
}

fn count_words(text: &str) -> usize {
    text.split_whitespace().count()
}
