use std::sync::Mutex;

use super::super::fake::sample_request;
use super::super::scripted::{Reaction, ScriptedServer, Step, claude};
use super::super::{Message, StreamEvent};
use super::*;

struct Outcome {
    result: Result<Completion, LlmError>,
    events: Vec<StreamEvent>,
    server: ScriptedServer,
}

impl Outcome {
    fn text(&self) -> String {
        let texts = self.events.iter().filter_map(|event| match event {
            StreamEvent::Delta { text } => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    fn completion(&self) -> &Completion {
        self.result.as_ref().expect("a completion")
    }

    fn fault(&self) -> &LlmError {
        self.result.as_ref().expect_err("a fault")
    }
}

fn options(url: &str) -> ServerOptions {
    ServerOptions {
        name: "claude".into(),
        base_url: url.to_owned(),
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

async fn ask_with(reaction: Reaction, change: impl FnOnce(&mut ServerOptions)) -> Outcome {
    let server = ScriptedServer::start([reaction]).await.expect("a free port");
    let mut options = options(&server.url());
    change(&mut options);
    let model = Claude::new(options).expect("valid options");
    let mut request = sample_request();
    request.messages.push(Message { role: Role::Assistant, content: "half".into() });
    request.messages.push(Message { role: Role::User, content: "go on".into() });
    let events = Mutex::new(Vec::new());
    let result = model.generate(&request, &|event| events.lock().expect("the record").push(event)).await;
    Outcome { result, events: events.into_inner().expect("the record"), server }
}

async fn ask(events: impl IntoIterator<Item = String>) -> Outcome {
    ask_with(Reaction::stream(events), |_| ()).await
}

#[tokio::test]
async fn streams_a_message() {
    let outcome =
        ask_with(Reaction::stream(claude::whole("wörld")).with_header("request-id", "req_9"), |_| ());
    let outcome = outcome.await;
    let done = outcome.completion();
    assert_eq!((done.text.as_str(), done.model.as_str(), done.truncated), ("wörld", "real-1", false));
    assert_eq!(done.usage, Some(Usage { input_tokens: 7, output_tokens: 2, ..Usage::default() }));
    assert_eq!(outcome.text(), "wörld");
    assert_eq!(outcome.events[0], StreamEvent::Accepted { request_id: "req_9".into() });
    let request = &outcome.server.requests()[0];
    assert_eq!(request.path, "/v1/messages");
    assert_eq!((request.header("x-api-key"), request.header("anthropic-version")), ("secret-key", VERSION));
    let body = &request.body;
    assert_eq!(
        (&body["model"], &body["max_tokens"], &body["stream"]),
        (&"small".into(), &1000.into(), &true.into())
    );
    assert_eq!(body["system"], "You write applications.");
    let roles: Vec<_> =
        body["messages"].as_array().expect("turns").iter().map(|turn| &turn["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
}

#[tokio::test]
async fn bytes_may_arrive_one_by_one() {
    let reaction = Reaction::stream(claude::whole("wörld")).byte_by_byte(Duration::ZERO);
    assert_eq!(ask_with(reaction, |_| ()).await.text(), "wörld");
}

#[tokio::test]
async fn thoughts_are_no_text() {
    let events = [
        claude::start(1),
        claude::thought("hm"),
        claude::delta("a"),
        claude::end("end_turn", 2),
        claude::stop(),
    ];
    assert_eq!(ask(events).await.completion().text, "a");
    let empty =
        ask([claude::start(1), claude::thought("hm"), claude::end("end_turn", 2), claude::stop()]).await;
    assert!(matches!(empty.fault(), LlmError::Unusable { .. }), "{:?}", empty.result);
}

#[tokio::test]
async fn each_stop_reason_has_its_outcome() {
    for (reason, truncated) in [
        ("end_turn", false),
        ("stop_sequence", false),
        ("max_tokens", true),
        ("model_context_window_exceeded", true),
        ("new", false),
    ] {
        let outcome =
            ask([claude::start(1), claude::delta("a"), claude::end(reason, 1), claude::stop()]).await;
        assert_eq!(outcome.completion().truncated, truncated, "{reason}");
    }
    let outcome =
        ask([claude::start(1), claude::delta("a"), claude::end("tool_use", 1), claude::stop()]).await;
    assert!(matches!(outcome.fault(), LlmError::Unusable { .. }), "{:?}", outcome.result);
    let refusal = json!({"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": {"category": "cyber"}}});
    let outcome = ask([claude::delta("a"), claude::event(&refusal), claude::stop()]).await;
    assert!(matches!(outcome.fault(), LlmError::ContentFilter { message } if message.contains("cyber")));
}

#[tokio::test]
async fn an_overload_after_the_status_200_is_a_fault_of_the_server() {
    let deltas = [claude::start(1), claude::delta("a"), claude::delta("b"), claude::delta("c")];
    let outcome = ask(deltas.into_iter().chain([claude::error("overloaded_error", "Overloaded")])).await;
    assert!(matches!(outcome.fault(), LlmError::Transient { .. }), "{:?}", outcome.result);
    assert_eq!(outcome.text(), "abc");
    let first = ask([claude::error("rate_limit_error", "slow down")]).await;
    assert!(matches!(first.fault(), LlmError::RateLimited { .. }), "{:?}", first.result);
}

#[tokio::test]
async fn a_message_without_its_end_is_not_whole() {
    let ended = ask([claude::start(1), claude::delta("a"), claude::end("end_turn", 1)]).await;
    assert!(matches!(ended.fault(), LlmError::Transient { .. }), "{:?}", ended.result);
    let cut = ask_with(Reaction::stream([claude::delta("a")]).then(Step::Cut), |_| ()).await;
    assert!(matches!(cut.fault(), LlmError::Transient { .. }), "{:?}", cut.result);
}

#[tokio::test]
async fn the_connection_may_linger_after_the_end() {
    let reaction = Reaction::stream(claude::whole("a")).then(Step::Hang);
    assert_eq!(ask_with(reaction, |_| ()).await.completion().text, "a");
}

#[tokio::test]
async fn the_last_count_of_tokens_stands() {
    let first = json!({"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1,
        "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2}}});
    let events = [
        claude::event(&first),
        claude::delta("a"),
        claude::end("end_turn", 4),
        claude::end("end_turn", 9),
        claude::stop(),
    ];
    let outcome = ask(events).await;
    let expected = Usage { input_tokens: 10, output_tokens: 9, cached_tokens: 3, thought_tokens: 0 };
    assert_eq!(outcome.completion().usage, Some(expected));
    assert!(outcome.events.contains(&StreamEvent::Counted(expected)));

    let late = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
        "usage": {"input_tokens": 4, "cache_read_input_tokens": 6, "output_tokens": 2}});
    let outcome = ask([claude::start(10), claude::delta("a"), claude::event(&late), claude::stop()]).await;
    let expected = Usage { input_tokens: 10, output_tokens: 2, cached_tokens: 6, thought_tokens: 0 };
    assert_eq!(outcome.completion().usage, Some(expected), "the end knows the parts");
}

#[tokio::test]
async fn pings_are_signs_of_life_but_no_content() {
    let short = Duration::from_millis(150);
    let pings = |first: Vec<String>| {
        (0..60).fold(Reaction::stream(first), |reaction, _| {
            reaction
                .then(Step::Send(claude::ping().into_bytes()))
                .then(Step::Pause(Duration::from_millis(20)))
        })
    };
    let silent =
        ask_with(pings(vec![claude::start(1)]), |options| options.first_content_timeout = short).await;
    assert!(matches!(silent.fault(), LlmError::Timeout { message } if message.contains("content")));
    let alive = claude::whole("b").into_iter().fold(pings(vec![claude::delta("a")]), |reaction, event| {
        reaction.then(Step::Send(event.into_bytes()))
    });
    let alive = ask_with(alive, |options| options.idle_timeout = short).await;
    assert_eq!(alive.completion().text, "ab");
    let stalled = Reaction::stream([claude::delta("a")]).then(Step::Hang);
    let stalled = ask_with(stalled, |options| options.idle_timeout = short).await;
    assert!(matches!(stalled.fault(), LlmError::Timeout { .. }), "{:?}", stalled.result);
}

#[tokio::test]
async fn refusals_are_classified_with_the_id_of_the_request() {
    let body =
        |kind: &str| json!({"type": "error", "error": {"type": kind, "message": "secret-key"}}).to_string();
    let busy = Reaction::document(429, body("rate_limit_error")).with_header("retry-after", "7");
    let busy = ask_with(busy.with_header("request-id", "req_3"), |_| ()).await;
    assert_eq!(busy.fault().retry_after(), Some(Duration::from_secs(7)));
    let message = busy.fault().to_string();
    assert!(message.contains("req_3") && !message.contains("secret-key"), "{message}");
    let overloaded = ask_with(Reaction::document(529, body("overloaded_error")), |_| ()).await;
    assert!(matches!(overloaded.fault(), LlmError::Transient { .. }), "{:?}", overloaded.result);
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood() {
    let whole = json!({"type": "message", "model": "real-1", "stop_reason": "end_turn",
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}],
        "usage": {"input_tokens": 1, "output_tokens": 2}});
    let outcome = ask_with(Reaction::document(200, whole.to_string()), |_| ()).await;
    assert_eq!((outcome.completion().text.as_str(), outcome.text()), ("a", "a".to_owned()));
    let page = Reaction::document(200, "<html>").with_header("content-type", "text/html");
    assert!(matches!(ask_with(page, |_| ()).await.fault(), LlmError::Transient { .. }));
}

#[test]
fn the_base_url_may_end_with_the_version() {
    for base in ["https://api.anthropic.com", "https://api.anthropic.com/v1/"] {
        let model = Claude::new(options(base)).expect("valid options");
        assert_eq!(model.url, "https://api.anthropic.com/v1/messages");
    }
    assert!(matches!(Claude::new(options("file:///etc")), Err(LlmError::BadRequest { .. })));
}
