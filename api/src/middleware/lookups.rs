//! A bound on the database being asked about API tokens that there are not: a made-up one
//! looks like any other, and rate limits are counted once it is known who asks.

use atelier_foundation::{Authenticated, identity::IdentityError};
use atelier_providers::limiter::{Rule, memory::MemoryLimiter};
use axum::http::StatusCode;

use crate::{app::ApiState, error::ApiError, extract::ClientAddress};

/// Unknown API tokens of one address, in this process.
const RULE: Rule = Rule { limit: 60, window_secs: 60 };
/// Addresses counted at once.
const MOST: usize = 10_000;

/// Addresses that showed unknown API tokens.
pub(crate) struct Strangers(MemoryLimiter);

impl Default for Strangers {
    fn default() -> Self {
        Self(MemoryLimiter::with_max_keys(MOST))
    }
}

/// Whose token it is. An address that showed too many unknown API tokens is not looked
/// up for a while; tokens that are remembered or signed need no look.
pub(crate) async fn authenticate(
    state: &ApiState,
    token: &str,
    address: ClientAddress,
) -> Result<Authenticated, ApiError> {
    let (identity, strangers) = (&state.services.foundation.identity, &state.strangers.0);
    if !identity.needs_look(token) {
        return Ok(identity.authenticate(token).await?);
    }
    let (key, now) = (address.limit_key(), state.services.queue.now());
    if let Some(decision) = strangers.refusal(&key, RULE, now) {
        metrics::counter!(crate::metrics::RATE_LIMITED, "limit" => "unknown-tokens").increment(1);
        let wait = u64::from(decision.reset_secs).max(1);
        return Err(ApiError::of_status(StatusCode::TOO_MANY_REQUESTS)
            .with_detail("limit", "unknown-tokens")
            .with_retry_after(wait));
    }
    let found = identity.authenticate(token).await;
    if matches!(found, Err(IdentityError::InvalidToken)) {
        strangers.check_now(&key, RULE, now);
    }
    Ok(found?)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::testing::{LIMITS, TestApi};

    /// An API token of the right form that nobody has.
    fn unknown(number: u32) -> String {
        format!("atl_{number:042}A")
    }

    #[tokio::test]
    async fn an_address_that_makes_tokens_up_is_not_looked_up_for_long() {
        let api = TestApi::start(LIMITS).await;
        let ada = api.register("ada@example.org").await;
        let input = serde_json::json!({"name": "Nightly", "scopes": ["read"]});
        let made = api.call("POST", "/api/auth/tokens", &ada, input).await;
        let good = made.body["token"].as_str().expect("a token").to_owned();
        let ask = async |token: &str| {
            let answer = api.call("GET", "/api/projects", token, Value::Null).await;
            (answer.status.as_u16(), answer.body["code"].as_str().map(str::to_owned))
        };
        for number in 0..RULE.limit {
            assert_eq!(ask(&unknown(number)).await, (401, Some("INVALID_TOKEN".to_owned())));
        }

        assert_eq!(ask(&unknown(61)).await, (429, Some("RATE_LIMITED".to_owned())));
        assert_eq!(ask(&good).await.0, 429, "it is not known which one this is");
        assert_eq!(ask("atl_short").await.0, 401, "what cannot be one is told without a look");
        assert_eq!(ask(&ada).await.0, 200, "a sign-in says by itself whose it is");
        api.services.queue.clock().advance(chrono::TimeDelta::minutes(2));
        assert_eq!(ask(&good).await.0, 200);
    }

    #[tokio::test]
    async fn good_tokens_are_not_counted() {
        let api = TestApi::start(LIMITS).await;
        let ada = api.register("ada@example.org").await;
        let input = serde_json::json!({"name": "Nightly", "scopes": ["read"]});
        let made = api.call("POST", "/api/auth/tokens", &ada, input).await;
        let good = made.body["token"].as_str().expect("a token").to_owned();
        for _ in 0..RULE.limit + 5 {
            api.services.queue.clock().advance(chrono::TimeDelta::seconds(3));
            assert_eq!(api.call("GET", "/api/projects", &good, Value::Null).await.status, 200);
        }
    }
}
