//! Prompts to a scripted model.

use std::sync::Arc;

use atelier_entities::{RunId, UserId};
use atelier_foundation::{key_ring::KeyRing, testing::Fixture};
use atelier_providers::{
    http::{GuardedClient, HttpOptions},
    llm::fake::{ScriptedCompletion, ScriptedModel},
};
use atelier_queue::Disposition;

use super::*;
use crate::{expression::Redactor, integrations::Credentials, nodes::Services};

async fn ask(model: ScriptedModel, prompt: &str) -> Result<NodeOutput, AttemptError> {
    let fixture = Fixture::new().await;
    let http = GuardedClient::new(HttpOptions::default()).unwrap();
    let services = Services {
        queue: fixture.queue().clone(),
        http: http.clone(),
        model: Arc::new(model),
        credentials: Credentials::new(fixture.queue().clone(), KeyRing::default(), http),
    };
    let call = Call {
        services: &services,
        run_id: RunId::new(),
        owner: UserId::new(),
        idempotency_key: String::new(),
        redactor: &Redactor::new([]).unwrap(),
    };
    LlmPrompt { prompt: prompt.to_owned(), system: None, integration: None, model: None }.act(&call).await
}

fn failure(found: Result<NodeOutput, AttemptError>) -> NodeFailure {
    match found {
        Err(AttemptError::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_that_was_cut_says_so() {
    let found = ask(ScriptedModel::new([ScriptedCompletion::Truncated("A list of".into())]), "Sum up").await;
    let Ok(NodeOutput::Value(value)) = found else { panic!("{found:?}") };
    assert_eq!((&value["text"], &value["truncated"]), (&json!("A list of"), &json!(true)));
    assert_eq!(value["model"], "scripted-quick");
}

#[tokio::test]
async fn each_error_says_whether_another_attempt_may_help() {
    let message = || String::from("inner");
    let after = Some(Duration::from_secs(7));
    for (error, code, retryable, pause) in [
        (LlmError::Transient { message: message() }, "LLM_UNAVAILABLE", true, None),
        (LlmError::RateLimited { message: message(), after }, "LLM_RATE_LIMITED", true, after),
        (LlmError::Timeout { message: message() }, "LLM_TIMEOUT", true, None),
        (LlmError::Auth { message: message() }, "LLM_AUTH", false, None),
        (LlmError::ContentFilter { message: message() }, "LLM_CONTENT_FILTER", false, None),
        (LlmError::NotUnderstood { message: message() }, "DESCRIPTION_NOT_UNDERSTOOD", false, None),
        (LlmError::ContextTooLong { message: message() }, "LLM_CONTEXT_TOO_LONG", false, None),
    ] {
        let found = failure(ask(ScriptedModel::new([ScriptedCompletion::Fails(error)]), "Sum up").await);
        assert_eq!((found.code.as_str(), found.retryable, found.retry_after), (code, Some(retryable), pause));
        assert!(!found.message.contains("inner"), "{}", found.message);
    }
}

#[tokio::test]
async fn the_job_waits_for_an_open_circuit() {
    let until = Utc::now() + chrono::TimeDelta::seconds(30);
    let error = LlmError::CircuitOpen { provider: "openai".into(), until };
    let found = ask(ScriptedModel::new([ScriptedCompletion::Fails(error)]), "Sum up").await;
    let Err(AttemptError::Again(error)) = found else { panic!("{found:?}") };
    assert_eq!(error.code, "CIRCUIT_OPEN");
    assert!(matches!(error.disposition, Disposition::Wait(_)), "{error:?}");
}

#[tokio::test]
async fn prompts_are_bounded() {
    for prompt in ["", "  \n", &"x".repeat(100_001)] {
        assert_eq!(failure(ask(ScriptedModel::always("a"), prompt).await).code, "CONFIG_INVALID");
    }
}

#[tokio::test]
async fn an_installation_without_a_model_says_so() {
    let found = failure(ask(ScriptedModel::always("an app").named("scaffold"), "Sum up").await);
    assert_eq!((found.code.as_str(), found.retryable), ("LLM_MISSING", Some(false)));
}
