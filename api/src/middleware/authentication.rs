//! Authenticates each request once: finds the client's address and, from the bearer token,
//! the person. It refuses nobody; the policy of the route and the extractors do.

use std::sync::Arc;

use atelier_foundation::{Authenticated, Credential};
use axum::{
    extract::Request,
    http::{HeaderMap, header},
    response::Response,
};

use crate::{
    error::{ApiError, ErrorCode},
    extract::{Bearer, ClientAddress, client_address},
    middleware::{refusal_log::RefusalLog, token_lookup},
    policy::RoutePolicy,
    state::ApiState,
};

/// Puts [`Bearer`] and [`crate::extract::ClientAddress`] with the request.
pub(crate) async fn apply<F: Future<Output = Response>>(
    state: &ApiState,
    policy: &RoutePolicy,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let address = client_address(&request, &state.options.trusted_proxies);
    let (who, bearer) = authenticate(state, policy, bearer_token(request.headers()), address).await;
    let refusal_log = RefusalLog::new(&request, address, who);
    request.extensions_mut().insert(address);
    request.extensions_mut().insert(bearer);
    let response = next(request).await;
    let code = response.extensions().get::<ErrorCode>().copied();
    refusal_log.write(state, response.status(), code).await;
    response
}

/// The person of the token, also where it lacks a scope, and what the extractors read.
async fn authenticate(
    state: &ApiState,
    policy: &RoutePolicy,
    token: Option<&str>,
    address: ClientAddress,
) -> (Option<Arc<Authenticated>>, Bearer) {
    let Some(token) = token else { return (None, Bearer::Absent) };
    match token_lookup::authenticate(state, token, address).await {
        Ok(who) => {
            let who = Arc::new(who);
            match scope_refusal(&who.credential, policy) {
                None => (Some(who.clone()), Bearer::Valid(who)),
                Some(error) => (Some(who), Bearer::Refused(error)),
            }
        }
        Err(error) => (None, Bearer::Refused(error)),
    }
}

/// The error where an API token lacks a scope that the route needs.
pub(crate) fn scope_refusal(credential: &Credential, policy: &RoutePolicy) -> Option<ApiError> {
    let Credential::ApiToken(_, scopes) = credential else { return None };
    let missing = policy.scopes().find(|needed| !scopes.contains(needed))?;
    Some(ApiError::insufficient_scope(&format!("the scope {missing}")))
}

/// The bearer token of these headers.
pub(crate) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use atelier_entities::{ApiScope, ApiTokenId, SessionFamilyId};
    use axum::http::{HeaderValue, Method};

    use super::*;
    use crate::policy::Access;

    #[test]
    fn an_api_token_does_what_its_scopes_say() {
        use ApiScope::{Admin, Read, Write};
        let of_person = |method| RoutePolicy::of_method(&method);
        let of_admin = |method| RoutePolicy { access: Access::Admin, ..of_person(method) };
        for (scopes, policy, allowed) in [
            (&[Read][..], of_person(Method::GET), true),
            (&[Read], of_person(Method::POST), false),
            (&[Read, Write], of_person(Method::PUT), true),
            (&[Read, Write], of_admin(Method::GET), false),
            (&[Read, Admin], of_admin(Method::GET), true),
            (&[Read, Admin], of_admin(Method::POST), false),
            (&[Read, Write, Admin], of_admin(Method::POST), true),
            (&[], of_person(Method::GET), false),
        ] {
            let token = Credential::ApiToken(ApiTokenId::new(), scopes.to_vec());
            assert_eq!(scope_refusal(&token, &policy).is_none(), allowed, "{scopes:?} {policy:?}");
        }
        let session = Credential::Session(SessionFamilyId::new());
        assert!(scope_refusal(&session, &of_admin(Method::POST)).is_none());
    }

    #[test]
    fn reads_bearer_tokens_and_nothing_else() {
        for (header, expected) in
            [("Bearer abc", Some("abc")), ("bearer  abc", Some("abc")), ("Basic abc", None), ("abc", None)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(header));
            assert_eq!(bearer_token(&headers), expected, "{header}");
        }
        assert_eq!(bearer_token(&HeaderMap::new()), None);
    }
}
