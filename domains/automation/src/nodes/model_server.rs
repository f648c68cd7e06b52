//! A person's own model server, with OpenAI's API of chat completions.

use std::time::Duration;

use atelier_entities::IntegrationId;
use atelier_providers::{
    http::{HttpError, OutboundRequest, OutboundResponse},
    llm::Role,
};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{
    call::{AttemptError, Call, NodeFailure},
    credential,
    http_request::failure_of,
};
use crate::{expression::Redactor, integrations::kinds::openai_compatible};

/// How long the server may take.
const TIMEOUT: Duration = Duration::from_secs(300);

/// What a server answers.
#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    model: String,
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Content,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    content: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

/// Asks the server of an integration, and gives what an `llm_prompt` node gives.
///
/// # Errors
/// If the integration cannot be used, or the server gives no answer.
pub(super) async fn ask(
    call: &Call<'_>,
    integration: IntegrationId,
    model: &str,
    messages: &[(Role, &str)],
) -> Result<Value, AttemptError> {
    let credentials = &call.services.credentials;
    let found = credentials.find(call.owner, integration, &[openai_compatible::KIND.name]).await?;
    let url = Url::parse(&openai_compatible::chat_url(&found.settings()));
    let url = url.map_err(|_| NodeFailure::at("/integration", "names no address"))?;
    let credential = credentials.open_for(&found, &url).await?;
    let mut redactor = call.redactor.clone();
    credential::learn(&mut redactor, &credential.secrets)?;
    let role = |role: Role| if role == Role::System { "system" } else { "user" };
    let messages: Vec<Value> =
        messages.iter().map(|(of, content)| json!({"role": role(*of), "content": content})).collect();
    let mut request = OutboundRequest::post_json(url, &json!({"model": model, "messages": messages}));
    let headers = credential.headers.iter();
    request.headers.extend(headers.map(|(name, value)| (name.clone(), value.expose_secret().to_owned())));
    let answer = tokio::time::timeout(TIMEOUT, call.services.http.send_once(request)).await;
    let answer = answer.unwrap_or(Err(HttpError::Timeout)).map_err(|error| failure_of(&error, &redactor))?;
    Ok(redactor.redact_json(&read(&answer, model, &redactor)?))
}

fn read(answer: &OutboundResponse, model: &str, redactor: &Redactor) -> Result<Value, NodeFailure> {
    if !(200..300).contains(&answer.status) {
        return Err(refusal(answer, redactor));
    }
    let unreadable = || NodeFailure::permanent("LLM_UNREADABLE", "The model server's answer cannot be read.");
    let completion: Completion = serde_json::from_slice(&answer.body).map_err(|_| unreadable())?;
    let choice = completion.choices.into_iter().next().ok_or_else(unreadable)?;
    let answered_by = if completion.model.is_empty() { model.to_owned() } else { completion.model };
    let usage = completion
        .usage
        .map(|usage| json!({"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens}));
    Ok(json!({
        "text": choice.message.content.unwrap_or_default(),
        "model": answered_by,
        "truncated": choice.finish_reason.as_deref() == Some("length"),
        "usage": usage,
    }))
}

fn refusal(answer: &OutboundResponse, redactor: &Redactor) -> NodeFailure {
    let status = answer.status;
    let message = serde_json::from_slice::<Value>(&answer.body)
        .ok()
        .and_then(|body| body["error"]["message"].as_str().map(|text| redactor.redact_text(text)));
    let message: String =
        message.unwrap_or_default().chars().filter(|char| !char.is_control()).take(200).collect();
    let message = format!("The model server answered {status}: {message}");
    let message = message.trim_end_matches([':', ' ']);
    let failure = match status {
        401 | 403 => NodeFailure::permanent("LLM_AUTH", message),
        429 => NodeFailure::transient("LLM_RATE_LIMITED", message),
        400..=499 => NodeFailure::permanent("LLM_BAD_REQUEST", message),
        _ => NodeFailure::transient("LLM_UNAVAILABLE", message),
    };
    NodeFailure { status: Some(status), ..failure }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn read_body(status: u16, body: &str) -> Result<Value, NodeFailure> {
        let answer = OutboundResponse { status, headers: Vec::new(), body: Bytes::from(body.to_owned()) };
        read(&answer, "tiny", &Redactor::default())
    }

    #[test]
    fn a_completion_is_given_like_that_of_the_platform() {
        let body = r#"{"choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "length"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 1}, "id": "x"}"#;
        let expected = json!({"text": "Hi", "model": "tiny", "truncated": true,
            "usage": {"input_tokens": 3, "output_tokens": 1}});
        assert_eq!(read_body(200, body), Ok(expected));
    }

    #[test]
    fn a_refusal_tells_whether_another_attempt_may_help() {
        for (status, body, code, retryable) in [
            (401, r#"{"error": {"message": "no key"}}"#, "LLM_AUTH", false),
            (429, "", "LLM_RATE_LIMITED", true),
            (400, "{}", "LLM_BAD_REQUEST", false),
            (503, "", "LLM_UNAVAILABLE", true),
            (200, "{}", "LLM_UNREADABLE", false),
        ] {
            let failure = read_body(status, body).expect_err(code);
            assert_eq!((failure.code.as_str(), failure.retryable), (code, Some(retryable)));
        }
        let failure = read_body(401, r#"{"error": {"message": "no\n key"}}"#).expect_err("refused");
        assert_eq!(failure.message, "The model server answered 401: no key");
        assert_eq!(read_body(503, "").expect_err("refused").message, "The model server answered 503");
    }
}
