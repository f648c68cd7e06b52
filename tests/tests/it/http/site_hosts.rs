//! React applications, and sites on hosts of their own.

use std::io::{Cursor, Read};

use atelier_builder::react::are_embedded;
use atelier_tests::{AppSetup, Chromium, Completion, FakeOpenAi, Person, TestApp, job_id, run_vite, skip};
use serde_json::{Value, json};
use tempfile::TempDir;
use zip::ZipArchive;

use super::bodies::raw;

/// The manifest of the project: the packages of `tests/vite`.
const MANIFEST: &str = include_str!("../../../vite/package.json");

/// A React application that counts its visits in the browser's storage.
const FILES: [(&str, &str); 7] = [
    ("package.json", MANIFEST),
    (
        "vite.config.ts",
        "import react from '@vitejs/plugin-react';\nimport { defineConfig } from 'vite';\n\n\
         export default defineConfig({ plugins: [react()] });",
    ),
    (
        "index.html",
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Visits</title>\n</head>\n\
         <body>\n<div id=\"root\"></div>\n<script type=\"module\" src=\"/src/main.tsx\"></script>\n</body>\n</html>",
    ),
    (
        "src/main.tsx",
        "import { createRoot } from 'react-dom/client';\nimport App from './App';\nimport './index.css';\n\n\
         createRoot(document.getElementById('root')!).render(<App />);",
    ),
    (
        "src/App.tsx",
        "import { BookOpen } from 'lucide-react';\nimport { useState } from 'react';\nimport { count } from './storage';\n\n\
         export default function App() {\n  const [visits] = useState<number>(count);\n  return (\n    <p>\n      \
         <BookOpen aria-hidden />\n      {`visits: ${visits} & more`}\n    </p>\n  );\n}",
    ),
    (
        "src/storage.ts",
        "export function count(): number {\n  const visits = Number(localStorage.getItem('visits') ?? '0') + 1;\n  \
         localStorage.setItem('visits', String(visits));\n  return visits;\n}",
    ),
    ("src/index.css", "p { color: teal; }"),
];

/// An instance with a published React application.
struct Setup {
    app: TestApp,
    ada: Person,
    project: String,
    /// The address of the site.
    url: String,
    _model: FakeOpenAi,
}

impl Setup {
    async fn of(preview_url: &str) -> Self {
        let blocks = FILES.map(|(path, text)| format!("```{} path={path}\n{text}\n```\n", tag_of(path)));
        let answer = format!("An application.\n\n{}", blocks.join("\n"));
        let model = FakeOpenAi::start([Completion::text(&answer)]).await;
        let setup = AppSetup::embedded().with_model(&model);
        let app = setup.with(|settings| settings.server.preview_url = preview_url.to_owned()).start().await;
        let ada = app.client().register("ada@example.org").await;
        let project = ada.create_project("Visits").await;
        ada.job_once(&ada.start_generation(&project).await, "succeeded").await;
        let path = format!("/api/projects/{project}/deploy");
        let started = ada.client.post(&path).json(&json!({"platform": "preview"})).send().await.expect(202);
        let job = ada.job_once(&job_id(&started), "succeeded").await;
        let url = job["result"]["url"].as_str().expect("an address").to_owned();
        Self { app, ada, project, url, _model: model }
    }

    /// The host of the site, with its port.
    fn host(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches('/')
    }

    /// The answer to a request to the instance with this host.
    async fn ask(&self, method: &str, path: &str, host: &str) -> String {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer x\r\n");
        raw(&self.app, &format!("{head}Connection: close\r\n\r\n")).await
    }
}

/// Whether the build has the libraries that show React applications, which `scripts/test`
/// makes.
fn has_libraries() -> bool {
    if !are_embedded() {
        skip("the build has no libraries of React applications");
    }
    are_embedded()
}

fn tag_of(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or_default()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_has_a_host_without_the_api() {
    let setup = Setup::of("").await;
    let (host, slug) = (setup.host(), setup.host().split('.').next().unwrap_or_default());
    assert!(host.contains(".localhost:"), "{host}");

    let page = setup.ask("GET", "/", host).await.to_ascii_lowercase();
    assert!(page.starts_with("http/1.1 200 "), "{page}");
    assert!(page.contains("script-src 'self';") && !page.contains("sandbox"), "{page}");
    assert!(!page.contains("set-cookie") && !page.contains("access-control-allow-origin"), "{page}");

    for (method, path, host, expected) in [
        ("POST", "/", host.to_owned(), "405"),
        ("POST", "/api/auth/login", host.to_owned(), "405"),
        ("GET", "/nothing.js", host.to_owned(), "404"),
        ("GET", "/", host.to_ascii_uppercase().replace(".LOCALHOST", ".LocalHost."), "200"),
        ("GET", "/", "nobody-1.localhost".to_owned(), "404"),
        ("GET", "/", format!("a.{host}"), "404"),
        ("GET", "/api/health", "127.0.0.1".to_owned(), "200"),
    ] {
        let answer = setup.ask(method, path, &host).await;
        assert_eq!(status(&answer), expected, "{method} {host}{path}: {answer}");
    }
    // Paths without a file are routes of the application, if it has some, and never the API's.
    for path in ["/api/health", "/api/jobs/0197f1a0-0000-7000-8000-000000000000", "/metrics", "/docs"] {
        let answer = setup.ask("GET", path, host).await;
        assert!(status(&answer) == "404" || answer.contains("<div id=\"root\">"), "{path}: {answer}");
    }
    let moved = setup.ask("GET", &format!("/preview/{slug}/src/a.css?b=c"), "127.0.0.1").await;
    assert_eq!(status(&moved), "307", "{moved}");
    assert!(moved.contains(&format!("location: {}src/a.css?b=c\r\n", setup.url)), "{moved}");
    setup.app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_react_application_runs_and_keeps_data_on_its_host() {
    let setup = Setup::of("").await;
    if let (Some(browser), true) = (Chromium::find().await, has_libraries()) {
        for visit in 1..=2 {
            let page = browser.open(&setup.url).await;
            assert!(page.contains(&format!("visits: {visit} &amp; more")), "{page}");
            assert!(page.contains("lucide-book-open") && page.contains("href=\"/src/index.css\""), "{page}");
        }
    }
    setup.app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_host_the_page_says_why_it_keeps_no_data() {
    let setup = Setup::of("none").await;
    let path = setup.app.path_of(&setup.url).to_owned();

    let page = setup.app.client().get(&path).send().await.expect(200);

    assert!(page.header("content-security-policy").contains("sandbox allow-scripts"));
    if has_libraries() {
        assert!(page.text().contains("server.preview_url"), "{}", page.text());
        let _script = setup.app.client().get(&format!("{path}src/main.tsx.js")).send().await.expect(200);
    }
    setup.app.finish().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_archive_has_the_sources_and_vite_builds_them() {
    let setup = Setup::of("none").await;
    let path = format!("/api/projects/{}/export/zip", setup.project);
    let download = setup.ada.client.post(&path).send().await.expect(200);
    let mut archive = ZipArchive::new(Cursor::new(&download.bytes)).expect("a ZIP");
    let folder = TempDir::new().expect("a folder");
    for (path, text) in FILES {
        let mut packed = String::new();
        archive.by_name(path).expect("the file is packed").read_to_string(&mut packed).expect("text");
        assert_eq!(packed.trim_end(), text.trim_end(), "{path}");
        let file = folder.path().join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("created");
        std::fs::write(file, packed).expect("written");
    }

    assert_eq!(run_vite(folder.path()).await, Ok(()));

    let built = std::fs::read_to_string(folder.path().join("dist/index.html")).expect("a page");
    assert!(built.contains("<script type=\"module\""), "{built}");
    setup.app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_compiled_does_not_become_a_version() {
    let answer = "An application.\n\n```html path=index.html\n<!doctype html>\n<html lang=\"en\">\n<head><title>x</title></head>\n\
        <body><div id=\"root\"></div><script type=\"module\" src=\"/src/main.ts\"></script></body>\n</html>\n```\n\n\
        ```ts path=src/main.ts\nimport { a } from 'three';\n\nexport const b: string = a;\ndocument.title = b;\n```\n\n\
        ```json path=package.json\n{\"name\": \"visits\", \"private\": true, \"type\": \"module\", \"scripts\": {\"build\": \"vite build\"},\n\
        \"dependencies\": {\"three\": \"^0.170.0\"}, \"devDependencies\": {\"vite\": \"^7.0.0\"}}\n```\n";
    let model =
        FakeOpenAi::start([Completion::text(answer), Completion::text(answer), Completion::text(answer)])
            .await;
    let app = AppSetup::embedded().with_model(&model).start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Visits").await;

    let job = ada.job_once(&ada.start_generation(&project).await, "failed").await;

    let fault: &Value = &job["error"]["details"]["faults"][0];
    assert_eq!((&fault["path"], &fault["line"]), (&json!("src/main.ts"), &json!(1)), "{job}");
    assert_eq!(fault["code"], "UNKNOWN_LIBRARY");
    app.finish().await;
}
