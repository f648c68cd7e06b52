//! Finds out once who asks: the client's address and, from the bearer token, the
//! person. It refuses nobody; the extractors do.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};

use crate::{
    app::ApiState,
    extract::{Bearer, client_address},
};

/// Puts [`Bearer`] and [`crate::extract::ClientAddress`] with the request.
pub(crate) async fn apply(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let address = client_address(&request, &state.options.trusted_proxies);
    let bearer = match token(request.headers()) {
        None => Bearer::Absent,
        Some(token) => match state.services.identity.authenticate(token).await {
            Ok(who) => Bearer::Known(Arc::new(who)),
            Err(error) => Bearer::Refused(error.into()),
        },
    };
    request.extensions_mut().insert(address);
    request.extensions_mut().insert(bearer);
    next.run(request).await
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

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
