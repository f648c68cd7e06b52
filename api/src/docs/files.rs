//! The files of the document and of its readers.

use std::io::{Cursor, Read};

use aide::redoc::Redoc;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::{ZipArchive, result::ZipResult};

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
    let path = if path.is_empty() { "index.html" } else { path };
    if path == "swagger-initializer.js" {
        return Some((JAVASCRIPT.to_owned(), swagger_start().into_bytes()));
    }
    let content = unpack(path).unwrap_or_else(|error| {
        tracing::error!(%error, "a file of Swagger UI cannot be read");
        None
    })?;
    if path != "index.html" {
        return Some((mime_guess::from_path(path).first_or_octet_stream().to_string(), content));
    }
    let page = String::from_utf8_lossy(&content).replace("\"index.css\"", "\"./index.css\"");
    let mut parts = page.split("\"./");
    let mut linked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('"').unwrap_or((part, ""));
        linked += &format!("\"{}\"{rest}", immutable_path("/docs/", name));
    }
    Some((HTML.to_owned(), linked.into_bytes()))
}

/// A file of the archive of Swagger UI; None where there is none of that name.
fn unpack(path: &str) -> ZipResult<Option<Vec<u8>>> {
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let is_it = |name: &str| {
        name.split_once("/dist/").is_some_and(|(root, file)| !root.contains('/') && file == path)
    };
    let names = archive.file_names().map(|name| name.map(|name| name.into_owned()));
    let names = names.collect::<ZipResult<Vec<String>>>()?;
    let Some(name) = names.iter().find(|name| is_it(name)) else { return Ok(None) };
    let mut content = Vec::new();
    archive.by_name(name)?.read_to_end(&mut content)?;
    Ok(Some(content))
}

/// The script that shows the document.
fn swagger_start() -> String {
    format!(
        "window.onload = () => {{\n  window.ui = SwaggerUIBundle({{\n    url: \"{DOCUMENT}\",\n    \
         dom_id: \"#swagger-ui\",\n    deepLinking: true,\n    persistAuthorization: true,\n    \
         tryItOutEnabled: true,\n    validatorUrl: \"none\",\n    layout: \"StandaloneLayout\",\n    \
         presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],\n    \
         plugins: [SwaggerUIBundle.plugins.DownloadUrl],\n  }});\n}};\n"
    )
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
