//! The files of the document and of its readers.

use std::sync::{Arc, LazyLock};

use aide::redoc::Redoc;
use utoipa_swagger_ui::Config;

use super::DOCUMENT;
use crate::static_file::StaticFile;

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// The logo that ReDoc would fetch from its vendor.
const VENDOR_LOGO: &str = "https://cdn.redoc.ly/redoc/logo-mini.svg";
const NO_LOGO: &str = "data:image/svg+xml,%3Csvg%20xmlns=%22http://www.w3.org/2000/svg%22/%3E";

/// The kind and the content of the file at that address; None where there is none.
pub(super) fn content(address: &str) -> Option<(String, Vec<u8>)> {
    let of = |kind: &str, text: String| Some((kind.to_owned(), text.into_bytes()));
    match address {
        DOCUMENT => of("application/json", super::openapi_json().to_owned()),
        "/redoc/" => of(HTML, redoc_page()),
        "/redoc/redoc.js" => of(JAVASCRIPT, redoc_script()),
        "/redoc/start.js" => {
            of(JAVASCRIPT, format!("Redoc.init(\"{DOCUMENT}\", {{}}, document.getElementById(\"redoc\"));\n"))
        }
        _ => swagger(address.strip_prefix("/docs/")?),
    }
}

/// A file of Swagger UI. Its page links to its files relatively; they are made
/// absolute, so that the page works at `/docs` without a slash.
fn swagger(path: &str) -> Option<(String, Vec<u8>)> {
    static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
        let config = Config::from(DOCUMENT).validator_url("none").persist_authorization(true);
        Arc::new(config.try_it_out_enabled(true))
    });
    let found = utoipa_swagger_ui::serve(path, CONFIG.clone()).unwrap_or_else(|error| {
        tracing::error!(%error, "a file of Swagger UI cannot be made");
        None
    })?;
    if !found.content_type.starts_with("text/html") {
        return Some((found.content_type, found.bytes.into_owned()));
    }
    let page = String::from_utf8_lossy(&found.bytes).replace("\"index.css\"", "\"./index.css\"");
    let mut parts = page.split("\"./");
    let mut linked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('"').unwrap_or((part, ""));
        linked += &format!("\"{}\"{rest}", immutable_path("/docs/", name));
    }
    Some((HTML.to_owned(), linked.into_bytes()))
}

/// A page without any script inside, which a strict policy does not allow.
fn redoc_page() -> String {
    let (script, start) = (immutable_path("/redoc/", "redoc.js"), immutable_path("/redoc/", "start.js"));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Atelier API</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"></head>\n\
         <body style=\"margin:0\"><div id=\"redoc\"></div>\n\
         <script src=\"{script}\"></script>\n<script src=\"{start}\"></script>\n</body>\n</html>\n"
    )
}

/// The script of the page that aide writes.
fn redoc_script() -> String {
    let page = Redoc::new(DOCUMENT).html();
    let script = page.split_once("<script>").map_or("", |(_, rest)| rest);
    let script = script.rsplit_once("Redoc.init(").map_or(script, |(script, _)| script);
    script.trim().replace(VENDOR_LOGO, NO_LOGO)
}

/// The address of a file with its hash, under which it may be cached for good.
fn immutable_path(folder: &str, name: &str) -> String {
    let file = super::ensure(&format!("{folder}{name}"));
    format!("{folder}{}", file.map_or_else(|| name.to_owned(), |file: StaticFile| file.name(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(address: &str) -> String {
        let (_, content) = content(address).expect("a file");
        String::from_utf8_lossy(&content).into_owned()
    }

    #[test]
    fn swagger_ui_is_served_from_here() {
        let page = text("/docs/");
        assert!(page.contains("/docs/swagger-ui-bundle."), "{page}");
        assert!(!page.contains("\"./") && !page.contains("\"index.css\""), "{page}");
        assert!(!page.contains("http://") && !page.contains("https://"), "{page}");

        assert!(text("/docs/swagger-initializer.js").contains(DOCUMENT));
        for file in ["swagger-ui-bundle.js", "swagger-ui.css", "index.css", "swagger-ui-standalone-preset.js"]
        {
            assert!(content(&format!("/docs/{file}")).is_some(), "{file}");
        }
        assert_eq!(content("/docs/nothing.js"), None);
    }

    #[test]
    fn redoc_is_served_from_here() {
        let script = text("/redoc/redoc.js");

        assert!(script.len() > 500_000, "{}", script.len());
        assert!(script.starts_with("/*!") && !script.contains("</body>"));
        assert!(!script.contains(VENDOR_LOGO));
        assert!(!text("/redoc/").contains("http"), "{}", text("/redoc/"));
    }
}
