//! Selects the files of a version's site.

use crate::file::GeneratedFile;

/// Extensions of static files.
const STATIC: [&str; 15] = [
    "html",
    "htm",
    "css",
    "js",
    "mjs",
    "json",
    "svg",
    "txt",
    "xml",
    "webmanifest",
    "ico",
    "map",
    "md",
    "csv",
    "vtt",
];

/// Folders of built sites.
const BUILT: [&str; 5] = ["public/", "dist/", "build/", "static/", "www/"];

/// Maximum size of the README in an overview page, in bytes.
const MAX_README: usize = 20_000;

/// The files of a site by their paths. A version without an `index.html` gets an overview
/// page.
pub(super) fn site_files(title: &str, files: Vec<GeneratedFile>) -> Vec<(String, String)> {
    match find_root(&files) {
        Some(root) => files
            .into_iter()
            .filter_map(|file| {
                let path = file.path.strip_prefix(root)?.to_owned();
                is_static(&path).then_some((path, file.content))
            })
            .collect(),
        None => vec![("index.html".to_owned(), overview(title, &files))],
    }
}

/// The folder of `index.html`: the project's root or a folder of built sites.
fn find_root(files: &[GeneratedFile]) -> Option<&'static str> {
    let has_index = |root: &str| {
        files.iter().any(|file| file.path.strip_prefix(root) == Some("index.html") && !needs_build(file))
    };
    [""].into_iter().chain(BUILT).find(|root| has_index(root))
}

/// Whether a page loads sources that need a bundler.
fn needs_build(page: &GeneratedFile) -> bool {
    [".jsx\"", ".tsx\"", ".ts\"", ".jsx'", ".tsx'", ".ts'"]
        .iter()
        .any(|source| page.content.lines().any(|line| line.contains("<script") && line.contains(source)))
}

fn is_static(path: &str) -> bool {
    let hidden = path.split('/').any(|segment| segment.starts_with('.'));
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    let tool = matches!(path, "package.json" | "package-lock.json" | "tsconfig.json");
    !hidden && !tool && STATIC.contains(&extension.as_str())
}

fn overview(title: &str, files: &[GeneratedFile]) -> String {
    let readme = files.iter().find(|file| file.path.eq_ignore_ascii_case("readme.md"));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>body{{max-width:48rem;margin:2rem auto;padding:0 1rem;font:16px/1.5 system-ui,sans-serif}}\
         pre{{white-space:pre-wrap;overflow-wrap:anywhere;background:#f4f4f2;padding:1rem;border-radius:8px}}</style>\n\
         </head>\n<body>\n<h1>{title}</h1>\n\
         <p>This application has no page that a browser can open as it is. Download it to run it.</p>\n",
        title = escaped(title)
    );
    if let Some(readme) = readme {
        let end = readme.content.floor_char_boundary(MAX_README);
        page.push_str(&format!("<h2>README</h2>\n<pre>{}</pre>\n", escaped(&readme.content[..end])));
    }
    page.push_str("<h2>Files</h2>\n<ul>\n");
    let mut paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
    paths.sort_unstable();
    for path in paths {
        page.push_str(&format!("<li><code>{}</code></li>\n", escaped(path)));
    }
    page.push_str("</ul>\n</body>\n</html>\n");
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(files: &[(&str, &str)]) -> Vec<(String, String)> {
        let files = files.iter().map(|(path, content)| GeneratedFile::new(path, content)).collect();
        site_files("A <b> title", files)
    }

    fn paths(site: &[(String, String)]) -> Vec<&str> {
        site.iter().map(|(path, _)| path.as_str()).collect()
    }

    #[test]
    fn only_static_files_are_published() {
        let site = site(&[
            ("index.html", "<p>"),
            ("css/styles.css", ""),
            ("app.js", ""),
            ("server.py", ""),
            (".env.example", ""),
            (".well-known/x.txt", ""),
            ("package.json", "{}"),
            ("data/cities.json", "[]"),
            ("README.md", "# x"),
        ]);

        assert_eq!(paths(&site), ["index.html", "css/styles.css", "app.js", "data/cities.json", "README.md"]);
    }

    #[test]
    fn finds_the_page_in_a_folder_of_a_build() {
        let site = site(&[("server.js", "secret"), ("public/index.html", "<p>"), ("public/js/app.js", "")]);

        assert_eq!(paths(&site), ["index.html", "js/app.js"]);
    }

    #[test]
    fn a_version_without_a_page_gets_an_overview() {
        let site = site(&[("main.py", ""), ("README.md", "# Run <me>")]);

        assert_eq!(paths(&site), ["index.html"]);
        assert!(site[0].1.contains("# Run &lt;me&gt;") && site[0].1.contains("<code>main.py</code>"));
        assert!(site[0].1.contains("A &lt;b&gt; title") && !site[0].1.contains("<b>"));
    }

    #[test]
    fn a_page_that_needs_a_build_step_is_not_published() {
        let page = "<script type=\"module\" src=\"/src/main.jsx\"></script>";
        let site = site(&[("index.html", page), ("src/main.jsx", "")]);

        assert!(site[0].1.contains("no page that a browser can open"));
    }
}
