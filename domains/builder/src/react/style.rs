//! Style sheets of React applications: the classes of `*.module.css`, and what needs a build
//! step.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// A style sheet with renamed classes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StyleModule {
    /// The style sheet.
    pub(super) text: String,
    /// The names of classes in the source and in the style sheet.
    pub(super) classes: BTreeMap<String, String>,
}

/// Renames the classes of a style sheet, so that they are its own. `:global(.x)` keeps its
/// name.
pub(super) fn rename_classes(path: &str, source: &str) -> StyleModule {
    let suffix = hex::encode(&Sha256::digest(path)[..3]);
    let mut text = String::with_capacity(source.len() + 64);
    let mut classes = BTreeMap::new();
    let mut rest = source;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' | '\'' => quoted_length(rest, next),
            _ if rest.starts_with("url(") => rest.find(')').map_or(rest.len(), |end| end + 1),
            _ if rest.starts_with(":global(") => {
                let end = rest.find(')').unwrap_or(rest.len());
                text.push_str(&rest[":global(".len().min(end)..end]);
                rest = rest.get(end + 1..).unwrap_or_default();
                continue;
            }
            '.' => {
                let name = class_name(&rest[1..]);
                if !name.is_empty() {
                    let renamed = format!("{name}_{suffix}");
                    text.push('.');
                    text.push_str(&renamed);
                    classes.insert(name.to_owned(), renamed);
                    rest = &rest[1 + name.len()..];
                    continue;
                }
                1
            }
            _ => next.len_utf8(),
        };
        text.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    StyleModule { text, classes }
}

/// The name of a class that begins here; empty where none does, as in `.5em`.
fn class_name(rest: &str) -> &str {
    let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_'))).unwrap_or(rest.len());
    let name = &rest[..end];
    if name.starts_with(|c: char| c.is_ascii_digit()) { "" } else { name }
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    rest.len()
}

/// The directive of Tailwind in a style sheet, with its byte offset. Tailwind makes its
/// classes in a build step that the preview does not have.
pub(super) fn find_tailwind(source: &str) -> Option<(&'static str, usize)> {
    ["@tailwind", "@import \"tailwindcss\"", "@import 'tailwindcss'", "@apply"]
        .into_iter()
        .filter_map(|directive| Some((directive, source.find(directive)?)))
        .min_by_key(|(_, at)| *at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_a_module_get_names_of_their_own() {
        let source = "/* .a */ .card:hover > .title, :global(.dark) .card { margin: .5em; \
            background: url(x.card.png) } .card::after { content: \".b\" }";
        let module = rename_classes("src/a.module.css", source);

        let names: Vec<_> = module.classes.keys().map(String::as_str).collect();
        assert_eq!(names, ["card", "title"]);
        let card = &module.classes["card"];
        assert!(module.text.contains(&format!(".{card}:hover > .{}", module.classes["title"])));
        for kept in ["/* .a */", ", .dark .", ".5em", "url(x.card.png)", "\".b\""] {
            assert!(module.text.contains(kept), "{kept}: {}", module.text);
        }
        assert_ne!(rename_classes("src/b.module.css", source).classes["card"], *card);
    }

    #[test]
    fn hostile_style_sheets_end() {
        for source in ["\"\\", "/*", "url(", ":global(", ".", "é.é{", ":global(.a"] {
            rename_classes("a", source);
        }
    }

    #[test]
    fn the_directives_of_tailwind_are_found() {
        assert_eq!(find_tailwind("p{}\n@tailwind base;"), Some(("@tailwind", 4)));
        assert_eq!(find_tailwind(".a { @apply p-4; }"), Some(("@apply", 5)));
        assert_eq!(find_tailwind("p { color: red }"), None);
    }
}
