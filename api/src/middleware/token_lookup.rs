//! Authenticates tokens, and limits how many unknown API tokens of one address are looked up
//! in the database: an invented token looks like any other, and rate limits count by the
//! person, who is known only after the lookup.

use atelier_foundation::{Authenticated, identity::IdentityError};
use axum::http::StatusCode;

use crate::{error::ApiError, extract::ClientAddress, state::ApiState};

/// The person of the token. Tokens of an address that sent too many unknown ones are not
/// looked up for a while; cached and signed tokens need no lookup.
pub(crate) async fn authenticate(
    state: &ApiState,
    token: &str,
    address: ClientAddress,
) -> Result<Authenticated, ApiError> {
    let (identity, unknown_tokens) = (&state.services.foundation.identity, &state.unknown_tokens);
    if !identity.needs_lookup(token) {
        return Ok(identity.authenticate(token).await?);
    }
    let (key, now) = (address.limit_key(), state.services.queue.now());
    if let Some(decision) = unknown_tokens.refusal(&key, now) {
        metrics::counter!(crate::metrics::RATE_LIMITED, "limit" => "unknown-tokens").increment(1);
        let wait = u64::from(decision.reset_secs).max(1);
        return Err(ApiError::of_status(StatusCode::TOO_MANY_REQUESTS)
            .with_detail("limit", "unknown-tokens")
            .with_retry_after(wait));
    }
    let found = identity.authenticate(token).await;
    if matches!(found, Err(IdentityError::InvalidToken)) {
        unknown_tokens.count(&key, now);
    }
    Ok(found?)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::{
        state::unknown_tokens::RULE,
        testing::{LIMITS, TestApi},
    };

    /// A well-formed API token that belongs to nobody.
    fn unknown(number: u32) -> String {
        format!("atl_{number:042}A")
    }

    #[tokio::test]
    async fn lookups_for_an_address_that_invents_tokens_stop() {
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

        // On a slow machine the limit has recovered a little meanwhile.
        let mut next = ask(&unknown(RULE.limit)).await;
        for number in RULE.limit + 1..RULE.limit * 3 {
            if next.0 == 429 {
                break;
            }
            next = ask(&unknown(number)).await;
        }
        assert_eq!(next, (429, Some("RATE_LIMITED".to_owned())));
        assert_eq!(ask(&good).await.0, 429, "a valid token cannot be told from an invented one");
        assert_eq!(ask("atl_short").await.0, 401, "a malformed token needs no lookup");
        assert_eq!(ask(&ada).await.0, 200, "a signed token needs no lookup");
        api.services.queue.clock().advance(chrono::TimeDelta::minutes(2));
        assert_eq!(ask(&good).await.0, 200);
    }

    #[tokio::test]
    async fn valid_tokens_are_not_counted() {
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
