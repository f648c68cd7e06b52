//! Published sites under `/preview/{slug}/`.
//!
//! They run unreviewed code on the API's own origin. The `sandbox` directive, without
//! `allow-same-origin`, therefore gives every page an opaque origin: the page can read
//! neither the console's storage nor any answer of the API. Its own files are cross-origin
//! for that page, so they are sent with `Access-Control-Allow-Origin: *`.

use atelier_builder::deployments::{SiteFile, SiteResponse};
use axum::{
    Router,
    body::Body,
    extract::{OriginalUri, Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

use crate::{error::ApiError, extract::if_none_match, middleware, state::ApiState};

const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: https:; connect-src 'self'; frame-ancestors 'self'; base-uri 'none'; \
    form-action 'none'; object-src 'none'; \
    sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads";

/// Set on every answer of a published site.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    // The next deployment has the same address: clients revalidate by ETag.
    (header::CACHE_CONTROL, "no-cache"),
];

/// The routes of published sites.
pub(crate) fn routes(state: &ApiState) -> Router<ApiState> {
    Router::new()
        .route("/preview/{slug}", get(redirect_to_folder))
        .route("/preview/{slug}/", get(show_index))
        .route("/preview/{slug}/{*path}", get(show_file))
        .layer(from_fn_with_state(state.clone(), middleware::around_previews))
}

/// Relative links of the site need the slash. The path is not decoded, so that no decoded
/// character gets into the header.
async fn redirect_to_folder(OriginalUri(uri): OriginalUri) -> Redirect {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Redirect::permanent(&format!("{}/{query}", uri.path()))
}

async fn show_index(
    State(state): State<ApiState>,
    Path(slug): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    show(&state, &slug, "", &method, &headers).await
}

async fn show_file(
    State(state): State<ApiState>,
    Path((slug, path)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    show(&state, &slug, &path, &method, &headers).await
}

async fn show(
    state: &ApiState,
    slug: &str,
    path: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let deployments = &state.services.builder.deployments;
    // A `*` matches any existing version, which only the storage knows.
    let has = |etag: &str| !if_none_match(headers, "") && if_none_match(headers, etag);
    let found = deployments.show_site(slug, path, has).await?.ok_or_else(|| ApiError::not_found("page"))?;
    let response = match found {
        SiteResponse::Missing(page) => return Ok(answer(StatusCode::NOT_FOUND, page)),
        SiteResponse::File(file) if if_none_match(headers, &file.etag) => not_modified(&file.etag),
        SiteResponse::File(file) => answer(StatusCode::OK, file),
        SiteResponse::Unchanged(etag) => not_modified(&etag),
    };
    if is_view(method, path) {
        deployments.count_view(slug);
    }
    Ok(response)
}

/// Whether the request opens the site, in place of loading a part of its page.
fn is_view(method: &Method, path: &str) -> bool {
    method == Method::GET && matches!(path, "" | "index.html")
}

fn answer(status: StatusCode, file: SiteFile) -> Response {
    let mut response = (status, Body::from(file.bytes)).into_response();
    if let Ok(kind) = HeaderValue::from_str(&file.content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    with_headers(response, &file.etag)
}

fn not_modified(etag: &str) -> Response {
    with_headers(StatusCode::NOT_MODIFIED.into_response(), etag)
}

fn with_headers(mut response: Response, etag: &str) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_kept_away_from_the_apis_origin() {
        assert!(POLICY.contains("sandbox allow-scripts"));
        assert!(!POLICY.contains("allow-same-origin"));
        assert!(!POLICY.contains("unsafe-eval"));
    }

    #[test]
    fn every_answer_has_the_policy_and_the_validator() {
        let file = SiteFile {
            bytes: "<p>hello</p>".into(),
            content_type: "text/html; charset=utf-8".to_owned(),
            etag: "\"abc\"".to_owned(),
        };
        for response in [answer(StatusCode::OK, file), not_modified("\"abc\"")] {
            assert_eq!(response.headers()[header::ETAG], "\"abc\"");
            assert_eq!(response.headers()[header::CONTENT_SECURITY_POLICY], POLICY);
        }
    }

    #[test]
    fn only_opening_the_site_is_a_view() {
        for (method, path, view) in [
            (Method::GET, "", true),
            (Method::GET, "index.html", true),
            (Method::GET, "app.js", false),
            (Method::HEAD, "", false),
        ] {
            assert_eq!(is_view(&method, path), view, "{method} {path}");
        }
    }
}
