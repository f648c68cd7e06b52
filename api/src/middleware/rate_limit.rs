//! Rate limits, shared by all replicas, and their headers: `RateLimit` and
//! `RateLimit-Policy` of the IETF draft, the three older `RateLimit-*`, and `Retry-After`.

use atelier_entities::UserId;
use atelier_providers::limiter::{Decision, Rule};
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};

use crate::{
    error::ApiError,
    extract::{Bearer, ClientAddress},
    policy::Limit,
    state::{ApiState, LimitOptions},
};

const WINDOW_SECS: u32 = 60;

const QUOTA: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// How many requests a minute the settings allow.
const fn per_minute(limit: Limit, options: &LimitOptions) -> u32 {
    match limit {
        Limit::Requests => options.requests_per_minute,
        Limit::SignIn => options.auth_per_minute,
        Limit::Generation => options.generation_per_minute,
        Limit::Preview => options.preview_per_minute,
    }
}

const fn rule(limit: Limit, options: &LimitOptions) -> Rule {
    Rule { limit: per_minute(limit, options), window_secs: WINDOW_SECS }
}

/// The key that counts a person's requests.
fn key_of_person(limit: Limit, person: UserId) -> String {
    format!("{}:user:{person}", limit.name())
}

/// The key that counts a request: its person, or its address where nobody is signed in or
/// the limit is one of sign-ins.
fn key(limit: Limit, request: &Request) -> String {
    match request.extensions().get::<Bearer>() {
        Some(Bearer::Valid(who)) if limit != Limit::SignIn => key_of_person(limit, who.user.id),
        _ => {
            let address = request.extensions().get::<ClientAddress>();
            let address = address.map_or_else(String::new, |address| address.limit_key());
            format!("{}:address:{address}", limit.name())
        }
    }
}

/// Counts the request and refuses it with 429 where a limit is used up.
pub(crate) async fn apply<F: Future<Output = Response>>(
    state: &ApiState,
    limits: &[Limit],
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let mut tightest: Option<(Limit, Decision)> = None;
    for &limit in limits {
        let rule = rule(limit, &state.options.limits);
        let decision = state.limiter.check(&key(limit, &request), rule, state.services.queue.now()).await;
        let tighter = tightest.as_ref().is_none_or(|(_, other)| decision.remaining < other.remaining);
        if tighter || !decision.allowed {
            tightest = Some((limit, decision));
        }
        if tightest.as_ref().is_some_and(|(_, decision)| !decision.allowed) {
            break;
        }
    }
    let Some((limit, decision)) = tightest else { return next(request).await };
    let mut response = if decision.allowed { next(request).await } else { refuse(limit, &decision) };
    add_headers(response.headers_mut(), limit, &decision);
    response
}

/// Counts a request of that person to which only [`Limit::Requests`] applies, and adds the
/// headers. False, and nothing is counted, where the request is not allowed or the limiter
/// has to wait for its decision.
pub(crate) fn try_now(state: &ApiState, person: UserId, headers: &mut HeaderMap) -> bool {
    let limit = Limit::Requests;
    let (rule, now) = (rule(limit, &state.options.limits), state.services.queue.now());
    let decision = state.limiter.try_now(&key_of_person(limit, person), rule, now);
    if let Some(decision) = &decision {
        add_headers(headers, limit, decision);
    }
    decision.is_some()
}

fn refuse(limit: Limit, decision: &Decision) -> Response {
    metrics::counter!(crate::metrics::RATE_LIMITED, "limit" => limit.name()).increment(1);
    ApiError::of_status(StatusCode::TOO_MANY_REQUESTS)
        .with_detail("limit", limit.name())
        .with_retry_after(u64::from(decision.reset_secs).max(1))
        .into_response()
}

fn add_headers(headers: &mut HeaderMap, limit: Limit, decision: &Decision) {
    let Decision { limit: quota, remaining, reset_secs, .. } = decision;
    let name = limit.name();
    headers.insert(QUOTA, HeaderValue::from(*quota));
    headers.insert(REMAINING, HeaderValue::from(*remaining));
    headers.insert(RESET, HeaderValue::from(*reset_secs));
    for (header, value) in [
        (RATE_LIMIT, format!("\"{name}\";r={remaining};t={reset_secs}")),
        (POLICY, format!("\"{name}\";q={quota};w={WINDOW_SECS}")),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(header, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_both_kinds_of_headers() {
        let mut headers = HeaderMap::new();
        let decision = Decision { allowed: true, limit: 100, remaining: 42, reset_secs: 17 };

        add_headers(&mut headers, Limit::Requests, &decision);

        assert_eq!(headers["ratelimit"], "\"requests\";r=42;t=17");
        assert_eq!(headers["ratelimit-policy"], "\"requests\";q=100;w=60");
        assert_eq!(headers["ratelimit-limit"], "100");
        assert_eq!(headers["ratelimit-remaining"], "42");
        assert_eq!(headers["ratelimit-reset"], "17");
    }

    #[test]
    fn a_refusal_says_when_to_retry() {
        let decision = Decision { allowed: false, limit: 5, remaining: 0, reset_secs: 0 };

        let response = refuse(Limit::SignIn, &decision);

        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "1");
    }

    #[test]
    fn sign_ins_are_counted_by_address_and_the_rest_by_person_or_address() {
        let mut request = Request::new(axum::body::Body::empty());
        request.extensions_mut().insert(ClientAddress("192.0.2.7".parse().expect("an address")));
        request.extensions_mut().insert(Bearer::Absent);

        assert_eq!(key(Limit::SignIn, &request), "sign-in:address:192.0.2.7");
        assert_eq!(key(Limit::Requests, &request), "requests:address:192.0.2.7");
    }
}
