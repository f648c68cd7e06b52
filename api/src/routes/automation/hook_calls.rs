//! The addresses of webhooks. They need no sign-in: the token is in the address, and the scheme of the webhook
//! proves who calls.

use std::time::Duration;

use atelier_automation::{
    hooks::{Accepted, FoundHook, HookError, StartedCall},
    nodes::webhook_response::Answer,
    runs::Responded,
};
use atelier_entities::RunId;
use atelier_providers::limiter::{Decision, Rule};
use atelier_queue::metrics::workflows as metrics;
use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::HOOKS as TAG;
use crate::{
    dto::automation::hook::{CalledHookView, HookChallengeView, TestedHookView},
    error::{ApiError, ErrorBody, Verbatim},
    extract::HookCall,
    route::{Routes, operation, route, routes},
    schema::free::JsonObject,
    state::ApiState,
};

/// How long a sender waits for the answer of a node.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// What is left of the time limit of requests after the wait.
const MARGIN: Duration = Duration::from_secs(2);
/// Answers of workflows come from the origin of the API: browsers treat them as a page of nobody.
const POLICY: &str =
    "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(
            route(routes!(run_hook, run_hook_by_get, run_hook_by_put, run_hook_by_patch, run_hook_by_delete))
                .unlimited(),
        )
        .add(route(routes!(test_hook)).unlimited())
}

/// Starts a run of a workflow by the address of its webhook.
///
/// A call that came before is answered with the run that it started then, or with the text that a service asks
/// for before it calls. A webhook whose response is answer gives what a node says, with any status, if it comes
/// in time.
#[operation(
    post, path = "/api/v1/automation/hooks/{token}", tag = TAG, security(()),
    params(("token" = String, Path, description = "The token of the address")),
    request_body(content = JsonObject, description = "Whatever the sender sends, at most 1 MiB."),
    responses(
        (status = 200, description = "The call came before.", body = CalledHookView),
        (
            status = 202, description = "The run, which was accepted.", body = CalledHookView,
            headers(("Location" = String, description = "The run's address."))
        ),
        (status = 400, body = ErrorBody, description = "INVALID_JSON: the body is not what its type says."),
        (status = 401, body = ErrorBody, description = "CALL_REFUSED: the call does not prove who sent it."),
        (status = 405, body = ErrorBody, description = "METHOD_NOT_ALLOWED: Allow lists the methods."),
        (status = 413, body = ErrorBody, description = "PAYLOAD_TOO_LARGE: the body has more than 1 MiB."),
        (status = 415, body = ErrorBody, description = "UNSUPPORTED_MEDIA_TYPE: the webhook does not take it."),
        (status = 429, body = ErrorBody, description = "RATE_LIMITED: more calls than the webhook takes."),
        (
            status = 503, body = ErrorBody,
            description = "WORKFLOW_BUSY or WORKFLOW_PAUSED: call again after Retry-After. \
                CREDENTIAL_KEYS_MISSING: this installation cannot read the secret.",
        ),
    )
)]
async fn run_hook(State(state): State<ApiState>, call: HookCall) -> Result<Response, ApiError> {
    accept(&state, call).await
}

/// Starts a run as POST does, if the webhook takes GET or HEAD.
#[operation(
    get, path = "/api/v1/automation/hooks/{token}", tag = TAG, security(()),
    params(("token" = String, Path, description = "The token of the address")),
    responses(
        (status = 200, description = "The call came before.", body = CalledHookView),
        (status = 202, description = "The run, which was accepted.", body = CalledHookView),
        (status = 401, body = ErrorBody, description = "CALL_REFUSED: the call does not prove who sent it."),
        (status = 405, body = ErrorBody, description = "METHOD_NOT_ALLOWED: Allow lists the methods."),
        (status = 429, body = ErrorBody, description = "RATE_LIMITED: more calls than the webhook takes."),
        (status = 503, body = ErrorBody, description = "WORKFLOW_BUSY or WORKFLOW_PAUSED: call again later."),
    )
)]
async fn run_hook_by_get(State(state): State<ApiState>, call: HookCall) -> Result<Response, ApiError> {
    accept(&state, call).await
}

/// Starts a run as POST does, if the webhook takes PUT.
#[operation(
    put, path = "/api/v1/automation/hooks/{token}", tag = TAG, security(()),
    params(("token" = String, Path, description = "The token of the address")),
    request_body(content = JsonObject, description = "Whatever the sender sends, at most 1 MiB."),
    responses(
        (status = 200, description = "The call came before.", body = CalledHookView),
        (status = 202, description = "The run, which was accepted.", body = CalledHookView),
        (status = 400, body = ErrorBody, description = "INVALID_JSON: the body is not what its type says."),
        (status = 401, body = ErrorBody, description = "CALL_REFUSED: the call does not prove who sent it."),
        (status = 405, body = ErrorBody, description = "METHOD_NOT_ALLOWED: Allow lists the methods."),
        (status = 413, body = ErrorBody, description = "PAYLOAD_TOO_LARGE: the body has more than 1 MiB."),
        (status = 415, body = ErrorBody, description = "UNSUPPORTED_MEDIA_TYPE: the webhook does not take it."),
        (status = 429, body = ErrorBody, description = "RATE_LIMITED: more calls than the webhook takes."),
        (status = 503, body = ErrorBody, description = "WORKFLOW_BUSY or WORKFLOW_PAUSED: call again later."),
    )
)]
async fn run_hook_by_put(State(state): State<ApiState>, call: HookCall) -> Result<Response, ApiError> {
    accept(&state, call).await
}

/// Starts a run as POST does, if the webhook takes PATCH.
#[operation(
    patch, path = "/api/v1/automation/hooks/{token}", tag = TAG, security(()),
    params(("token" = String, Path, description = "The token of the address")),
    request_body(content = JsonObject, description = "Whatever the sender sends, at most 1 MiB."),
    responses(
        (status = 200, description = "The call came before.", body = CalledHookView),
        (status = 202, description = "The run, which was accepted.", body = CalledHookView),
        (status = 400, body = ErrorBody, description = "INVALID_JSON: the body is not what its type says."),
        (status = 401, body = ErrorBody, description = "CALL_REFUSED: the call does not prove who sent it."),
        (status = 405, body = ErrorBody, description = "METHOD_NOT_ALLOWED: Allow lists the methods."),
        (status = 413, body = ErrorBody, description = "PAYLOAD_TOO_LARGE: the body has more than 1 MiB."),
        (status = 415, body = ErrorBody, description = "UNSUPPORTED_MEDIA_TYPE: the webhook does not take it."),
        (status = 429, body = ErrorBody, description = "RATE_LIMITED: more calls than the webhook takes."),
        (status = 503, body = ErrorBody, description = "WORKFLOW_BUSY or WORKFLOW_PAUSED: call again later."),
    )
)]
async fn run_hook_by_patch(State(state): State<ApiState>, call: HookCall) -> Result<Response, ApiError> {
    accept(&state, call).await
}

/// Starts a run as POST does, if the webhook takes DELETE.
#[operation(
    delete, path = "/api/v1/automation/hooks/{token}", tag = TAG, security(()),
    params(("token" = String, Path, description = "The token of the address")),
    responses(
        (status = 200, description = "The call came before.", body = CalledHookView),
        (status = 202, description = "The run, which was accepted.", body = CalledHookView),
        (status = 401, body = ErrorBody, description = "CALL_REFUSED: the call does not prove who sent it."),
        (status = 405, body = ErrorBody, description = "METHOD_NOT_ALLOWED: Allow lists the methods."),
        (status = 429, body = ErrorBody, description = "RATE_LIMITED: more calls than the webhook takes."),
        (status = 503, body = ErrorBody, description = "WORKFLOW_BUSY or WORKFLOW_PAUSED: call again later."),
    )
)]
async fn run_hook_by_delete(State(state): State<ApiState>, call: HookCall) -> Result<Response, ApiError> {
    accept(&state, call).await
}

/// Keeps a call for whoever builds the workflow, and runs the draft with it.
///
/// The method is not compared with those of the webhook. The last call of each webhook is kept for a week.
#[operation(
    post, path = "/api/v1/automation/hooks/{token}/test", tag = TAG, security(()),
    params(("token" = String, Path, description = "The token of the address")),
    request_body(content = JsonObject, description = "Whatever the sender sends, at most 1 MiB."),
    responses(
        (status = 200, description = "What the service asks for.", body = HookChallengeView),
        (status = 202, description = "The call was kept.", body = TestedHookView),
        (status = 400, body = ErrorBody, description = "INVALID_JSON: the body is not what its type says."),
        (status = 401, body = ErrorBody, description = "CALL_REFUSED: the call does not prove who sent it."),
        (status = 413, body = ErrorBody, description = "PAYLOAD_TOO_LARGE: the body has more than 1 MiB."),
        (status = 415, body = ErrorBody, description = "UNSUPPORTED_MEDIA_TYPE: the webhook does not take it."),
        (status = 429, body = ErrorBody, description = "RATE_LIMITED: more than 60 test calls in a minute."),
    )
)]
async fn test_hook(State(state): State<ApiState>, call: HookCall) -> Result<Response, ApiError> {
    let hooks = &state.services.automation.hooks;
    ensure_may_look(&state, &call)?;
    let found = known(&state, &call, hooks.find_test(&call.request.token).await)?;
    count(&state, "hook-test", &found).await?;
    let tested = hooks.accept_test(&found, &call.request).await?;
    Ok(match TestedHookView::of(tested) {
        Ok(kept) => (StatusCode::ACCEPTED, Json(kept)).into_response(),
        Err(challenge) => Json(HookChallengeView { challenge }).into_response(),
    })
}

async fn accept(state: &ApiState, call: HookCall) -> Result<Response, ApiError> {
    let hooks = &state.services.automation.hooks;
    ensure_may_look(state, &call)?;
    let found = known(state, &call, hooks.find(&call.request.token).await)?;
    count(state, "hook", &found).await?;
    match hooks.accept(&found, &call.request).await {
        Ok(Accepted::Started(started)) => respond(state, &found, started).await,
        Ok(Accepted::Duplicate(run)) => Ok(Json(CalledHookView::duplicate(run.0)).into_response()),
        Ok(Accepted::Challenge(challenge)) => Ok(Json(HookChallengeView { challenge }).into_response()),
        Err(HookError::Method(allowed)) => {
            let allow = HeaderValue::try_from(allowed.join(", ")).map_err(ApiError::internal)?;
            Ok(([(header::ALLOW, allow)], ApiError::from(HookError::Method(allowed))).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// 429 for an address that called too many unknown ones.
fn ensure_may_look(state: &ApiState, call: &HookCall) -> Result<(), ApiError> {
    match state.unknown_tokens.refusal(&call.limit_key, state.services.queue.now()) {
        Some(decision) => Err(limited("unknown-tokens", &decision)),
        None => Ok(()),
    }
}

/// Counts an unknown token of this address.
fn known(
    state: &ApiState,
    call: &HookCall,
    found: Result<FoundHook, HookError>,
) -> Result<FoundHook, ApiError> {
    if matches!(found, Err(HookError::NotFound)) {
        state.unknown_tokens.count(&call.limit_key, state.services.queue.now());
    }
    Ok(found?)
}

/// Counts a call of a workflow. 429 if there are too many.
async fn count(state: &ApiState, sort: &str, found: &FoundHook) -> Result<(), ApiError> {
    let key = format!("{sort}:{}", found.workflow());
    let rule = Rule::per_minute(found.rate_per_minute());
    let decision = state.limiter.check(&key, rule, state.services.queue.now()).await;
    if decision.allowed { Ok(()) } else { Err(limited("webhook", &decision)) }
}

fn limited(limit: &'static str, decision: &Decision) -> ApiError {
    metrics::hook_called("limited");
    ::metrics::counter!(crate::metrics::RATE_LIMITED, "limit" => limit).increment(1);
    ApiError::of_status(StatusCode::TOO_MANY_REQUESTS)
        .with_detail("limit", limit)
        .with_retry_after(u64::from(decision.reset_secs).max(1))
}

/// 202 with the run, or the answer of one of its nodes.
async fn respond(state: &ApiState, found: &FoundHook, call: StartedCall) -> Result<Response, ApiError> {
    let mut status = call.status;
    if found.waits_for_answer() {
        match wait(state, call.run).await? {
            Responded::Answer(answer) => {
                metrics::hook_called("answered");
                return Ok(answered(answer));
            }
            Responded::Nothing(now) => status = now,
        }
    }
    let location = format!("/api/v1/automation/executions/{}/", call.run);
    let body = Json(CalledHookView::started(call, status));
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], body).into_response())
}

/// Waits for the answer of a run, within the time limit of requests and as long as this process stays.
async fn wait(state: &ApiState, run: RunId) -> Result<Responded, ApiError> {
    let runs = &state.services.automation.runs;
    let longest = LONGEST_WAIT.min(state.options.request_timeout.saturating_sub(MARGIN));
    let responded = tokio::select! {
        responded = runs.wait_for_response(run, longest) => responded,
        () = state.shutdown.draining() => runs.wait_for_response(run, Duration::ZERO).await,
    };
    Ok(responded?)
}

/// The answer of a node as a response.
fn answered(answer: Answer) -> Response {
    let body = match answer.body {
        Value::Null => Body::empty(),
        Value::String(text) => Body::from(text),
        other => Body::from(other.to_string()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    if let Some(kind) = answer.content_type.and_then(|kind| HeaderValue::try_from(kind).ok()) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response.extensions_mut().insert(Verbatim);
    response
}
