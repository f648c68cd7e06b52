//! The page at `/`, and its JSON form for programs that accept it.

use std::sync::LazyLock;

use atelier_entities::Locale;
use axum::{
    Router,
    http::{HeaderMap, HeaderName, header},
    response::Response,
    routing::get,
};
use serde_json::json;

use crate::{
    extract::{preferences, preferred_locale},
    state::ApiState,
    static_file::StaticFile,
};

/// No script, and no style but the page's own, by its hash.
const POLICY: &str = "default-src 'none'; style-src 'sha256-vRGI0GfRTVyJi6R76TuKI2uOTRfmOyn9VRgRYQMs0g0='; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE: &str = include_str!("home/style.css");
const STEPS: &str = include_str!("home/steps.sh");

const HEADERS: [(HeaderName, &str); 2] =
    [(header::CONTENT_SECURITY_POLICY, POLICY), (header::VARY, "accept, accept-language")];

static ENGLISH_PAGE: LazyLock<StaticFile> = LazyLock::new(|| page(&ENGLISH));
static FRENCH_PAGE: LazyLock<StaticFile> = LazyLock::new(|| page(&FRENCH));
static SUMMARY: LazyLock<StaticFile> = LazyLock::new(|| {
    let summary = json!({
        "name": "Atelier",
        "version": env!("CARGO_PKG_VERSION"),
        "documentation": "/docs",
        "reference": "/redoc",
        "openapi": "/openapi.json",
        "health": "/api/health",
    });
    StaticFile::new("application/json", summary.to_string())
});

/// The route of the page.
pub(crate) fn routes() -> Router<ApiState> {
    Router::new().route("/", get(show))
}

async fn show(headers: HeaderMap) -> Response {
    let kept = match (wants_json(&headers), preferred_locale(&headers)) {
        (true, _) => &SUMMARY,
        (false, Locale::Fr) => &FRENCH_PAGE,
        (false, Locale::En) => &ENGLISH_PAGE,
    };
    kept.answer(&headers, None, &HEADERS)
}

/// Whether JSON is accepted by name, and preferred to HTML.
fn wants_json(headers: &HeaderMap) -> bool {
    let weight = |kind: &str| {
        let named = preferences(headers, header::ACCEPT).filter(|(name, _)| name.eq_ignore_ascii_case(kind));
        named.map(|(_, weight)| weight).fold(0.0, f32::max)
    };
    weight("application/json") > weight("text/html")
}

/// What the page says in a language.
struct Words {
    language: &'static str,
    lead: &'static str,
    what: &'static str,
    look: &'static str,
    /// Address, name, what is there.
    links: [(&'static str, &'static str, &'static str); 4],
    steps: &'static str,
    steps_hint: &'static str,
    more: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    lead: "Describe an application, get it written, versioned, zipped and published.",
    what: "This is the HTTP API of an Atelier server. It turns every slow request into a durable job. \
        It has no user interface of its own: bring yours, or begin with curl.",
    look: "Where to look",
    links: [
        ("/docs", "Try it", "every operation, in Swagger UI"),
        ("/redoc", "Read it", "the reference, in ReDoc"),
        ("/openapi.json", "Generate a client", "the contract, OpenAPI 3.1"),
        ("/api/health", "Health", "whether the server can work"),
    ],
    steps: "First steps",
    steps_hint: "With curl and jq; API is the address of this page.",
    more: "Programs that ask for <code>application/json</code> get this page as JSON.",
};

const FRENCH: Words = Words {
    language: "fr",
    lead: "Décrivez une application : elle est écrite, versionnée, archivée et publiée.",
    what: "Voici l’API HTTP d’un serveur Atelier. Chaque requête lente y devient une tâche durable. \
        Il n’a pas d’interface propre : apportez la vôtre, ou commencez avec curl.",
    look: "Où regarder",
    links: [
        ("/docs", "Essayer", "chaque opération, dans Swagger UI"),
        ("/redoc", "Lire", "la référence, dans ReDoc"),
        ("/openapi.json", "Générer un client", "le contrat, OpenAPI 3.1"),
        ("/api/health", "État", "si le serveur peut travailler"),
    ],
    steps: "Premiers pas",
    steps_hint: "Avec curl et jq ; API est l’adresse de cette page.",
    more: "Les programmes qui demandent <code>application/json</code> reçoivent cette page en JSON.",
};

const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
    %3Crect width='16' height='16' rx='4' fill='%238a3b12'/%3E\
    %3Cpath d='M4 12 8 4l4 8M5.6 9.5h4.8' fill='none' stroke='%23fff' stroke-width='1.6'/%3E%3C/svg%3E";

fn page(words: &Words) -> StaticFile {
    let Words { language, lead, what, look, links, steps, steps_hint, more } = words;
    let links: String = links
        .iter()
        .map(|(address, name, meaning)| {
            format!(
                "<li><a href=\"{address}\"><strong>{name}</strong> {meaning}<br><code>{address}</code></a></li>\n"
            )
        })
        .collect();
    let commands = STEPS.trim_end().replace('&', "&amp;").replace('<', "&lt;");
    let text = format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n<title>Atelier</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"description\" content=\"{lead}\">\n<link rel=\"icon\" href=\"{ICON}\">\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Atelier<span>.</span></h1>\n\
         <p class=\"lead\">{lead}</p>\n<p class=\"soft\">{what}</p>\n<h2>{look}</h2>\n<ul>\n{links}</ul>\n\
         <h2>{steps}</h2>\n<p class=\"soft\">{steps_hint}</p>\n\
         <pre tabindex=\"0\"><code>{commands}</code></pre>\n\
         <footer class=\"soft\">{version}{more}</footer>\n</main>\n</body>\n</html>\n",
        version = concat!("Atelier ", env!("CARGO_PKG_VERSION"), " · "),
    );
    StaticFile::new("text/html; charset=utf-8", text)
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::testing::{LIMITS, TestApi, request};
    use serde_json::Value;

    async fn ask(api: &TestApi, name: HeaderName, value: &str) -> (String, Value) {
        let mut asked = request("GET", "/", "", Value::Null);
        asked.headers_mut().insert(name, value.parse().expect("a value"));
        let answer = api.send(asked).await;
        assert_eq!(answer.status, 200);
        (answer.headers[header::CONTENT_TYPE].to_str().expect("text").to_owned(), answer.body)
    }

    #[test]
    fn the_policy_has_the_hash_of_the_style() {
        let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        assert!(POLICY.contains(&format!("'sha256-{hash}'")), "{hash}");
        assert!(!POLICY.contains("unsafe"));
    }

    #[tokio::test]
    async fn people_get_a_page_in_their_language_and_programs_json() {
        let api = TestApi::start(LIMITS).await;
        for (accepted, is_json) in [
            ("text/html,application/xhtml+xml,*/*;q=0.8", false),
            ("*/*", false),
            ("application/json", true),
            ("application/json, text/plain, */*", true),
            ("application/json;q=0.5, text/html", false),
        ] {
            let (kind, body) = ask(&api, header::ACCEPT, accepted).await;
            assert_eq!(kind.starts_with("application/json"), is_json, "{accepted}");
            assert_eq!(body["openapi"] == "/openapi.json", is_json, "{accepted}");
        }
        for (accepted, language) in
            [("fr-CA, en;q=0.8", "fr"), ("en, fr;q=0.9", "en"), ("de, fr;q=0.3", "fr"), ("de", "en")]
        {
            let (_, page) = ask(&api, header::ACCEPT_LANGUAGE, accepted).await;
            let page = page.as_str().expect("a page").to_owned();
            assert!(page.contains(&format!("<html lang=\"{language}\">")), "{accepted}");
            assert!(!page.contains("<script") && !page.contains("style=\""), "{accepted}");
        }
    }

    #[tokio::test]
    async fn every_link_of_the_page_leads_somewhere() {
        let api = TestApi::start(LIMITS).await;
        for words in [&ENGLISH, &FRENCH] {
            for (address, ..) in words.links {
                let answer = api.call("GET", address, "", Value::Null).await;
                assert_eq!(answer.status, 200, "{address}");
            }
        }
    }
}
