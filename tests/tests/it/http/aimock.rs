//! Generations with aimock, whose answers others wrote after the documents of the three protocols.

use atelier_config::{LlmProvider, PriceSettings, Protocol, ProviderSettings};
use atelier_tests::{AiMock, AppSetup, Person};
use serde_json::{Value, json};

use super::model::GOOD;

/// Tokens that an answer reads and writes.
const READ: i64 = 812;
const WRITTEN: i64 = 96;

/// The fixture of a model that writes an application.
fn good(model: &str) -> Value {
    let usage = json!({"prompt_tokens": READ, "completion_tokens": WRITTEN});
    json!({"match": {"model": model}, "response": {"content": GOOD, "usage": usage}})
}

/// The fixture of a model that asks to be left alone for ten minutes.
fn busy(model: &str) -> Value {
    let error = json!({"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"});
    json!({"match": {"model": model}, "response": {"error": error, "status": 429, "retryAfter": 600}})
}

fn server(name: &str, protocol: Protocol, model: &str, mock: &AiMock) -> ProviderSettings {
    let path = if protocol == Protocol::Openai { "/v1" } else { "" };
    ProviderSettings {
        name: name.to_owned(),
        protocol,
        base_url: format!("{}{path}", mock.url()),
        api_key: "a key of the model server".into(),
        quick_model: model.to_owned(),
        advanced_model: String::new(),
        context_tokens: None,
        requests_per_minute: None,
        tokens_per_minute: None,
        quick_price: PriceSettings::default(),
        advanced_price: PriceSettings::default(),
    }
}

fn setup(servers: Vec<ProviderSettings>) -> AppSetup {
    AppSetup::embedded().with(|settings| {
        settings.llm.provider = LlmProvider::Openai;
        settings.llm.providers = servers;
    })
}

/// Generates an application, which this server must have written, and returns the accounts of
/// the requests.
async fn generate(person: &Person, title: &str, server: &str) -> Vec<Value> {
    let project = person.create_project(title).await;
    let job = person.job_once(&person.start_generation(&project).await, "succeeded").await;
    assert_eq!(job["attempt"], 1, "{job}");
    let versions = person.get(&format!("/api/projects/{project}/versions")).await;
    assert_eq!((&versions[0]["provider"], &versions[0]["file_count"]), (&json!(server), &json!(2)));
    let code = person.get(&format!("/api/projects/{project}/code")).await;
    assert_eq!(code["css_code"], "h1 { color: teal; }\n");
    let page = code["all_files"]["index.html"].as_str().expect("a page");
    assert!(page.contains("<h1>Books</h1>"), "{page}");
    let usage = person.get(&format!("/api/projects/{project}/usage")).await;
    usage.as_array().expect("a list").clone()
}

/// Asserts that the server counted the tokens of this request.
fn assert_counted(account: &Value, server: &str) {
    assert_eq!((&account["provider"], &account["class"]), (&json!(server), &json!("ok")), "{account}");
    let tokens = (&account["input_tokens"], &account["output_tokens"], &account["is_estimated"]);
    assert_eq!(tokens, (&json!(READ), &json!(WRITTEN), &json!(false)), "{account}");
}

/// Generates an application over one protocol.
async fn generate_over(protocol: Protocol, model: &str) {
    let Some(mock) = AiMock::start(&json!([good(model)])).await else { return };
    let app = setup(vec![server("mock", protocol, model, &mock)]).start().await;
    let ada = app.client().register("ada@example.org").await;

    let usage = generate(&ada, "Reading list", "mock").await;

    assert_eq!(usage.len(), 1, "{usage:?}");
    assert_counted(&usage[0], "mock");
    assert_eq!(ada.balance().await, 8);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_is_written_over_the_protocol_of_openai() {
    generate_over(Protocol::Openai, "gpt-5-mini").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_is_written_over_the_protocol_of_claude() {
    generate_over(Protocol::Claude, "claude-haiku-4-5").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_is_written_over_the_protocol_of_gemini() {
    generate_over(Protocol::Gemini, "gemini-2.5-flash").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_server_writes_while_a_busy_one_rests_as_long_as_it_asked() {
    let (first, second) = ("gpt-5-mini", "claude-haiku-4-5");
    let Some(mock) = AiMock::start(&json!([busy(first), good(second)])).await else { return };
    let servers = vec![
        server("busy", Protocol::Openai, first, &mock),
        server("spare", Protocol::Claude, second, &mock),
    ];
    let app = setup(servers).start().await;
    let ada = app.client().register("ada@example.org").await;

    let usage = generate(&ada, "One", "spare").await;

    assert_eq!(usage.len(), 2, "{usage:?}");
    let of = |name: &str| usage.iter().find(|account| account["provider"] == name).expect("an account");
    assert_eq!(of("busy")["class"], "rate_limited", "{usage:?}");
    assert_counted(of("spare"), "spare");
    let usage = generate(&ada, "Two", "spare").await;
    assert_eq!(usage.len(), 1, "the busy server is not asked again: {usage:?}");
    assert_counted(&usage[0], "spare");
    app.finish().await;
}
