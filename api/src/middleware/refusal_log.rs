//! Records refused requests: the person and the address in the log, and requests for what a
//! person may not do in the audit log.

use std::sync::Arc;

use atelier_foundation::{
    Actor, Authenticated, Client,
    identity::{FORBIDDEN_INTERVAL, Forbidden},
};
use atelier_providers::limiter::Rule;
use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderValue, Method, StatusCode, header},
};
use tracing::{Span, field::display};

use crate::{
    error::ErrorCode,
    extract::{ClientAddress, origin, user_agent},
    state::ApiState,
};

/// The codes of refusals that the audit log records.
const AUDITED: [&str; 2] = ["FORBIDDEN", "INSUFFICIENT_SCOPE"];

/// The caller and the route of a request, kept until it is answered.
pub(crate) struct RefusalLog {
    who: Option<Arc<Authenticated>>,
    address: ClientAddress,
    user_agent: Option<HeaderValue>,
    method: Method,
    path: Option<MatchedPath>,
}

impl RefusalLog {
    /// The log of a request by that person, or by nobody.
    pub(crate) fn new(request: &Request, address: ClientAddress, who: Option<Arc<Authenticated>>) -> Self {
        Self {
            who,
            address,
            user_agent: request.headers().get(header::USER_AGENT).cloned(),
            method: request.method().clone(),
            path: request.extensions().get::<MatchedPath>().cloned(),
        }
    }

    /// Records the answer where it is a refusal.
    pub(crate) async fn write(self, state: &ApiState, status: StatusCode, code: Option<ErrorCode>) {
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];
        if !refused.contains(&status) {
            return;
        }
        let span = Span::current();
        span.record("client", display(self.address.0));
        let Some(who) = &self.who else { return };
        span.record("user_id", display(who.user.id));
        let code = code.map_or("", |ErrorCode(code)| code);
        if AUDITED.contains(&code) {
            self.write_audit_entry(state, who, code).await;
        }
    }

    /// The limiter saves the database a query for each of a person's repeated attempts.
    async fn write_audit_entry(&self, state: &ApiState, who: &Arc<Authenticated>, code: &str) {
        let path = self.path.as_ref().map_or("", MatchedPath::as_str);
        let area = area(path);
        let window_secs = u32::try_from(FORBIDDEN_INTERVAL.as_secs()).unwrap_or(u32::MAX);
        let (key, rule) = (format!("forbidden:{area}:user:{}", who.user.id), Rule { limit: 1, window_secs });
        if !state.limiter.check(&key, rule, state.services.queue.now()).await.allowed {
            return;
        }
        let client = Client {
            ip: Some(self.address.0.to_string()),
            user_agent: self.user_agent.as_ref().and_then(user_agent),
            device: None,
        };
        let actor = Actor::authenticated(who.clone()).with_client(client).with_origin(origin());
        let forbidden = Forbidden { code, area, method: self.method.as_str(), path };
        if let Err(error) = state.services.foundation.identity.record_forbidden(&actor, forbidden).await {
            tracing::warn!(%error, "a refusal was not recorded");
        }
    }
}

/// The part of the product that a route's pattern belongs to: what follows `/api/`, or its
/// version.
fn area(path: &str) -> &str {
    let mut parts = path.strip_prefix("/api/").unwrap_or_default().split('/');
    parts.find(|part| !is_version(part)).unwrap_or_default()
}

/// Whether it is `v1`, `v2` and so on.
fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|number| number.parse::<u8>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_belongs_to_its_first_part() {
        for (path, expected) in [
            ("/api/admin/users/{id}", "admin"),
            ("/api/projects", "projects"),
            ("/api/v1/studio/apps", "studio"),
            ("/api/v2/videos", "videos"),
            ("/metrics", ""),
            ("", ""),
        ] {
            assert_eq!(area(path), expected);
        }
    }
}
