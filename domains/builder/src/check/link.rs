//! Checks that the scripts and style sheets to which pages link exist.

use super::page::{self, PagePart};
use super::{entry, line_of};
use crate::fault::{Fault, FaultCode};
use crate::file::GeneratedFile;

/// The faults of pages that link to a missing script or style sheet. Applications with a
/// build step or a server are not checked: these may create the files later.
pub(super) fn list_missing(files: &[GeneratedFile]) -> Vec<Fault> {
    let is_built =
        |file: &GeneratedFile| file.path.ends_with("package.json") || entry::is_server_source(file);
    if files.iter().any(is_built) {
        return Vec::new();
    }
    let pages = files.iter().filter(|file| file.language == "html");
    pages.flat_map(|page| list_missing_of(page, files)).collect()
}

fn list_missing_of(page: &GeneratedFile, files: &[GeneratedFile]) -> Vec<Fault> {
    let links = page::scan(&page.content).into_iter().filter_map(|found| match found {
        PagePart::Link(address, at) => Some((address, at)),
        _ => None,
    });
    let missing = links.filter_map(|(address, at)| {
        let path = resolve(&page.path, address)?;
        (!files.iter().any(|file| is_served_as(&file.path, &path))).then_some((path, at))
    });
    missing
        .take(super::MAX_FAULTS)
        .map(|(path, at)| {
            let message = format!("the page names {path}, which is not among the files");
            Fault::in_file(&page.path, FaultCode::MissingFile, &message).at_line(line_of(&page.content, at))
        })
        .collect()
}

/// Whether a file is served at the path: it has this path, possibly below a folder such as
/// `public`.
fn is_served_as(file: &str, path: &str) -> bool {
    file.strip_suffix(path).is_some_and(|folder| folder.is_empty() || folder.ends_with('/'))
}

/// The path to which an address in a page refers. None if it is on another host, is a
/// template, or is no script or style sheet.
fn resolve(page: &str, address: &str) -> Option<String> {
    let address = address.split(['?', '#']).next().unwrap_or_default().trim();
    let is_local = !address.contains("//") && !address.contains([':', '{', '%', '<']);
    if !is_local || ![".js", ".mjs", ".css"].iter().any(|ending| address.ends_with(ending)) {
        return None;
    }
    let mut segments: Vec<&str> = match address.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => page.split('/').rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect(),
    };
    for segment in address.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    Some(segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_resolved_to_paths() {
        for (page, address, path) in [
            ("index.html", "app.js", Some("app.js")),
            ("index.html", "./js/app.js?v=2", Some("js/app.js")),
            ("docs/index.html", "../a.css", Some("a.css")),
            ("docs/index.html", "a.css", Some("docs/a.css")),
            ("docs/index.html", "/a.css", Some("a.css")),
            ("index.html", "../../a.css", Some("a.css")),
            ("index.html", "https://cdn.example/a.js", None),
            ("index.html", "//cdn.example/a.js", None),
            ("index.html", "{{ url }}.js", None),
            ("index.html", "data:text/css,a.css", None),
            ("index.html", "icon.png", None),
            ("index.html", "", None),
        ] {
            assert_eq!(resolve(page, address).as_deref(), path, "{page} {address}");
        }
    }

    #[test]
    fn a_missing_script_is_reported_unless_there_is_a_build_step() {
        let page = GeneratedFile::new(
            "index.html",
            "<p>\n<script src=app.js></script>\n<link rel=stylesheet href=a.css>",
        );
        let style = GeneratedFile::new("a.css", "");
        let faults = list_missing(&[page.clone(), style.clone()]);
        assert_eq!(faults.len(), 1);
        assert_eq!(
            faults[0].to_string(),
            "index.html:2: the page names app.js, which is not among the files"
        );
        for script in ["app.js", "public/app.js"] {
            assert_eq!(list_missing(&[page.clone(), style.clone(), GeneratedFile::new(script, "")]), []);
        }
        assert_eq!(list_missing(&[page, style, GeneratedFile::new("package.json", "{}")]), []);
    }
}
