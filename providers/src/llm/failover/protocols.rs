//! A chain of real clients of the three protocols, whose servers fail in the middle.

use std::{sync::Mutex, time::Duration};

use super::super::fake::sample_request;
use super::super::scripted::{Reaction, ScriptedServer, Step, claude, gemini, openai};
use super::super::server::ServerOptions;
use super::super::{Attempt, StreamEvent, claude::Claude, gemini::Gemini, openai::OpenAi};
use super::*;
use crate::circuits::LocalCircuits;
use crate::resilience::{BreakerPolicy, system_clock};

const PAGE: &str = "```html path=index.html\n<p>\n```\n";
const STYLE: &str = "```css path=a.css\nh1 {}\n```\n";
const SCRIPT: &str = "```js path=a.js\na();\n```\n";

fn options(name: &str, server: &ScriptedServer) -> ServerOptions {
    ServerOptions {
        name: name.to_owned(),
        base_url: server.url(),
        api_key: format!("key-of-{name}").into(),
        quick_model: "small".into(),
        advanced_model: "large".into(),
        max_output_tokens: 1000,
        context_tokens: None,
        connect_timeout: Duration::from_secs(2),
        first_content_timeout: Duration::from_secs(10),
        timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_millis(300),
    }
}

fn chain(gpt: &ScriptedServer, claude: &ScriptedServer, gemini: &ScriptedServer) -> FailoverModel {
    let first = OpenAi::new(options("openai", gpt)).expect("valid options");
    let second = Claude::new(options("claude", claude)).expect("valid options");
    let third = Gemini::new(options("gemini", gemini)).expect("valid options");
    let others = vec![ChainModel::new(Arc::new(second)), ChainModel::new(Arc::new(third))];
    let chain = Chain::new(ChainModel::new(Arc::new(first)), others);
    let circuits = Arc::new(LocalCircuits::new(BreakerPolicy::default()));
    FailoverModel::of_chains(chain.clone(), chain, circuits, system_clock())
        .with_policy(FailoverPolicy::standard())
}

/// The result, the text as a listener rebuilds it, and the accounts.
async fn ask(
    gpt: &ScriptedServer,
    claude: &ScriptedServer,
    gemini: &ScriptedServer,
) -> (Result<Completion, LlmError>, String, Vec<Attempt>) {
    let model = chain(gpt, claude, gemini);
    let heard = Mutex::new((String::new(), Vec::new()));
    let sink = |event: StreamEvent| {
        let mut heard = heard.lock().expect("the record");
        match event {
            StreamEvent::Delta { text } => heard.0.push_str(&text),
            StreamEvent::Restarted { kept_bytes, .. } => heard.0.truncate(kept_bytes),
            StreamEvent::AttemptEnded(attempt) => heard.1.push(attempt),
            StreamEvent::Accepted { .. } | StreamEvent::Allowed(_) | StreamEvent::Counted(_) => {}
        }
    };
    let result = model.generate(&sample_request(), &sink).await;
    let (text, attempts) = heard.into_inner().expect("the record");
    (result, text, attempts)
}

async fn server(reaction: Reaction) -> ScriptedServer {
    ScriptedServer::start([reaction]).await.expect("a free port")
}

#[tokio::test]
async fn a_generation_that_loses_two_providers_in_the_middle_is_completed_by_the_third() {
    let gpt = Reaction::stream([openai::delta(PAGE), openai::delta("```css path=a.css\nh")]);
    let gpt = server(gpt.then(Step::Cut)).await;
    let overload = [
        claude::start(9),
        claude::delta(STYLE),
        claude::delta("```js"),
        claude::error("overloaded_error", "x"),
    ];
    let claude = server(Reaction::stream(overload)).await;
    let gemini = server(Reaction::stream(gemini::whole(SCRIPT))).await;

    let (result, heard, attempts) = ask(&gpt, &claude, &gemini).await;

    let done = result.expect("a completion");
    assert_eq!(
        (done.text.as_str(), done.provider.as_str()),
        (format!("{PAGE}{STYLE}{SCRIPT}").as_str(), "gemini")
    );
    assert_eq!(heard, done.text);
    let classes: Vec<_> = attempts.iter().map(|attempt| (attempt.provider.as_str(), attempt.class)).collect();
    assert_eq!(classes, [("openai", "transient"), ("claude", "transient"), ("gemini", "ok")]);
    assert_eq!(
        (attempts[1].usage.input_tokens, attempts[1].is_estimated),
        (9, true),
        "as far as it was told"
    );
    assert_eq!((attempts[2].usage.output_tokens, attempts[2].is_estimated), (5, false));
    let last = &gemini.requests()[0].body["contents"];
    let kept = last[1]["parts"][0]["text"].as_str().expect("what was written");
    assert_eq!((last[1]["role"].as_str(), kept), (Some("model"), format!("{PAGE}{STYLE}").as_str()));
}

#[tokio::test]
async fn a_revoked_key_and_a_silent_server_are_passed_over() {
    let gpt =
        server(Reaction::document(401, r#"{"error":{"message":"revoked","code":"invalid_api_key"}}"#)).await;
    let claude = server(Reaction::stream([claude::delta(PAGE)]).then(Step::Hang)).await;
    let gemini = server(Reaction::stream(gemini::whole(STYLE))).await;

    let (result, heard, attempts) = ask(&gpt, &claude, &gemini).await;

    assert_eq!(result.expect("a completion").text, format!("{PAGE}{STYLE}"));
    assert_eq!(heard, format!("{PAGE}{STYLE}"));
    let classes: Vec<_> = attempts.iter().map(|attempt| attempt.class).collect();
    assert_eq!(classes, ["auth", "timeout", "ok"]);
    assert_eq!((attempts[0].usage.output_tokens, attempts[0].first_content), (0, None));
}

#[tokio::test]
async fn a_refusal_of_any_protocol_ends_the_generation() {
    let gpt =
        server(Reaction::stream([openai::delta("a"), openai::end("content_filter"), openai::done()])).await;
    let others = [server(Reaction::stream([])).await, server(Reaction::stream([])).await];
    let (result, ..) = ask(&gpt, &others[0], &others[1]).await;
    assert!(matches!(result, Err(LlmError::ContentFilter { .. })), "{result:?}");
    assert!(others.iter().all(|server| server.requests().is_empty()));
}

#[tokio::test]
async fn a_server_whose_limits_are_nearly_reached_is_not_asked() {
    let first = Reaction::stream(openai::whole("one")).with_header("x-ratelimit-remaining-requests", "0");
    let gpt = server(first.with_header("x-ratelimit-reset-requests", "1m0s")).await;
    let reset = (Utc::now() + chrono::TimeDelta::minutes(1)).to_rfc3339();
    let second = Reaction::stream(claude::whole("two"))
        .with_header("anthropic-ratelimit-input-tokens-remaining", "1")
        .with_header("anthropic-ratelimit-input-tokens-reset", &reset);
    let claude = server(second).await;
    let gemini = server(Reaction::stream(gemini::whole("three"))).await;
    let model = chain(&gpt, &claude, &gemini);
    for expected in ["one", "two", "three"] {
        let done = model.generate(&sample_request(), &|_| ()).await.expect("a completion");
        assert_eq!(done.text, expected);
    }
    let asked = [&gpt, &claude].map(|server| server.requests().len());
    assert_eq!(asked, [1, 1], "neither was asked to learn that it refuses");
}

#[tokio::test]
async fn the_last_server_goes_on_with_its_text_though_its_limits_are_nearly_reached() {
    let revoked =
        || server(Reaction::document(401, r#"{"error":{"message":"revoked","code":"invalid_api_key"}}"#));
    let (gpt, claude) = (revoked().await, revoked().await);
    let cut = [gemini::delta(&format!("{PAGE}```css path=a.css\nh1")), gemini::end("MAX_TOKENS")];
    let cut = Reaction::stream(cut).with_header("x-ratelimit-remaining-requests", "0");
    let gemini = server(cut.with_header("x-ratelimit-reset-requests", "1m0s")).await;
    gemini.push(Reaction::stream(gemini::whole(STYLE)));

    let (result, heard, _) = ask(&gpt, &claude, &gemini).await;

    assert_eq!(result.expect("a completion").text, format!("{PAGE}{STYLE}"));
    assert_eq!(heard, format!("{PAGE}{STYLE}"));
    assert_eq!(gemini.requests().len(), 2);
}
