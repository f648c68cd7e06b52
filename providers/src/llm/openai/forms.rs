//! Forms of servers that call themselves compatible.

use std::sync::Mutex;

use serde_json::json;

use super::super::fake::sample_request;
use super::super::scripted::{Reaction, ScriptedServer, Step, openai};
use super::tests::options;
use super::*;

/// The result and the chunks that were heard.
async fn ask_with(
    reaction: Reaction,
    change: impl FnOnce(&mut ServerOptions),
) -> (Result<Completion, LlmError>, String) {
    let server = ScriptedServer::start([reaction]).await.expect("a free port");
    let mut options = options(format!("{}/v1", server.url()));
    change(&mut options);
    let model = OpenAi::new(options).expect("valid options");
    let heard = Mutex::new(String::new());
    let sink = |event: StreamEvent| match event {
        StreamEvent::Delta { text } => heard.lock().expect("the record").push_str(&text),
        StreamEvent::Accepted { request_id } => assert_eq!(request_id, "req_5"),
        _ => {}
    };
    let result = model.generate(&sample_request(), &sink).await;
    (result, heard.into_inner().expect("the record"))
}

async fn ask(reaction: Reaction) -> (Result<Completion, LlmError>, String) {
    ask_with(reaction, |_| ()).await
}

#[tokio::test]
async fn content_types_do_not_decide_the_form() {
    let events = Reaction::stream(openai::whole("hi")).with_header("content-type", "application/json");
    assert_eq!(ask(events.with_header("x-request-id", "req_5")).await.1, "hi");
    let whole = json!({"choices": [{"message": {"content": "hi"}}]}).to_string();
    let document =
        Reaction::document(200, format!("\n {whole}")).with_header("content-type", "text/event-stream");
    let (result, heard) = ask(document).await;
    assert_eq!((result.expect("a completion").text.as_str(), heard.as_str()), ("hi", "hi"));
    let page = Reaction::document(200, "<html>overloaded</html>");
    assert!(matches!(ask(page).await.0, Err(LlmError::Transient { .. })));
    let compressed = Reaction::stream(openai::whole("hi")).with_header("content-encoding", "gzip");
    assert!(matches!(ask(compressed).await.0, Err(LlmError::Transient { .. })));
}

#[tokio::test]
async fn empty_data_nulls_and_comments_are_no_faults() {
    let noise = [
        "data:\n\n",
        "data: null\n\n",
        ": OPENROUTER PROCESSING\n\n",
        "data: : ping\n\n",
        "data: {}\n\n",
        "event: keepalive\ndata: {}\n\n",
        "data: {\"error\":false,\"choices\":[]}\n\n",
    ];
    let events = noise.map(str::to_owned).into_iter().chain([openai::delta("a"), "data: [DONE]".to_owned()]);
    let (result, heard) = ask(Reaction::stream(events)).await;
    assert_eq!((result.expect("a completion").truncated, heard.as_str()), (false, "a"));
}

#[tokio::test]
async fn a_finish_reason_or_the_mark_ends_the_stream_and_nothing_else() {
    for events in [vec![openai::delta("a"), openai::done()], vec![openai::delta("a"), openai::end("STOP")]] {
        assert_eq!(ask(Reaction::stream(events)).await.0.expect("a completion").text, "a");
    }
    let (open, _) = ask(Reaction::stream([openai::delta("a")])).await;
    assert!(matches!(open, Err(LlmError::Transient { .. })), "{open:?}");
    let cut = Reaction::stream([openai::delta("a"), openai::end("stop")]).then(Step::Cut);
    assert!(matches!(ask(cut).await.0, Err(LlmError::Transient { .. })));
}

#[tokio::test]
async fn an_error_inside_a_choice_is_an_error() {
    let choice = json!({"choices": [{"delta": {"content": ""}, "error": {"code": 502, "message": "died"},
        "finish_reason": "error"}]});
    let (result, _) =
        ask(Reaction::stream([openai::delta("a"), openai::event(&choice), openai::done()])).await;
    assert!(matches!(result, Err(LlmError::Transient { .. })), "{result:?}");
    let named = "event: error\ndata: {\"message\":\"x\",\"code\":\"rate_limit_exceeded\"}\n\n".to_owned();
    let (result, _) = ask(Reaction::stream([named])).await;
    assert!(matches!(result, Err(LlmError::RateLimited { .. })), "{result:?}");
}

#[tokio::test]
async fn comments_keep_a_connection_alive_up_to_the_limit_of_the_whole() {
    let comments = |reaction: Reaction| {
        (0..40).fold(reaction, |reaction, _| {
            reaction.then(Step::Send(b": alive\n\n".to_vec())).then(Step::Pause(Duration::from_millis(20)))
        })
    };
    let short = Duration::from_millis(200);
    let alive = openai::whole("b")
        .into_iter()
        .fold(comments(Reaction::stream([openai::delta("a")])), |all, event| {
            all.then(Step::Send(event.into_bytes()))
        });
    let (result, heard) = ask_with(alive, |options| options.idle_timeout = short).await;
    assert!(result.is_ok() && heard == "ab", "{result:?}");
    let endless = comments(Reaction::stream([openai::delta("a")])).then(Step::Hang);
    let (result, _) = ask_with(endless, |options| options.timeout = short).await;
    assert!(matches!(result, Err(LlmError::Timeout { .. })), "{result:?}");
}

#[tokio::test]
async fn the_connection_may_linger_after_the_mark() {
    let (result, _) = ask(Reaction::stream(openai::whole("a")).then(Step::Hang)).await;
    assert_eq!(result.expect("a completion").text, "a");
}

#[tokio::test]
async fn characters_may_be_split_between_pieces() {
    let reaction = Reaction::stream(openai::whole("wörld 日本")).byte_by_byte(Duration::ZERO);
    assert_eq!(ask(reaction).await.1, "wörld 日本");
}
