//! Finds out once who asks: the client's address and, from the bearer token, the
//! person. It refuses nobody; the extractors do.

use std::sync::Arc;

use atelier_entities::ApiScope;
use atelier_foundation::{Authenticated, Credential};
use axum::{
    extract::Request,
    http::{HeaderMap, Method, header},
    response::Response,
};

use crate::{
    app::ApiState,
    error::{ApiError, ErrorCode},
    extract::{Bearer, ClientAddress, client_address},
    middleware::{lookups, refusals::Asker},
};

/// Puts [`Bearer`] and [`crate::extract::ClientAddress`] with the request.
pub(crate) async fn apply<F: Future<Output = Response>>(
    state: &ApiState,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let address = client_address(&request, &state.options.trusted_proxies);
    let asked = (request.method(), request.uri().path());
    let (who, bearer) = find(state, token(request.headers()), asked, address).await;
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
    token: Option<&str>,
    (method, path): (&Method, &str),
    address: ClientAddress,
) -> (Option<Arc<Authenticated>>, Bearer) {
    let Some(token) = token else { return (None, Bearer::Absent) };
    match lookups::authenticate(state, token, address).await {
        Ok(who) => {
            let who = Arc::new(who);
            match refusal(&who.credential, method, path) {
                None => (Some(who.clone()), Bearer::Known(who)),
                Some(error) => (Some(who), Bearer::Refused(error)),
            }
        }
        Err(error) => (None, Bearer::Refused(error)),
    }
}

/// Why this credential is not for this request: an API token needs the scope of the
/// method, and `admin` beside it for what operators do.
pub(crate) fn refusal(credential: &Credential, method: &Method, path: &str) -> Option<ApiError> {
    let Credential::ApiToken(_, scopes) = credential else { return None };
    let by_method = if method.is_safe() { ApiScope::Read } else { ApiScope::Write };
    let by_path = path.starts_with("/api/admin/").then_some(ApiScope::Admin);
    let missing = [Some(by_method), by_path].into_iter().flatten().find(|needed| !scopes.contains(needed))?;
    Some(ApiError::insufficient_scope(&format!("the scope {missing}")))
}

/// The bearer token of these headers.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use atelier_entities::{ApiTokenId, SessionFamilyId};
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn an_api_token_does_what_its_scopes_say() {
        use ApiScope::{Admin, Read, Write};
        for (scopes, method, path, allowed) in [
            (&[Read][..], Method::GET, "/api/projects", true),
            (&[Read], Method::HEAD, "/api/projects", true),
            (&[Read], Method::POST, "/api/projects", false),
            (&[Read], Method::DELETE, "/api/projects/1", false),
            (&[Read, Write], Method::PUT, "/api/users/me", true),
            (&[Read, Write], Method::GET, "/api/admin/queues", false),
            (&[Read, Admin], Method::GET, "/api/admin/queues", true),
            (&[Read, Admin], Method::POST, "/api/admin/queues/email/pause", false),
            (&[Read, Write, Admin], Method::POST, "/api/admin/queues/email/pause", true),
            (&[], Method::GET, "/api/projects", false),
        ] {
            let token = Credential::ApiToken(ApiTokenId::new(), scopes.to_vec());
            assert_eq!(refusal(&token, &method, path).is_none(), allowed, "{scopes:?} {method} {path}");
        }
        let session = Credential::Session(SessionFamilyId::new());
        assert!(refusal(&session, &Method::POST, "/api/admin/queues/email/pause").is_none());
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
