use std::sync::Mutex;
use std::time::Duration;

use super::super::StreamEvent;
use super::super::fake::sample_request;
use super::super::scripted::{Reaction, ReceivedRequest, ScriptedServer, Step, gemini};
use super::*;

struct Outcome {
    result: Result<Completion, LlmError>,
    text: String,
    requests: Vec<ReceivedRequest>,
}

impl Outcome {
    fn completion(&self) -> &Completion {
        self.result.as_ref().expect("a completion")
    }

    fn fault(&self) -> &LlmError {
        self.result.as_ref().expect_err("a fault")
    }
}

async fn ask_of(reaction: Reaction) -> Outcome {
    let server = ScriptedServer::start([reaction]).await.expect("a free port");
    let options = ServerOptions {
        name: "gemini".into(),
        base_url: server.url(),
        api_key: "secret-key".to_owned().into(),
        quick_model: "small".into(),
        advanced_model: "large".into(),
        max_output_tokens: 1000,
        context_tokens: None,
        connect_timeout: Duration::from_secs(2),
        first_content_timeout: Duration::from_secs(10),
        timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_millis(500),
    };
    let model = Gemini::new(options).expect("valid options");
    let heard = Mutex::new(String::new());
    let sink = |event: StreamEvent| {
        if let StreamEvent::Delta { text } = event {
            heard.lock().expect("the record").push_str(&text);
        }
    };
    let result = model.generate(&sample_request(), &sink).await;
    Outcome { result, text: heard.into_inner().expect("the record"), requests: server.requests() }
}

async fn ask(events: impl IntoIterator<Item = String>) -> Outcome {
    ask_of(Reaction::stream(events)).await
}

#[tokio::test]
async fn streams_a_response() {
    let outcome =
        ask([gemini::thought("hm"), gemini::delta("hel"), gemini::delta("lo"), gemini::end("STOP")]).await;
    let done = outcome.completion();
    assert_eq!((done.text.as_str(), done.model.as_str(), done.truncated), ("hello", "real-1", false));
    let expected = Usage { input_tokens: 7, output_tokens: 5, cached_tokens: 0, thought_tokens: 3 };
    assert_eq!(done.usage, Some(expected), "thoughts are counted apart and belong to the output");
    assert_eq!(outcome.text, "hello");
    let request = &outcome.requests[0];
    assert_eq!(request.path, "/v1beta/models/small:streamGenerateContent?alt=sse");
    assert_eq!(request.header("x-goog-api-key"), "secret-key");
    assert_eq!(request.body["generationConfig"]["maxOutputTokens"], 1000);
    assert_eq!(request.body["systemInstruction"]["parts"][0]["text"], "You write applications.");
    assert_eq!(request.body["contents"][0]["role"], "user");
}

#[tokio::test]
async fn each_finish_reason_has_its_outcome() {
    for (reason, truncated) in [("STOP", false), ("MAX_TOKENS", true), ("NEW_REASON", false)] {
        let outcome = ask([gemini::delta("a"), gemini::end(reason)]).await;
        assert_eq!(outcome.completion().truncated, truncated, "{reason}");
    }
    for reason in ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE"] {
        let outcome = ask([gemini::delta("a"), gemini::end(reason)]).await;
        assert!(matches!(outcome.fault(), LlmError::ContentFilter { message } if message.contains(reason)));
    }
    for reason in ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER"] {
        let outcome = ask([gemini::end(reason)]).await;
        assert!(matches!(outcome.fault(), LlmError::Unusable { .. }), "{reason}");
    }
    let blocked = ask([gemini::blocked("SAFETY")]).await;
    assert!(matches!(blocked.fault(), LlmError::ContentFilter { .. }), "{:?}", blocked.result);
}

#[tokio::test]
async fn the_token_limit_without_content_is_a_truncation() {
    let outcome = ask([gemini::end("MAX_TOKENS")]).await;
    assert!(outcome.completion().truncated && outcome.completion().text.is_empty());
}

#[tokio::test]
async fn a_finish_reason_in_each_chunk_does_not_end_the_stream() {
    let chunk = |text: &str| {
        let content = json!({"parts": [{"text": text}]});
        gemini::event(&json!({"candidates": [{"content": content, "finishReason": "STOP"}]}))
    };
    assert_eq!(ask([chunk("a"), chunk("b"), chunk("c")]).await.completion().text, "abc");
    let cut = ask_of(Reaction::stream([chunk("a")]).then(Step::Cut)).await;
    assert!(matches!(cut.fault(), LlmError::Transient { .. }), "{:?}", cut.result);
}

#[tokio::test]
async fn a_response_without_a_finish_reason_is_not_whole() {
    let outcome = ask([gemini::delta("a")]).await;
    assert!(matches!(outcome.fault(), LlmError::Transient { .. }), "{:?}", outcome.result);
}

#[tokio::test]
async fn the_connection_may_linger_after_the_end() {
    let reaction = Reaction::stream(gemini::whole("a")).then(Step::Hang);
    assert_eq!(ask_of(reaction).await.completion().text, "a");
    let open = Reaction::stream([gemini::delta("a")]).then(Step::Hang);
    assert!(matches!(ask_of(open).await.fault(), LlmError::Timeout { .. }));
}

#[tokio::test]
async fn a_body_that_is_one_array_is_understood() {
    let part = |text: &str| json!({"candidates": [{"content": {"parts": [{"text": text}]}}]});
    let end = json!({"candidates": [{"finishReason": "STOP"}]});
    let body = json!([part("a"), part("b"), end]).to_string();
    assert_eq!(ask_of(Reaction::document(200, body.clone())).await.completion().text, "ab");
    let cut = Reaction::document(200, &body[..body.len() - 4]);
    assert!(matches!(ask_of(cut).await.fault(), LlmError::Transient { .. }));
}

#[tokio::test]
async fn a_limit_by_the_minute_passes_and_one_by_the_day_does_not() {
    let minute = gemini::exhausted("GenerateRequestsPerMinutePerProjectPerModel", "0.2s");
    let minute = ask_of(Reaction::document(429, minute)).await;
    assert_eq!(minute.fault().retry_after(), Some(Duration::from_millis(200)), "{:?}", minute.result);
    let day = gemini::exhausted("GenerateRequestsPerDayPerProjectPerModel", "20s");
    let day = ask_of(Reaction::document(429, format!("[{day}]"))).await;
    assert!(matches!(day.fault(), LlmError::Quota { until: Some(_), .. }), "{:?}", day.result);
}

#[tokio::test]
async fn an_error_in_the_middle_of_the_stream_is_a_fault() {
    let error = json!({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}});
    let outcome = ask([gemini::delta("a"), gemini::event(&error)]).await;
    assert!(matches!(outcome.fault(), LlmError::Transient { .. }), "{:?}", outcome.result);
    let wrapped = ask([gemini::delta("a"), gemini::event(&json!([error]))]).await;
    assert!(matches!(wrapped.fault(), LlmError::Transient { .. }), "{:?}", wrapped.result);
}
