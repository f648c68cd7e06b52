use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::post};
use bytes::Bytes;
use futures::stream;
use serde_json::json;
use tokio::sync::Notify;

use super::super::Usage;
use super::super::fake::sample_request;
use super::*;

/// What the server does with a request.
enum Manner {
    /// Sends these and ends the stream.
    Sends(Vec<String>),
    /// Sends these and breaks the connection once the first was heard.
    Breaks(Vec<String>),
    /// Sends these and goes silent.
    Stalls(Vec<String>),
    /// Answers without a stream.
    Answers(fn() -> Response),
    /// Does not even answer.
    Never,
}

#[derive(Clone)]
struct Server {
    manner: Arc<Manner>,
    requests: Arc<Mutex<Vec<(String, Value)>>>,
    was_heard: Arc<Notify>,
}

fn sse(body: Body) -> Response {
    ([("content-type", "text/event-stream")], body).into_response()
}

async fn answer(State(server): State<Server>, request: Request) -> Response {
    let authorization =
        request.headers().get("authorization").map_or("", |value| value.to_str().expect("text")).to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.expect("a body");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    server.requests.lock().expect("the record").push((authorization, body));
    let pieces = |events: &[String]| {
        let owned: Vec<_> =
            events.iter().map(|event| Ok::<_, std::io::Error>(Bytes::from(event.clone()))).collect();
        stream::iter(owned)
    };
    match server.manner.as_ref() {
        Manner::Sends(events) => sse(Body::from_stream(pieces(events))),
        Manner::Breaks(events) => {
            let was_heard = server.was_heard.clone();
            let cut = stream::once(async move {
                was_heard.notified().await;
                Err(std::io::Error::other("cut"))
            });
            sse(Body::from_stream(pieces(events).chain(cut)))
        }
        Manner::Stalls(events) => sse(Body::from_stream(pieces(events).chain(stream::pending()))),
        Manner::Answers(response) => response(),
        Manner::Never => std::future::pending().await,
    }
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn delta(text: &str) -> String {
    event(&json!({
        "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "real-1",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}],
    }))
}

fn end(reason: &str) -> String {
    event(&json!({"model": "real-1", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}))
}

fn done() -> String {
    "data: [DONE]\n\n".into()
}

struct Outcome {
    result: Result<Completion, LlmError>,
    heard: Vec<String>,
    requests: Vec<(String, Value)>,
}

async fn ask_with(manner: Manner, change: impl FnOnce(&mut ServerOptions)) -> Outcome {
    let server = Server { manner: Arc::new(manner), requests: Arc::default(), was_heard: Arc::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base_url = format!("http://{}/v1/", listener.local_addr().expect("an address"));
    let router = Router::new().route("/v1/chat/completions", post(answer)).with_state(server.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut options = options(base_url);
    change(&mut options);
    let model = OpenAi::new(options).expect("valid options");
    let heard = Mutex::new(Vec::new());
    let sink = |event: StreamEvent| {
        if let StreamEvent::Delta { text } = event {
            heard.lock().expect("the record").push(text);
            server.was_heard.notify_one();
        }
    };
    let result = model.generate(&sample_request(), &sink).await;
    let requests = server.requests.lock().expect("the record").clone();
    Outcome { result, heard: heard.into_inner().expect("the record"), requests }
}

pub(super) fn options(base_url: String) -> ServerOptions {
    ServerOptions {
        name: "openai".into(),
        base_url,
        api_key: "secret-key".to_owned().into(),
        quick_model: "small".into(),
        advanced_model: "large".into(),
        max_output_tokens: 1000,
        context_tokens: None,
        connect_timeout: Duration::from_secs(2),
        first_content_timeout: Duration::from_secs(10),
        timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(10),
    }
}

async fn ask(manner: Manner) -> Outcome {
    ask_with(manner, |_| {}).await
}

#[tokio::test]
async fn streams_an_answer() {
    let usage = event(&json!({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}));
    let split = delta("wörld");
    let (left, right) = split.split_at(split.find('w').expect("a letter"));
    let events = vec![
        ": keep-alive\n\n".into(),
        delta("hello "),
        left.into(),
        right.into(),
        end("stop"),
        usage,
        done(),
    ];
    let outcome = ask(Manner::Sends(events)).await;
    let answer = outcome.result.expect("an answer");
    assert_eq!(
        (answer.text.as_str(), answer.model.as_str(), answer.truncated),
        ("hello wörld", "real-1", false)
    );
    assert_eq!(answer.usage, Some(Usage { input_tokens: 7, output_tokens: 2, ..Usage::default() }));
    assert_eq!(outcome.heard, ["hello ", "wörld"]);
    let (authorization, body) = &outcome.requests[0];
    assert_eq!(authorization, "Bearer secret-key");
    assert_eq!(body["model"], "small");
    assert_eq!(body["stream"], true);
    assert_eq!(body["stream_options"]["include_usage"], true);
    assert_eq!(body["max_completion_tokens"], 1000);
    assert_eq!(body["messages"][0]["role"], "system");
    assert_eq!(body["messages"][1]["content"], sample_request().messages[1].content);
}

#[tokio::test]
async fn accepts_responses_with_missing_fields() {
    let bare = event(&json!({"choices": [{"delta": {"content": "hi"}}]}));
    let outcome = ask_with(Manner::Sends(vec![event(&json!({})), bare, end("length")]), |options| {
        options.api_key = String::new().into();
    })
    .await;
    let answer = outcome.result.expect("an answer");
    assert!(answer.truncated);
    assert_eq!(answer.usage, None);
    assert_eq!(outcome.requests[0].0, "");
}

#[tokio::test]
async fn reads_a_whole_answer_from_a_server_that_does_not_stream() {
    let whole = || {
        let body = json!({
            "model": "real-1",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "a\nb"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        });
        axum::Json(body).into_response()
    };
    let outcome = ask(Manner::Answers(whole)).await;
    assert_eq!(outcome.result.expect("an answer").text, "a\nb");
    assert_eq!(outcome.heard, ["a\nb"]);
}

type Refusal = (fn() -> Response, fn(&LlmError) -> bool);

#[tokio::test]
async fn classifies_error_responses_without_retries() {
    fn body(code: &str) -> String {
        json!({"error": {"message": "secret-key is not enough", "type": code, "code": code}}).to_string()
    }
    let table: [Refusal; 6] = [
        (|| (StatusCode::UNAUTHORIZED, body("x")).into_response(), |e| matches!(e, LlmError::Auth { .. })),
        (
            || {
                (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")], body("rate_limit_exceeded"))
                    .into_response()
            },
            |e| e.retry_after() == Some(Duration::from_secs(7)),
        ),
        (
            || (StatusCode::TOO_MANY_REQUESTS, body("insufficient_quota")).into_response(),
            |e| matches!(e, LlmError::Quota { .. }),
        ),
        (
            || (StatusCode::BAD_REQUEST, body("context_length_exceeded")).into_response(),
            |e| matches!(e, LlmError::ContextTooLong { .. }),
        ),
        (|| (StatusCode::BAD_GATEWAY, "<html>").into_response(), |e| matches!(e, LlmError::Transient { .. })),
        (
            || (StatusCode::FOUND, [("location", "http://elsewhere.example/")]).into_response(),
            |e| matches!(e, LlmError::BadRequest { .. }),
        ),
    ];
    for (index, (response, is_expected)) in table.into_iter().enumerate() {
        let outcome = ask(Manner::Answers(response)).await;
        let error = outcome.result.expect_err("a refusal");
        assert!(is_expected(&error), "{index}: {error:?}");
        assert!(!error.to_string().contains("secret-key"), "{error}");
        assert_eq!(outcome.requests.len(), 1, "{index}: retries are not made here");
    }
}

#[tokio::test]
async fn notices_a_stream_that_ends_before_the_answer() {
    let broken = ask(Manner::Breaks(vec![delta("half")])).await;
    assert!(matches!(broken.result, Err(LlmError::Transient { .. })), "{:?}", broken.result);
    assert_eq!(broken.heard, ["half"]);
    let ended = ask(Manner::Sends(vec![delta("half")])).await;
    assert!(matches!(ended.result, Err(LlmError::Transient { .. })), "{:?}", ended.result);
    let failed = ask(Manner::Sends(vec![delta("half"), event(&json!({"error": {"message": "died"}}))])).await;
    assert!(matches!(failed.result, Err(LlmError::Transient { .. })), "{:?}", failed.result);
    let garbled = ask(Manner::Sends(vec![delta("half"), "data: {nonsense\n\n".into()])).await;
    assert!(matches!(garbled.result, Err(LlmError::Transient { .. })), "{:?}", garbled.result);
    let filtered = ask(Manner::Sends(vec![delta("half"), end("content_filter"), done()])).await;
    assert!(matches!(filtered.result, Err(LlmError::ContentFilter { .. })), "{:?}", filtered.result);
}

#[tokio::test]
async fn gives_up_on_silence() {
    let short = Duration::from_millis(150);
    let stalled = ask_with(Manner::Stalls(vec![delta("half")]), |o| o.idle_timeout = short).await;
    assert!(matches!(stalled.result, Err(LlmError::Timeout { .. })), "{:?}", stalled.result);
    assert_eq!(stalled.heard, ["half"]);
    for manner in [Manner::Never, Manner::Stalls(Vec::new()), Manner::Stalls(vec![delta("half")])] {
        let outcome = ask_with(manner, |o| o.timeout = short).await;
        assert!(matches!(outcome.result, Err(LlmError::Timeout { .. })), "{:?}", outcome.result);
    }
}

#[tokio::test]
async fn an_absent_server_is_a_passing_fault() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let model = OpenAi::new(options(format!("http://{}", listener.local_addr().expect("an address"))));
    drop(listener);
    let error = model.expect("valid options").generate(&sample_request(), &|_| ()).await.expect_err("absent");
    assert!(matches!(error, LlmError::Transient { .. }) && error.is_retryable(), "{error:?}");
}

#[test]
fn refuses_settings_that_cannot_be_sent() {
    let wrong_url = OpenAi::new(options("file:///etc/passwd".into()));
    assert!(matches!(wrong_url.err(), Some(LlmError::BadRequest { .. })));
    let mut wrong_key = options("http://localhost/v1".into());
    wrong_key.api_key = "line\nbreak".to_owned().into();
    let error = OpenAi::new(wrong_key).err().expect("refused");
    assert!(!error.to_string().contains("break"), "{error}");
}
