//! Rate limits, shared by all replicas, and the headers that tell clients of
//! them: `RateLimit` and `RateLimit-Policy` as the IETF draft has them, the older
//! `RateLimit-*` trio, and `Retry-After`.

use atelier_entities::UserId;
use atelier_providers::limiter::{Decision, Rule};
use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode},
    response::{IntoResponse, Response},
};

use crate::{
    error::ApiError,
    extract::{Bearer, ClientAddress},
    state::{ApiState, LimitOptions},
};

const WINDOW_SECS: u32 = 60;

const QUOTA: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// A limit with its own count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    /// Every request of a person, or of an address where nobody is signed in.
    Requests,
    /// Registrations, sign-ins, refreshes and what else takes a password or a link, of
    /// an address.
    SignIn,
    /// Generations, deployments, retries and exports of a person.
    Generation,
    /// Files of published sites, of an address.
    Preview,
}

impl Limit {
    const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::SignIn => "sign-in",
            Self::Generation => "generation",
            Self::Preview => "preview",
        }
    }

    const fn per_minute(self, options: &LimitOptions) -> u32 {
        match self {
            Self::Requests => options.requests_per_minute,
            Self::SignIn => options.auth_per_minute,
            Self::Generation => options.generation_per_minute,
            Self::Preview => options.preview_per_minute,
        }
    }

    fn rule(self, options: &LimitOptions) -> Rule {
        Rule { limit: self.per_minute(options), window_secs: WINDOW_SECS }
    }

    fn key_of(self, person: UserId) -> String {
        format!("{}:user:{person}", self.name())
    }

    fn key(self, request: &Request) -> String {
        let address = request.extensions().get::<ClientAddress>();
        match request.extensions().get::<Bearer>() {
            Some(Bearer::Known(who)) if self != Self::SignIn => self.key_of(who.user.id),
            _ => {
                let address = address.map_or_else(String::new, |address| address.limit_key());
                format!("{}:address:{address}", self.name())
            }
        }
    }
}

/// The limits of an operation. `path` is the route's pattern; operations outside of
/// `/api` and published sites have none.
fn limits(method: &Method, path: &str) -> &'static [Limit] {
    match (method.as_str(), path) {
        (
            "POST",
            "/api/auth/register"
            | "/api/auth/login"
            | "/api/auth/refresh"
            | "/api/auth/verify-email"
            | "/api/auth/resend-verification"
            | "/api/auth/forgot-password"
            | "/api/auth/reset-password"
            | "/api/auth/oauth/{provider}"
            | "/api/auth/{provider}/callback"
            | "/api/auth/tokens",
        )
        | ("GET", "/api/auth/{provider}/login" | "/api/auth/{provider}/callback")
        | ("PUT", "/api/users/me/password")
        | ("DELETE", "/api/users/me" | "/api/auth/identities/{provider}") => {
            &[Limit::Requests, Limit::SignIn]
        }
        (
            "POST",
            "/api/projects/{id}/generate"
            | "/api/projects/{id}/deploy"
            | "/api/projects/{id}/export/zip"
            | "/api/jobs/{id}/retry",
        )
        | ("GET", "/api/users/me/export") => &[Limit::Requests, Limit::Generation],
        (_, "/api/health") => &[],
        (_, path) if path.starts_with("/api/") => &[Limit::Requests],
        (_, path) if path.starts_with("/preview/") => &[Limit::Preview],
        _ => &[],
    }
}

/// Counts the request and refuses it with 429 where a limit is used up.
pub(crate) async fn apply<F: Future<Output = Response>>(
    state: &ApiState,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let mut tightest: Option<(Limit, Decision)> = None;
    for &limit in limits(request.method(), path) {
        let rule = limit.rule(&state.options.limits);
        let decision = state.limiter.check(&limit.key(&request), rule, state.services.queue.now()).await;
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
    tell(response.headers_mut(), limit, &decision);
    response
}

/// Counts a request of that person to which nothing but [`Limit::Requests`] applies, and
/// tells of it in `headers`; false, and nothing is counted, where that is not allowed or
/// not known at once.
pub(crate) fn try_now(state: &ApiState, person: UserId, headers: &mut HeaderMap) -> bool {
    let limit = Limit::Requests;
    let (rule, now) = (limit.rule(&state.options.limits), state.services.queue.now());
    let decision = state.limiter.try_now(&limit.key_of(person), rule, now);
    if let Some(decision) = &decision {
        tell(headers, limit, decision);
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

fn tell(headers: &mut HeaderMap, limit: Limit, decision: &Decision) {
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
    fn every_operation_has_its_limits() {
        for (method, path, expected) in [
            (Method::GET, "/api/projects", &[Limit::Requests][..]),
            (Method::POST, "/api/auth/login", &[Limit::Requests, Limit::SignIn]),
            (Method::POST, "/api/auth/forgot-password", &[Limit::Requests, Limit::SignIn]),
            (Method::PUT, "/api/users/me/password", &[Limit::Requests, Limit::SignIn]),
            (Method::PUT, "/api/users/me", &[Limit::Requests]),
            (Method::POST, "/api/auth/tokens", &[Limit::Requests, Limit::SignIn]),
            (Method::GET, "/api/auth/tokens", &[Limit::Requests]),
            (Method::GET, "/api/auth/me", &[Limit::Requests]),
            (Method::POST, "/api/projects/{id}/generate", &[Limit::Requests, Limit::Generation]),
            (Method::GET, "/api/users/me/export", &[Limit::Requests, Limit::Generation]),
            (Method::POST, "/api/projects/{id}/export/zip", &[Limit::Requests, Limit::Generation]),
            (Method::GET, "/api/health", &[]),
            (Method::GET, "/metrics", &[]),
            (Method::GET, "/preview/{slug}/{*path}", &[Limit::Preview]),
        ] {
            assert_eq!(limits(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn tells_both_kinds_of_headers() {
        let mut headers = HeaderMap::new();
        let decision = Decision { allowed: true, limit: 100, remaining: 42, reset_secs: 17 };

        tell(&mut headers, Limit::Requests, &decision);

        assert_eq!(headers["ratelimit"], "\"requests\";r=42;t=17");
        assert_eq!(headers["ratelimit-policy"], "\"requests\";q=100;w=60");
        assert_eq!(headers["ratelimit-limit"], "100");
        assert_eq!(headers["ratelimit-remaining"], "42");
        assert_eq!(headers["ratelimit-reset"], "17");
    }

    #[test]
    fn a_refusal_says_when_to_come_back() {
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

        assert_eq!(Limit::SignIn.key(&request), "sign-in:address:192.0.2.7");
        assert_eq!(Limit::Requests.key(&request), "requests:address:192.0.2.7");
    }
}
