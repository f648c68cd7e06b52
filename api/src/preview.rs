//! Published sites under `/preview/{slug}/`.
//!
//! They run code that nobody has read on the API's own origin. The `sandbox`
//! directive, without `allow-same-origin`, therefore gives every page an origin of
//! its own that equals no other: it can read neither the console's storage nor any
//! answer of the API. Its own files come from that origin's point of view from
//! elsewhere, which is why they are sent with `Access-Control-Allow-Origin: *`.

use atelier_services::deployments::SiteFile;
use axum::{
    Router,
    body::Body,
    extract::{OriginalUri, Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

use crate::{app::ApiState, error::ApiError, extract::is_unchanged};

const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: https:; connect-src 'self'; frame-ancestors 'self'; base-uri 'none'; \
    form-action 'none'; object-src 'none'; \
    sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads";

/// Set on every answer of a published site.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    // The next publication stands at the same address: ask each time, by ETag.
    (header::CACHE_CONTROL, "no-cache"),
];

/// The routes of published sites.
pub(crate) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/preview/{slug}", get(redirect_to_folder))
        .route("/preview/{slug}/", get(show_index))
        .route("/preview/{slug}/{*path}", get(show_file))
}

/// Relative links of the site need the slash. The path is taken as it came, so that
/// nothing decoded gets into the header.
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
    let deployments = &state.services.deployments;
    let Some(file) = deployments.site_file(slug, path).await? else {
        let page = deployments.missing_page(slug).await?.ok_or_else(|| ApiError::not_found("page"))?;
        return Ok(answer(StatusCode::NOT_FOUND, page, &HeaderMap::new()));
    };
    if is_view(method, path) {
        deployments.count_view(slug).await;
    }
    Ok(answer(StatusCode::OK, file, headers))
}

/// Whether this is somebody who opens the site, rather than a part of its page.
fn is_view(method: &Method, path: &str) -> bool {
    method == Method::GET && matches!(path, "" | "index.html")
}

fn answer(status: StatusCode, file: SiteFile, headers: &HeaderMap) -> Response {
    let unchanged = is_unchanged(headers, &file.etag);
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (status, Body::from(file.bytes)).into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(etag) = HeaderValue::from_str(&file.etag) {
        headers.insert(header::ETAG, etag);
    }
    if !unchanged && let Ok(kind) = HeaderValue::from_str(&file.content_type) {
        headers.insert(header::CONTENT_TYPE, kind);
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
    fn a_file_that_the_browser_has_is_not_sent_again() {
        let file = SiteFile {
            bytes: "<p>hello</p>".into(),
            content_type: "text/html; charset=utf-8".to_owned(),
            etag: "\"abc\"".to_owned(),
        };
        let mut headers = HeaderMap::new();
        assert_eq!(answer(StatusCode::OK, file.clone(), &headers).status(), StatusCode::OK);

        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"abc\""));
        let response = answer(StatusCode::OK, file, &headers);
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(response.headers()[header::ETAG], "\"abc\"");
        assert!(response.headers().contains_key(header::CONTENT_SECURITY_POLICY));
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
