//! Finds out once who asks: the client's address and, from the bearer token, the
//! person. It refuses nobody; the extractors do.

use std::sync::Arc;

use atelier_services::identity::{Authenticated, Credential};
use axum::{
    extract::Request,
    http::{HeaderMap, header},
    response::Response,
};

use crate::{
    error::{ApiError, ErrorCode},
    extract::{Bearer, ClientAddress, client_address},
    middleware::{refusal_log::Asker, token_lookup},
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
    let (who, bearer) = find(state, policy, token(request.headers()), address).await;
    let asker = Asker::of(&request, address, who);
    request.extensions_mut().insert(address);
    request.extensions_mut().insert(bearer);
    let response = next(request).await;
    let code = response.extensions().get::<ErrorCode>().copied();
    asker.tell(state, response.status(), code).await;
    response
}

/// Whose token it is, also where it is not for this request, and what the extractors are
/// told.
async fn find(
    state: &ApiState,
    policy: &RoutePolicy,
    token: Option<&str>,
    address: ClientAddress,
) -> (Option<Arc<Authenticated>>, Bearer) {
    let Some(token) = token else { return (None, Bearer::Absent) };
    match token_lookup::authenticate(state, token, address).await {
        Ok(who) => {
            let who = Arc::new(who);
            match refusal(&who.credential, policy) {
                None => (Some(who.clone()), Bearer::Known(who)),
                Some(error) => (Some(who), Bearer::Refused(error)),
            }
        }
        Err(error) => (None, Bearer::Refused(error)),
    }
}

/// Why this credential is not for this route: an API token lacks a scope that it needs.
pub(crate) fn refusal(credential: &Credential, policy: &RoutePolicy) -> Option<ApiError> {
    let Credential::ApiToken(_, scopes) = credential else { return None };
    let missing = policy.scopes().find(|needed| !scopes.contains(needed))?;
    Some(ApiError::insufficient_scope(&format!("the scope {missing}")))
}

/// The bearer token of these headers.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
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
        let of_operator = |method| RoutePolicy { access: Access::Operator, ..of_person(method) };
        for (scopes, policy, allowed) in [
            (&[Read][..], of_person(Method::GET), true),
            (&[Read], of_person(Method::POST), false),
            (&[Read, Write], of_person(Method::PUT), true),
            (&[Read, Write], of_operator(Method::GET), false),
            (&[Read, Admin], of_operator(Method::GET), true),
            (&[Read, Admin], of_operator(Method::POST), false),
            (&[Read, Write, Admin], of_operator(Method::POST), true),
            (&[], of_person(Method::GET), false),
        ] {
            let token = Credential::ApiToken(ApiTokenId::new(), scopes.to_vec());
            assert_eq!(refusal(&token, &policy).is_none(), allowed, "{scopes:?} {policy:?}");
        }
        let session = Credential::Session(SessionFamilyId::new());
        assert!(refusal(&session, &of_operator(Method::POST)).is_none());
    }

    #[test]
    fn reads_bearer_tokens_and_nothing_else() {
        for (header, expected) in
            [("Bearer abc", Some("abc")), ("bearer  abc", Some("abc")), ("Basic abc", None), ("abc", None)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(header));
            assert_eq!(token(&headers), expected, "{header}");
        }
        assert_eq!(token(&HeaderMap::new()), None);
    }
}
