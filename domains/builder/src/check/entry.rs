//! Finds the entry file of an application.

use atelier_entities::ProjectKind;

use crate::file::GeneratedFile;

/// Text that identifies a script as a server.
const SERVER_MARKS: [&str; 16] = [
    "createServer(",
    "express(",
    "fastify(",
    "Fastify(",
    "new Koa(",
    "new Hono(",
    "Bun.serve(",
    "Deno.serve(",
    "NestFactory",
    ".listen(",
    "FastAPI(",
    "Flask(",
    "HTTPServer(",
    "http.server",
    "aiohttp",
    "django",
];
/// Languages of servers for which there is no parser here.
const SERVER_LANGUAGES: [&str; 9] =
    ["go", "rust", "ruby", "php", "java", "kotlin", "csharp", "elixir", "dart"];

/// The entry file: a page or a React entry, or the server of an API.
pub(super) fn find_entry(files: &[GeneratedFile], kind: ProjectKind) -> Option<String> {
    let full = files.iter().filter(|file| !file.content.trim().is_empty());
    let rank = |file: &&GeneratedFile| match kind {
        ProjectKind::Api => server_rank(file),
        ProjectKind::WebApp | ProjectKind::MobileApp | ProjectKind::LandingPage => page_rank(file),
    };
    full.filter(|file| rank(file).is_some())
        .min_by_key(|file| (rank(file), file.path.matches('/').count()))
        .map(|file| file.path.clone())
}

/// The message for a missing entry file.
pub(super) fn missing_entry(kind: ProjectKind) -> &'static str {
    match kind {
        ProjectKind::Api => "there is no server to start, such as server.js or main.py",
        ProjectKind::WebApp | ProjectKind::MobileApp | ProjectKind::LandingPage => {
            "there is no index.html and no React entry such as src/main.jsx"
        }
    }
}

fn page_rank(file: &GeneratedFile) -> Option<u8> {
    let name = file_name(&file.path).to_lowercase();
    if matches!(name.as_str(), "index.html" | "index.htm") {
        return Some(0);
    }
    let stem = name.split('.').next().unwrap_or_default();
    let starts = matches!(stem, "main" | "index" | "app" | "_app" | "page" | "_layout");
    match file.language.as_str() {
        "jsx" | "tsx" if starts => Some(1),
        "javascript" | "typescript" if starts && is_react(&file.content) => Some(2),
        "html" => Some(3),
        _ => None,
    }
}

/// Whether the script uses React.
fn is_react(content: &str) -> bool {
    ["'react", "\"react", "React."].iter().any(|mark| content.contains(mark))
}

/// Whether the file is the source of a server.
pub(crate) fn is_server_source(file: &GeneratedFile) -> bool {
    server_rank(file).is_some()
}

fn server_rank(file: &GeneratedFile) -> Option<u8> {
    let path = file.path.to_lowercase();
    let name = file_name(&path);
    let stem = name.split('.').next().unwrap_or_default();
    let is_test = name.contains("test") || name.contains("spec") || path.contains("tests/");
    let marked = SERVER_MARKS.iter().any(|mark| file.content.contains(mark));
    let rank = match file.language.as_str() {
        "javascript" | "typescript" => match stem {
            "server" => Some(0),
            "index" | "app" | "main" | "api" if marked => Some(1),
            _ if marked && !is_react(&file.content) => Some(3),
            _ => None,
        },
        "python" => match stem {
            "main" | "app" | "server" | "manage" | "wsgi" | "asgi" => Some(if marked { 0 } else { 1 }),
            _ if marked => Some(2),
            _ => None,
        },
        language if SERVER_LANGUAGES.contains(&language) => {
            Some(if matches!(stem, "main" | "server" | "app" | "index" | "program") { 2 } else { 4 })
        }
        _ => None,
    };
    rank.filter(|_| !is_test)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(files: &[(&str, &str)], kind: ProjectKind) -> Option<String> {
        let files: Vec<_> = files.iter().map(|(path, content)| GeneratedFile::new(path, content)).collect();
        find_entry(&files, kind)
    }

    #[test]
    fn the_entry_file_of_each_kind_is_found() {
        const PAGE: (&str, &str) = ("index.html", "<p>");
        use ProjectKind::{Api, LandingPage, MobileApp, WebApp};
        for (files, kind, expected) in [
            (vec![("docs/index.html", "<p>"), PAGE], WebApp, Some("index.html")),
            (vec![("public/index.html", "<p>"), ("src/App.jsx", "x")], WebApp, Some("public/index.html")),
            (vec![("src/main.tsx", "x"), ("src/deep/App.tsx", "x")], WebApp, Some("src/main.tsx")),
            (vec![("App.js", "import {View} from 'react-native'")], MobileApp, Some("App.js")),
            (vec![("App.js", "let a")], MobileApp, None),
            (vec![("index.html", " \n")], LandingPage, None),
            (vec![("styles.css", "p{}")], LandingPage, None),
            (vec![PAGE, ("server.js", "x"), ("test.js", ".listen(")], Api, Some("server.js")),
            (vec![PAGE, ("script.js", "document.body")], Api, None),
            (vec![("lib/routes.js", "x"), ("src/index.ts", "app.listen(3000)")], Api, Some("src/index.ts")),
            (vec![("app/main.py", "app = FastAPI()")], Api, Some("app/main.py")),
            (vec![("main.go", "package main")], Api, Some("main.go")),
        ] {
            assert_eq!(entry(&files, kind).as_deref(), expected, "{files:?}");
        }
    }
}
