//! The document and two ways to read it, served without any outside host.

use std::sync::{Arc, LazyLock};

use aide::redoc::Redoc;
use axum::{
    Router,
    body::Bytes,
    extract::Path,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use utoipa_swagger_ui::Config;

use crate::{app::ApiState, error::ApiError, openapi};

const DOCUMENT: &str = "/openapi.json";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// Both readers style their elements inline; ReDoc searches in a worker made of a
/// blob. Scripts come from files only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; \
    child-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The logo that ReDoc would fetch from its vendor.
const VENDOR_LOGO: &str = "https://cdn.redoc.ly/redoc/logo-mini.svg";
const NO_LOGO: &str = "data:image/svg+xml,%3Csvg%20xmlns=%22http://www.w3.org/2000/svg%22/%3E";

/// The page and the script of ReDoc.
struct RedocFiles {
    page: String,
    script: Bytes,
    start: String,
}

static DOCUMENT_BYTES: LazyLock<Bytes> = LazyLock::new(|| openapi::openapi_json().into());
static REDOC: LazyLock<RedocFiles> = LazyLock::new(|| split_redoc(&Redoc::new(DOCUMENT).html()));

/// The routes of the document and its readers.
pub(crate) fn routes() -> Router<ApiState> {
    Router::new()
        .route(DOCUMENT, get(async || file("application/json", DOCUMENT_BYTES.clone())))
        .route("/docs", get(async || swagger("")))
        .route("/docs/", get(async || swagger("")))
        .route("/docs/{*file}", get(async |Path(file): Path<String>| swagger(&file)))
        .route("/redoc", get(async || file(HTML, REDOC.page.as_str())))
        .route("/redoc/redoc.js", get(async || file(JAVASCRIPT, REDOC.script.clone())))
        .route("/redoc/start.js", get(async || file(JAVASCRIPT, REDOC.start.as_str())))
}

fn file(kind: &str, content: impl Into<Bytes>) -> Response {
    let mut response = content.into().into_response();
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(kind) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    for (name, value) in [(header::CONTENT_SECURITY_POLICY, POLICY), (header::CACHE_CONTROL, "no-cache")] {
        headers.insert::<HeaderName>(name, HeaderValue::from_static(value));
    }
    response
}

/// A file of Swagger UI. Its page links to its files relatively; they are made
/// absolute, so that the page may stand at `/docs` without a slash.
fn swagger(path: &str) -> Response {
    let config = Arc::new(
        Config::from(DOCUMENT).validator_url("none").persist_authorization(true).try_it_out_enabled(true),
    );
    match utoipa_swagger_ui::serve(path, config) {
        Ok(Some(found)) if found.content_type.starts_with("text/html") => {
            let page = String::from_utf8_lossy(&found.bytes).replace("\"./", "\"/docs/");
            file(HTML, page.replace("href=\"index.css\"", "href=\"/docs/index.css\""))
        }
        Ok(Some(found)) => file(&found.content_type, found.bytes.into_owned()),
        Ok(None) => ApiError::not_found("page").into_response(),
        Err(error) => ApiError::internal(error).into_response(),
    }
}

/// Takes the script out of the page that aide writes, since a strict policy allows
/// no script inside a page.
fn split_redoc(page: &str) -> RedocFiles {
    let script = page.split_once("<script>").map_or("", |(_, rest)| rest);
    let script = script.rsplit_once("Redoc.init(").map_or(script, |(script, _)| script);
    RedocFiles {
        page: "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Atelier API</title>\
            <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"></head>\n\
            <body style=\"margin:0\"><div id=\"redoc\"></div>\n\
            <script src=\"/redoc/redoc.js\"></script>\n<script src=\"/redoc/start.js\"></script>\n\
            </body>\n</html>\n"
            .to_owned(),
        script: script.trim().replace(VENDOR_LOGO, NO_LOGO).into(),
        start: format!("Redoc.init(\"{DOCUMENT}\", {{}}, document.getElementById(\"redoc\"));\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text_of(response: Response) -> String {
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[tokio::test]
    async fn swagger_ui_is_served_from_here() {
        let page = text_of(swagger("")).await;
        assert!(page.contains("/docs/swagger-ui-bundle.js"), "{page}");
        assert!(!page.contains("\"./"), "{page}");
        assert!(!page.contains("http://") && !page.contains("https://"), "{page}");

        let start = text_of(swagger("swagger-initializer.js")).await;
        assert!(start.contains(DOCUMENT), "{start}");
        for file in ["swagger-ui-bundle.js", "swagger-ui.css", "index.css", "swagger-ui-standalone-preset.js"]
        {
            assert_eq!(swagger(file).status(), 200, "{file}");
        }
        assert_eq!(swagger("nothing.js").status(), 404);
    }

    #[test]
    fn redoc_is_served_from_here() {
        let script = std::str::from_utf8(&REDOC.script).expect("text");

        assert!(script.len() > 500_000, "{}", script.len());
        assert!(script.starts_with("/*!") && !script.contains("</body>"));
        assert!(!script.contains(VENDOR_LOGO));
        assert!(!REDOC.page.contains("http"), "{}", REDOC.page);
    }
}
