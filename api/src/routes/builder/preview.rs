//! Published sites: on hosts of their own where the settings have them, otherwise under
//! `/preview/{slug}/`.
//!
//! They run unreviewed code. On a host of its own a site has an origin of its own, with
//! storage. Under `/preview/` it shares the API's origin: the `sandbox` directive, without
//! `allow-same-origin`, gives every page an opaque origin, which can read neither the
//! console's storage nor any answer of the API. Its own files are cross-origin for that page,
//! so they are sent with `Access-Control-Allow-Origin: *`.

use atelier_builder::deployments::{SiteFile, SiteHosts, SiteResponse, is_slug};
use axum::{
    Extension, Router,
    body::Body,
    extract::{OriginalUri, Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use percent_encoding::percent_decode_str;

use crate::{error::ApiError, extract::if_none_match, middleware, state::ApiState};

const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: https:; connect-src 'self'; frame-ancestors 'self'; base-uri 'none'; \
    form-action 'none'; object-src 'none'; \
    sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads";

/// The policy of a site on a host of its own, up to the origins that may show it in a frame.
const POLICY_OF_HOST: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob: https:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; \
    form-action 'self'; object-src 'none'; frame-ancestors 'self'";

/// Set on every answer of a published site, beside its policy.
const HEADERS: [(HeaderName, &str); 2] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // The next deployment has the same address: clients revalidate by ETag.
    (header::CACHE_CONTROL, "no-cache"),
];

/// The site of a request's host; none where no site can have that host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SiteOfHost(pub(crate) Option<String>);

/// The routes of published sites.
pub(crate) fn routes(state: &ApiState) -> Router<ApiState> {
    Router::new()
        .route("/preview/{slug}", get(redirect_to_folder))
        .route("/preview/{slug}/", get(show_index))
        .route("/preview/{slug}/{*path}", get(show_file))
        .layer(from_fn_with_state(state.clone(), middleware::around_previews))
}

/// The routes on the hosts of sites. They need a [`SiteOfHost`].
pub(crate) fn host_routes(state: &ApiState) -> Router<ApiState> {
    Router::new().fallback(show_on_host).layer(from_fn_with_state(state.clone(), middleware::around_previews))
}

async fn show_on_host(
    State(state): State<ApiState>,
    Extension(SiteOfHost(slug)): Extension<SiteOfHost>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if !matches!(method, Method::GET | Method::HEAD) {
        let refused = ApiError::of_status(StatusCode::METHOD_NOT_ALLOWED).into_response();
        return Ok(([(header::ALLOW, "GET, HEAD")], refused).into_response());
    }
    let slug = slug.ok_or_else(|| ApiError::not_found("page"))?;
    let path = percent_decode_str(uri.path()).decode_utf8();
    let path = path.map_err(|_| ApiError::of_status(StatusCode::BAD_REQUEST))?;
    let mut response = show(&state, &slug, &path, &method, &headers).await?;
    if let Some(policy) = state.services.builder.deployments.hosts().and_then(policy_of_host) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// The policy of a site on its host, which this instance may show in a frame.
fn policy_of_host(hosts: &SiteHosts) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{POLICY_OF_HOST} {}", hosts.public_origin())).ok()
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
    OriginalUri(uri): OriginalUri,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    show_in_folder(&state, &uri, &slug, "", &method, &headers).await
}

async fn show_file(
    State(state): State<ApiState>,
    Path((slug, path)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    show_in_folder(&state, &uri, &slug, &path, &method, &headers).await
}

/// The answer under `/preview/`: the site's host where it has one, otherwise the file in the
/// sandbox.
async fn show_in_folder(
    state: &ApiState,
    uri: &Uri,
    slug: &str,
    path: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let hosts = state.services.builder.deployments.hosts();
    if let Some(address) = hosts.and_then(|hosts| address_on_host(hosts, uri, slug)) {
        return Ok(Redirect::temporary(&address).into_response());
    }
    let mut response = show(state, slug, path, method, headers).await?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Ok(response)
}

/// The address on its host of what is at an address under `/preview/`. The path is not
/// decoded, so that no decoded character gets into the header.
fn address_on_host(hosts: &SiteHosts, uri: &Uri, slug: &str) -> Option<String> {
    let (_, path) = uri.path().strip_prefix("/preview/")?.split_once('/')?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    is_slug(slug).then(|| format!("{}{}{query}", hosts.url_of(slug), path.trim_start_matches('/')))
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
    if is_view(method, path.trim_start_matches('/')) {
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
    fn every_answer_has_the_validator() {
        let file = SiteFile {
            bytes: "<p>hello</p>".into(),
            content_type: "text/html; charset=utf-8".to_owned(),
            etag: "\"abc\"".to_owned(),
        };
        for response in [answer(StatusCode::OK, file), not_modified("\"abc\"")] {
            assert_eq!(response.headers()[header::ETAG], "\"abc\"");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
        }
    }

    #[test]
    fn a_host_of_its_own_has_storage_and_is_as_strict() {
        let hosts = SiteHosts::new("https://{slug}.sites.example", "https://atelier.example").expect("hosts");
        let policy = policy_of_host(&hosts).expect("a policy");
        let policy = policy.to_str().expect("text");

        assert!(policy.ends_with("frame-ancestors 'self' https://atelier.example"), "{policy}");
        for opening in ["sandbox", "unsafe-eval", "script-src 'self' 'unsafe-inline'"] {
            assert!(!policy.contains(opening), "{policy}");
        }
    }

    #[test]
    fn folders_lead_to_the_host() {
        let hosts = SiteHosts::new("https://{slug}.sites.example", "https://atelier.example").expect("hosts");
        for (address, slug, expected) in [
            ("/preview/list-1/", "list-1", Some("https://list-1.sites.example/")),
            ("/preview/list-1/a%20b.js?c=d", "list-1", Some("https://list-1.sites.example/a%20b.js?c=d")),
            ("/preview/list-1//evil.example/", "list-1", Some("https://list-1.sites.example/evil.example/")),
            ("/preview/evil.example%2F/", "evil.example/", None),
            ("/preview/A/", "A", None),
        ] {
            let uri = address.parse().expect("an address");
            assert_eq!(address_on_host(&hosts, &uri, slug).as_deref(), expected, "{address}");
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
