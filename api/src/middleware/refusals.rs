//! What is told of a request that was refused: who it was and from where, on its line of
//! the log, and where somebody asked for what they may not do, in the audit log.

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
    app::ApiState,
    error::ErrorCode,
    extract::{ClientAddress, origin, user_agent},
};

/// Refusals that are recorded. Others are told by what was asked, or are nobody's fault.
const RECORDED: [&str; 2] = ["FORBIDDEN", "INSUFFICIENT_SCOPE"];

/// Who asks for what, kept until the answer is there.
pub(crate) struct Asker {
    who: Option<Arc<Authenticated>>,
    address: ClientAddress,
    user_agent: Option<HeaderValue>,
    method: Method,
    path: Option<MatchedPath>,
}

impl Asker {
    /// Of a request by somebody, or by nobody.
    pub(crate) fn of(request: &Request, address: ClientAddress, who: Option<Arc<Authenticated>>) -> Self {
        Self {
            who,
            address,
            user_agent: request.headers().get(header::USER_AGENT).cloned(),
            method: request.method().clone(),
            path: request.extensions().get::<MatchedPath>().cloned(),
        }
    }

    /// Tells of the answer where it is a refusal.
    pub(crate) async fn tell(self, state: &ApiState, status: StatusCode, code: Option<ErrorCode>) {
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];
        if !refused.contains(&status) {
            return;
        }
        let span = Span::current();
        span.record("client", display(self.address.0));
        let Some(who) = &self.who else { return };
        span.record("user_id", display(who.user.id));
        let code = code.map_or("", |ErrorCode(code)| code);
        if RECORDED.contains(&code) {
            self.record(state, who, code).await;
        }
    }

    /// The limiter keeps who tries again and again from costing a look into the database
    /// each time.
    async fn record(&self, state: &ApiState, who: &Arc<Authenticated>, code: &str) {
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
        let what = Forbidden { code, area, method: self.method.as_str(), path };
        if let Err(error) = state.services.foundation.identity.note_forbidden(&actor, what).await {
            tracing::warn!(%error, "a refusal was not recorded");
        }
    }
}

/// The part of the product that a route's pattern belongs to.
fn area(path: &str) -> &str {
    path.strip_prefix("/api/").and_then(|rest| rest.split('/').next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_belongs_to_its_first_part() {
        for (path, expected) in
            [("/api/admin/users/{id}", "admin"), ("/api/projects", "projects"), ("/metrics", ""), ("", "")]
        {
            assert_eq!(area(path), expected);
        }
    }
}
