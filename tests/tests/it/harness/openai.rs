use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessage, ChatCompletionStreamOptions, CreateChatCompletionRequest, FinishReason,
};
use atelier_tests::{Completion, FakeOpenAi};
use futures::StreamExt;
use tokio::time::timeout;

fn client(server: &FakeOpenAi) -> Client<OpenAIConfig> {
    // Another test of this program may have installed the provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::with_config(OpenAIConfig::new().with_api_base(server.base_url()).with_api_key("key"))
}

fn question() -> CreateChatCompletionRequest {
    CreateChatCompletionRequest {
        model: "small".to_owned(),
        stream: Some(true),
        messages: vec![ChatCompletionRequestUserMessage::from("three short words").into()],
        stream_options: Some(ChatCompletionStreamOptions {
            include_usage: Some(true),
            include_obfuscation: None,
        }),
        ..Default::default()
    }
}

/// The result of a streamed completion.
#[derive(Debug, Default, PartialEq)]
struct Received {
    text: String,
    finish: Option<FinishReason>,
    tokens: Option<u32>,
    broken: bool,
}

async fn receive(server: &FakeOpenAi, received: &mut Received) {
    let client = client(server);
    let mut stream = client.chat().create_stream(question()).await.expect("the stream opens");
    while let Some(part) = stream.next().await {
        let Ok(part) = part else {
            received.broken = true;
            return;
        };
        received.tokens = part.usage.map(|usage| usage.total_tokens).or(received.tokens);
        for choice in part.choices {
            received.text.push_str(choice.delta.content.as_deref().unwrap_or_default());
            received.finish = choice.finish_reason.or(received.finish);
        }
    }
}

#[tokio::test]
async fn streams_completions_in_order_and_records_requests() {
    let text = "An answer long enough for several pieces, with ünïcode.";
    let server = FakeOpenAi::start([Completion::text(text)]).await;
    server.add_completion(Completion::truncated("cut"));
    let (mut one, mut two) = (Received::default(), Received::default());
    receive(&server, &mut one).await;
    receive(&server, &mut two).await;
    let expected =
        Received { text: text.to_owned(), finish: Some(FinishReason::Stop), tokens: Some(12), broken: false };
    assert_eq!(one, expected);
    assert_eq!((two.text.as_str(), two.finish), ("cut", Some(FinishReason::Length)));
    let requests = server.list_requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].authorization, "Bearer key");
    assert_eq!(requests[0].body["messages"][0]["content"], "three short words");
}

#[tokio::test]
async fn answers_without_a_stream_if_none_is_requested() {
    let server = FakeOpenAi::start([Completion::text("whole")]).await;
    let request = CreateChatCompletionRequest { stream: None, stream_options: None, ..question() };
    let answer = client(&server).chat().create(request).await.expect("an answer");
    assert_eq!(answer.choices[0].message.content.as_deref(), Some("whole"));
}

#[tokio::test]
async fn breaks_the_connection_after_its_pieces() {
    let server = FakeOpenAi::start([Completion::CutOff(vec!["half".to_owned()])]).await;
    let mut received = Received::default();
    receive(&server, &mut received).await;
    assert_eq!(received, Received { text: "half".to_owned(), finish: None, tokens: None, broken: true });
}

#[tokio::test]
async fn stalls_after_its_pieces() {
    let server = FakeOpenAi::start([Completion::Stall(vec!["half".to_owned()])]).await;
    let client = client(&server);
    let mut stream = client.chat().create_stream(question()).await.expect("the stream opens");
    let mut text = String::new();
    while text != "half" {
        let part = stream.next().await.expect("the stream continues").expect("the stream is whole");
        text.extend(part.choices.into_iter().filter_map(|choice| choice.delta.content));
    }
    assert!(timeout(Duration::from_millis(200), stream.next()).await.is_err());
}

#[tokio::test]
async fn rejects_with_the_given_code() {
    let server = FakeOpenAi::start([Completion::refusal(400, "context_length_exceeded")]).await;
    let error = client(&server).chat().create_stream(question()).await.err();
    let Some(OpenAIError::ApiError(refusal)) = error else { panic!("not a refusal: {error:?}") };
    assert_eq!(refusal.status_code.as_u16(), 400);
    assert_eq!(refusal.api_error.code.as_deref(), Some("context_length_exceeded"));
}
