//! The OpenAPI document, Swagger UI and ReDoc, served without any other host.

mod files;

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock},
};

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, HeaderName, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{
    error::ApiError,
    state::ApiState,
    static_file::{HASH_DIGITS, StaticFile},
};

const DOCUMENT: &str = "/openapi.json";

/// The document as it is kept in the repository. A test compares it with the code.
const KEPT: &str = include_str!("../../docs/openapi.json");

const _: () = assert!(!KEPT.is_empty(), "docs/openapi.json is empty: restore it before you build");

/// Both readers style their elements inline; ReDoc searches in a worker made of a
/// blob. Scripts come from files only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; \
    child-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 1] = [(header::CONTENT_SECURITY_POLICY, POLICY)];

/// The files that were requested, by address. Only existing files have an entry.
static CACHE: LazyLock<RwLock<HashMap<String, Arc<OnceLock<StaticFile>>>>> = LazyLock::new(RwLock::default);

/// The OpenAPI document as text: indented, in a stable order, with a line break at the end.
#[must_use]
pub fn openapi_json() -> &'static str {
    KEPT
}

/// The routes of the document and its readers.
pub(crate) fn routes() -> Router<ApiState> {
    let at = |address: &'static str| {
        get(async move |headers: HeaderMap| show(address.to_owned(), None, headers).await)
    };
    let within = |folder: &'static str| {
        get(async move |Path(file): Path<String>, headers: HeaderMap| show_named(folder, file, headers).await)
    };
    Router::new()
        .route(DOCUMENT, at(DOCUMENT))
        .route("/docs", at("/docs/"))
        .route("/docs/", at("/docs/"))
        .route("/docs/{*file}", within("/docs/"))
        .route("/redoc", at("/redoc/"))
        .route("/redoc/", at("/redoc/"))
        .route("/redoc/{*file}", within("/redoc/"))
}

/// A file by its name, with its hash or without.
async fn show_named(folder: &str, name: String, headers: HeaderMap) -> Response {
    let (plain, hash) = without_hash(&name);
    show(format!("{folder}{plain}"), hash, headers).await
}

async fn show(address: String, hash: Option<String>, headers: HeaderMap) -> Response {
    let file = match find(&address) {
        Some(file) => Some(file),
        // On a thread that may block, and to its end where the client disconnects.
        None => tokio::task::spawn_blocking(move || ensure(&address)).await.unwrap_or_default(),
    };
    match file {
        Some(file) => file.answer(&headers, hash.as_deref(), &HEADERS),
        None => ApiError::not_found("page").into_response(),
    }
}

fn find(address: &str) -> Option<StaticFile> {
    let cache = CACHE.read().unwrap_or_else(PoisonError::into_inner);
    cache.get(address)?.get().cloned()
}

/// The file at that address, created at its first request.
fn ensure(address: &str) -> Option<StaticFile> {
    if let Some(file) = find(address) {
        return Some(file);
    }
    let (kind, content) = files::content(address)?;
    let mut cache = CACHE.write().unwrap_or_else(PoisonError::into_inner);
    let entry = cache.entry(address.to_owned()).or_default().clone();
    drop(cache);
    Some(entry.get_or_init(|| StaticFile::new(&kind, content)).clone())
}

/// `a.0123456789abcdef.js` as `a.js` and its hash.
fn without_hash(name: &str) -> (String, Option<String>) {
    let is_hash = |part: &str| part.len() == HASH_DIGITS && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let Some((rest, extension)) = name.rsplit_once('.') else { return (name.to_owned(), None) };
    match rest.rsplit_once('.') {
        Some((stem, hash)) if is_hash(hash) => (format!("{stem}.{extension}"), Some(hash.to_owned())),
        _ => (name.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_split_from_the_name() {
        let kept = StaticFile::new("text/plain", "text");
        for name in ["redoc.js", "swagger-ui.css", "a.min.js"] {
            let (plain, hash) = without_hash(&kept.name(name));
            assert_eq!((plain.as_str(), hash.is_some()), (name, true));
            assert_eq!(without_hash(name), (name.to_owned(), None));
        }
    }

    #[tokio::test]
    async fn pages_link_to_immutable_files() {
        for page in ["/docs/", "/redoc/"] {
            let kept = ensure(page).expect("a page");
            let text = kept.text();
            let files: Vec<_> =
                text.split('"').filter(|part| part.starts_with(page) && part.contains('.')).collect();
            assert!(files.len() >= 2, "{text}");
            for file in files {
                let name = file.strip_prefix(page).expect("in the folder").to_owned();
                let answer = show_named(page, name, HeaderMap::new()).await;
                let cache_control = answer.headers()[header::CACHE_CONTROL].to_str().expect("text");
                assert!(
                    answer.status() == 200 && cache_control.contains("immutable"),
                    "{file}: {cache_control}"
                );
            }
        }
    }

    #[tokio::test]
    async fn a_file_is_created_once() {
        let first = show(DOCUMENT.to_owned(), None, HeaderMap::new()).await;
        let kept = find(DOCUMENT).expect("cached");
        let again = ensure(DOCUMENT).expect("cached");

        assert_eq!(first.status(), 200);
        assert_eq!(kept.text().as_ptr(), again.text().as_ptr());
        assert!(find("/docs/nothing.js").is_none());
        assert_eq!(show("/docs/nothing.js".to_owned(), None, HeaderMap::new()).await.status(), 404);
        assert!(!CACHE.read().expect("unpoisoned").contains_key("/docs/nothing.js"));
    }
}
