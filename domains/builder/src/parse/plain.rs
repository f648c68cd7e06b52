//! Answers without fences: files below lines that name them, and the files that a page names.

use super::naming::{is_strong_label, label_path};

/// Maximum number of paths that are taken from a page.
const MAX_NAMED: usize = 50;
/// Maximum length of such a path, in characters.
const MAX_PATH: usize = 200;

/// The files below lines such as `--- index.html ---` or `Datei: index.html`. Empty if the text has none.
pub(super) fn sections(text: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match label_path(line, false).filter(|_| is_separator(line)) {
            Some(path) => files.push((path, String::new())),
            None => {
                if let Some((_, content)) = files.last_mut() {
                    content.push_str(line);
                    content.push('\n');
                }
            }
        }
    }
    for (_, content) in &mut files {
        let trimmed = content.trim_matches('\n');
        *content = if trimmed.is_empty() { String::new() } else { format!("{trimmed}\n") };
    }
    files
}

fn is_separator(line: &str) -> bool {
    let line = line.trim();
    let is_marked = ["--", "==", "**", "##", "[", "//"].iter().any(|mark| line.starts_with(mark));
    (is_marked || line.contains([':', '：'])) && is_strong_label(line)
}

/// The paths with this ending that a page names in `src` and `href`, each once, in their order.
pub(super) fn named_by(page: &str, ending: &str) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for key in ["src=", "href="] {
        for (at, _) in page.match_indices(key) {
            let value = page[at + key.len()..].trim_start_matches(['"', '\'']);
            let is_end = |c: char| matches!(c, '"' | '\'' | ' ' | '>' | '?' | '#' | '\n');
            let end = value.char_indices().take(MAX_PATH).find(|(_, c)| is_end(*c));
            let value = &value[..end.map_or(0, |(end, _)| end)];
            let path = value.trim_start_matches("./").trim_start_matches('/');
            let is_local = !value.contains("//") && !value.contains([':', '{', '<']);
            if is_local
                && path.ends_with(ending)
                && paths.len() < MAX_NAMED
                && !paths.iter().any(|p| p == path)
            {
                paths.push(path.to_owned());
            }
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_a_text_at_lines_that_name_files() {
        for [first, second] in [
            ["--- index.html ---", "--- app.js ---"],
            ["Datei: index.html", "Datei: app.js"],
            ["文件：index.html", "文件：app.js"],
            ["[index.html]", "[app.js]"],
            ["=== index.html ===", "=== app.js ==="],
        ] {
            let files = sections(&format!("Here.\n\n{first}\n<p>\n\n{second}\n\nlet a;\n"));
            let expected = [("index.html", "<p>\n"), ("app.js", "let a;\n")];
            assert_eq!(
                files,
                expected.map(|(path, content)| (path.to_owned(), content.to_owned())),
                "{first}"
            );
        }
        assert!(sections("Open index.html in your browser.\n").is_empty());
    }

    #[test]
    fn finds_the_files_that_a_page_names() {
        let page = "<script src=\"./js/a.js?v=1\"></script><script src=b.js></script><script src=https://x.y/c.js></script>\
                    <link href='a.css'>";
        assert_eq!(named_by(page, ".js"), ["js/a.js", "b.js"]);
        assert_eq!(named_by(page, ".css"), ["a.css"]);
    }
}
