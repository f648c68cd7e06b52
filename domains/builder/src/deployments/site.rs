//! Selects the files of a version's site.

use crate::{
    fault::Fault,
    file::GeneratedFile,
    react::{self, Place},
};

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

/// What a page says where its site has no origin of its own.
const NO_STORAGE: &str = "<p role=\"note\" style=\"margin:0;padding:.5rem 1rem;font:14px/1.4 system-ui,sans-serif;\
    background:#fff6d6;color:#3b3000\">This preview has no address of its own, so the browser keeps no data \
    for it: what you enter is gone after a reload. It keeps data where the operator of this instance sets \
    <code>server.preview_url</code>, and where you run the downloaded application.</p>\n";

/// What scripts call to keep data.
const STORAGE: [&str; 3] = ["localStorage", "sessionStorage", "indexedDB"];

/// Why an application has only an overview page.
const NO_PAGE: &str = "This application has no page that a browser can open as it is. Download it to run it.";

/// Why a React application has only an overview page.
const NO_LIBRARIES: &str = "This instance was built without the libraries that show React applications \
    (scripts/preview-libraries makes them). Download the application to run it.";

/// A site before it is published.
#[derive(Debug, Default)]
pub(super) struct Site {
    /// The files by their paths.
    pub(super) files: Vec<(String, String)>,
    /// What visitors see differently than after a build of the project.
    pub(super) notes: Vec<Fault>,
}

/// The site of a version. A React application is compiled. A version without a page gets an
/// overview page.
///
/// # Errors
/// What cannot be compiled.
pub(super) fn make_site(title: &str, files: Vec<GeneratedFile>, place: Place) -> Result<Site, Vec<Fault>> {
    let overview_of = |reason: &str| vec![("index.html".to_owned(), overview(title, &files, reason))];
    let mut site = if let Some(page) = react::find_page(&files) {
        let compiled = react::compile(&files, page, place)?;
        if react::are_embedded() {
            Site { files: compiled.files.into_iter().collect(), notes: compiled.notes }
        } else {
            return Ok(Site { files: overview_of(NO_LIBRARIES), notes: Vec::new() });
        }
    } else if let Some(root) = find_root(&files) {
        Site { files: static_files(files, &root), notes: Vec::new() }
    } else {
        return Ok(Site { files: overview_of(NO_PAGE), notes: Vec::new() });
    };
    if place == Place::Folder {
        explain_storage(&mut site.files);
    }
    Ok(site)
}

/// The static files below a folder.
fn static_files(files: Vec<GeneratedFile>, root: &str) -> Vec<(String, String)> {
    let inner = files.into_iter().filter_map(|file| {
        let path = file.path.strip_prefix(root)?.to_owned();
        is_static(&path).then_some((path, file.content))
    });
    inner.collect()
}

/// Lets the pages of a site without an origin say that they keep no data, where the site's
/// own code tries to.
fn explain_storage(files: &mut [(String, String)]) {
    let keeps_data = |(path, text): &(String, String)| {
        let is_code = [".js", ".mjs", ".html"].iter().any(|ending| path.ends_with(ending));
        let is_own = !path.starts_with(react::LIBRARY_FOLDER);
        is_code && is_own && STORAGE.iter().any(|call| text.contains(call))
    };
    if !files.iter().any(keeps_data) {
        return;
    }
    for (_, page) in files.iter_mut().filter(|(path, _)| path.ends_with(".html")) {
        let end = page.rfind("</body>").unwrap_or(page.len());
        page.insert_str(end, NO_STORAGE);
    }
}

/// The folder of the page, with a slash at its end unless it is the root: the root, a folder
/// of built sites, or the folder of the `index.html` nearest to the root.
fn find_root(files: &[GeneratedFile]) -> Option<String> {
    let has_index = |root: &str| files.iter().any(|file| file.path.strip_prefix(root) == Some("index.html"));
    if let Some(root) = [""].into_iter().chain(BUILT).find(|root| has_index(root)) {
        return Some(root.to_owned());
    }
    let folders = files.iter().filter_map(|file| file.path.strip_suffix("index.html"));
    let folders = folders.filter(|folder| folder.ends_with('/'));
    folders.min_by_key(|folder| folder.matches('/').count()).map(str::to_owned)
}

fn is_static(path: &str) -> bool {
    let hidden = path.split('/').any(|segment| segment.starts_with('.'));
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    let tool = matches!(path, "package.json" | "package-lock.json" | "tsconfig.json");
    !hidden && !tool && STATIC.contains(&extension.as_str())
}

fn overview(title: &str, files: &[GeneratedFile], reason: &str) -> String {
    let readme = files.iter().find(|file| file.path.eq_ignore_ascii_case("readme.md"));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>body{{max-width:48rem;margin:2rem auto;padding:0 1rem;font:16px/1.5 system-ui,sans-serif}}\
         pre{{white-space:pre-wrap;overflow-wrap:anywhere;background:#f4f4f2;padding:1rem;border-radius:8px}}</style>\n\
         </head>\n<body>\n<h1>{title}</h1>\n\
         <p>{reason}</p>\n",
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

    fn site_in(place: Place, files: &[(&str, &str)]) -> Vec<(String, String)> {
        let files = files.iter().map(|(path, content)| GeneratedFile::new(path, content)).collect();
        make_site("A <b> title", files, place).expect("it compiles").files
    }

    fn site(files: &[(&str, &str)]) -> Vec<(String, String)> {
        site_in(Place::Folder, files)
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
    fn a_page_in_a_subfolder_is_served_from_there() {
        let files = [
            ("server.py", "x"),
            ("web/index.html", "<p>"),
            ("web/app.js", ""),
            ("web/docs/index.html", "<p>"),
        ];

        assert_eq!(paths(&site(&files)), ["index.html", "app.js", "docs/index.html"]);
    }

    #[test]
    fn a_react_application_is_compiled_or_says_why_it_is_not() {
        let page = "<body><script type=\"module\" src=\"/src/main.jsx\"></script></body>";
        let site = site_in(
            Place::Host,
            &[
                ("index.html", page),
                ("src/main.jsx", "import { useId } from 'react';\nexport default useId;"),
            ],
        );

        if react::are_embedded() {
            assert!(paths(&site).contains(&"src/main.jsx.js") && !paths(&site).contains(&"src/main.jsx"));
        } else {
            assert!(site[0].1.contains("built without the libraries"), "{}", site[0].1);
        }
    }

    #[test]
    fn what_cannot_be_compiled_is_not_published() {
        let page = GeneratedFile::new("index.html", "<script type=module src=/main.tsx></script>");
        let script = GeneratedFile::new("main.tsx", "let a;\nlet a;");
        let faults = make_site("x", vec![page, script], Place::Host).expect_err("it does not compile");

        assert!(faults[0].to_string().starts_with("main.tsx:"), "{faults:?}");
    }

    #[test]
    fn only_pages_that_lose_data_say_so() {
        let keeping = [("index.html", "<body><p></body>"), ("app.js", "localStorage.setItem('a', 'b')")];

        let page = &site_in(Place::Folder, &keeping)[0].1;
        assert!(page.contains("server.preview_url") && page.ends_with("</body>"), "{page}");
        assert_eq!(site_in(Place::Host, &keeping)[0].1, keeping[0].1);
        assert_eq!(site(&keeping[..1])[0].1, keeping[0].1);
    }
}
