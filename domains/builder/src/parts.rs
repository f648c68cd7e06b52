//! Selects the main files of an application for a view of its code.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::check::is_server_source;
use crate::file::GeneratedFile;

/// The parts of an application, as `GET /api/projects/{id}/code` returns them. A missing
/// part is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AppParts {
    /// The main page.
    pub html: Option<String>,
    /// The main style sheet.
    pub css: Option<String>,
    /// The main script of the page.
    pub js: Option<String>,
    /// The main React component.
    pub react: Option<String>,
    /// The main source of the server.
    pub backend: Option<String>,
    /// The tree of folders: a folder is an object, a file is its size in bytes.
    pub structure: Value,
    /// `package.json`.
    pub package_json: Option<String>,
    /// `requirements.txt`.
    pub requirements_txt: Option<String>,
    /// Every file's content by its path.
    pub all_files: BTreeMap<String, String>,
}

/// Selects the parts of an application.
#[must_use]
pub fn summarize(files: &[GeneratedFile]) -> AppParts {
    let backend = main_file(files, is_server_source, &["server", "main", "app", "index", "api"]);
    let other = |file: &GeneratedFile| backend.is_none_or(|backend| backend.path != file.path);
    let in_language = |names: &'static [&'static str]| {
        move |file: &GeneratedFile| names.contains(&file.language.as_str()) && !is_test(&file.path)
    };
    let is_style = in_language(&["css", "scss", "sass", "less"]);
    let is_script = in_language(&["javascript", "typescript"]);
    let is_component = in_language(&["jsx", "tsx"]);
    let html = main_file(files, in_language(&["html"]), &["index"]);
    let linked = |file: &GeneratedFile| html.is_some_and(|page| page.content.contains(file_name(&file.path)));
    let script = |file: &GeneratedFile| {
        is_script(file)
            && other(file)
            && !is_server_source(file)
            && !is_tool(file)
            && (backend.is_none() || linked(file))
    };
    let named = |name: &str| main_file(files, |file| file_name(&file.path) == name, &[]).map(content);
    AppParts {
        html: html.map(content),
        css: main_file(files, is_style, &["styles", "style", "main", "app", "index", "globals", "global"])
            .map(content),
        js: main_file(files, script, &["script", "app", "main", "index"]).map(content),
        react: main_file(files, is_component, &["app", "page", "index", "main"]).map(content),
        backend: backend.map(content),
        structure: tree(files),
        package_json: named("package.json"),
        requirements_txt: named("requirements.txt"),
        all_files: files.iter().map(|file| (file.path.clone(), file.content.clone())).collect(),
    }
}

/// The matching file with the preferred name, nearest to the project's root.
fn main_file<'a>(
    files: &'a [GeneratedFile],
    is_sort: impl Fn(&GeneratedFile) -> bool,
    names: &[&str],
) -> Option<&'a GeneratedFile> {
    files.iter().filter(|file| is_sort(file)).min_by_key(|file| {
        let name = file_name(&file.path).to_lowercase();
        let stem = name.split('.').next().unwrap_or_default();
        let rank = names.iter().position(|known| *known == stem).unwrap_or(names.len());
        (rank, file.path.matches('/').count(), file.path.clone())
    })
}

fn content(file: &GeneratedFile) -> String {
    file.content.clone()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn is_test(path: &str) -> bool {
    let name = file_name(path);
    name.contains(".test.")
        || name.contains(".spec.")
        || name.starts_with("test.")
        || path.contains("__tests__/")
}

/// Whether a script configures a tool or runs in a service worker rather than in the page.
fn is_tool(file: &GeneratedFile) -> bool {
    let name = file_name(&file.path);
    name.contains(".config.") || name.contains(".d.") || matches!(name, "sw.js" | "service-worker.js")
}

/// The tree of folders. A path below a file is ignored.
fn tree(files: &[GeneratedFile]) -> Value {
    let mut root = Map::new();
    for file in files {
        insert(&mut root, &file.path, file.content.len());
    }
    Value::Object(root)
}

fn insert(root: &mut Map<String, Value>, path: &str, bytes: usize) {
    let mut folder = root;
    let mut rest = path;
    while let Some((name, inner)) = rest.split_once('/') {
        let entry = folder.entry(name).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(next) = entry else { return };
        (folder, rest) = (next, inner);
    }
    folder.insert(rest.to_owned(), Value::from(bytes));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(files: &[(&str, &str)]) -> AppParts {
        summarize(&files.iter().map(|(path, content)| GeneratedFile::new(path, content)).collect::<Vec<_>>())
    }

    #[test]
    fn picks_the_main_files_of_a_static_page() {
        let parts = parts(&[
            ("about.html", "about"),
            ("index.html", "home"),
            ("css/print.css", "print"),
            ("css/styles.css", "main"),
            ("app.js", "app"),
            ("sw.js", "sw"),
            ("README.md", "# x"),
        ]);
        assert_eq!(parts.html.as_deref(), Some("home"));
        assert_eq!(parts.css.as_deref(), Some("main"));
        assert_eq!(parts.js.as_deref(), Some("app"));
        assert_eq!((parts.react, parts.backend, parts.package_json), (None, None, None));
        assert_eq!(parts.structure["css"]["styles.css"], 4);
        assert_eq!(parts.all_files["README.md"], "# x");
    }

    #[test]
    fn picks_the_main_files_of_react_with_a_server() {
        let parts = parts(&[
            ("src/components/Card.jsx", "card"),
            ("src/App.jsx", "app"),
            ("src/App.test.jsx", "test"),
            ("vite.config.js", "vite"),
            ("backend/main.py", "app = FastAPI()"),
            ("package.json", "{}"),
            ("backend/requirements.txt", "fastapi"),
            ("src/index.css", "css"),
        ]);
        assert_eq!(parts.react.as_deref(), Some("app"));
        assert_eq!(parts.backend.as_deref(), Some("app = FastAPI()"));
        assert_eq!(parts.package_json.as_deref(), Some("{}"));
        assert_eq!(parts.requirements_txt.as_deref(), Some("fastapi"));
        assert_eq!((parts.js, parts.css.as_deref()), (None, Some("css")));
    }

    #[test]
    fn tells_a_server_from_the_script_of_its_page() {
        let parts = parts(&[
            ("script.js", "page"),
            ("server.js", "server"),
            ("main.js", "a module of the server"),
            ("test.js", "fetch"),
            ("index.html", "<script src=script.js></script>"),
        ]);
        assert_eq!(parts.backend.as_deref(), Some("server"));
        assert_eq!(parts.js.as_deref(), Some("page"));
    }

    #[test]
    fn has_no_parts_without_files() {
        let parts = parts(&[]);
        assert_eq!(parts.structure, serde_json::json!({}));
        assert!(parts.all_files.is_empty() && parts.html.is_none());
    }
}
