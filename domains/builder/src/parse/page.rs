//! Tells pages from what models write in their place, and takes off what is around a page.

use super::fence::is_fence;

/// The content of a page without a fence around it, and with escaped source made plain. Other contents stay.
pub(super) fn unwrap(content: String) -> String {
    let trimmed = content.trim();
    let mut lines = trimmed.lines();
    let (first, last) = (lines.next().unwrap_or_default(), lines.next_back().unwrap_or_default());
    if is_fence(first) && is_fence(last) && last.trim().trim_matches(['`', '~']).is_empty() {
        let inside = &trimmed[first.len()..trimmed.len() - last.len()];
        return format!("{}\n", inside.trim_matches('\n'));
    }
    let lower = start_of(trimmed);
    if (lower.starts_with("&lt;!doctype") || lower.starts_with("&lt;html")) && !trimmed.contains('<') {
        return unescape_entities(trimmed) + "\n";
    }
    let is_line = !trimmed.contains('\n') && trimmed.contains("\\n");
    if is_line && (lower.starts_with("<!doctype html>\\n") || lower.starts_with("<html")) {
        return unescape_text(trimmed) + "\n";
    }
    content
}

/// The first characters in lower case.
fn start_of(text: &str) -> String {
    text.chars().take(40).collect::<String>().to_lowercase()
}

fn unescape_entities(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    plain.replace("&amp;", "&")
}

/// The text with the escapes of JSON made plain.
fn unescape_text(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some('r') => {}
            Some(other) => plain.push(other),
            None => plain.push('\\'),
        }
    }
    plain
}

/// What is wrong with the content of a page, if it is none. Templates are pages: they may begin with a mark of
/// their own.
pub(super) fn find_fault(content: &str) -> Option<&'static str> {
    let text = content.trim();
    if text.is_empty() {
        return Some("the page is empty");
    }
    if !text.starts_with(['<', '{', '@']) && !text.starts_with("---") {
        return Some("this is not a page: it begins with text or code instead of a tag");
    }
    let lower = text.to_ascii_lowercase();
    let after_doctype =
        lower.strip_prefix("<!doctype").map(|rest| rest.split_once('>').map_or("", |(_, after)| after));
    if after_doctype.is_some_and(|rest| rest.trim().is_empty()) {
        return Some("the page is empty");
    }
    let body = lower.split_once("<body").and_then(|(before, rest)| {
        let (_, inside) = rest.split_once('>')?;
        Some((before, inside.split_once("</body").map_or(inside, |(inside, _)| inside)))
    });
    let is_bare = |(before, inside): (&str, &str)| inside.trim().is_empty() && !before.contains("<script");
    body.is_some_and(is_bare).then_some("the body of the page is empty")
}

/// Whether the page ends inside of a tag, or has opened its root or its body and does not end them.
pub(super) fn is_cut(content: &str) -> bool {
    let open = content.rfind('<').map(|at| &content[at + 1..]).filter(|rest| !rest.contains('>'));
    if open.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!')))
    {
        return true;
    }
    let lower = content.to_ascii_lowercase();
    let opens = |tag: &str| lower.contains(&format!("<{tag}>")) || lower.contains(&format!("<{tag} "));
    let ends = |tag: &str| lower.contains(&format!("</{tag}"));
    (opens("html") && !ends("html")) || (opens("body") && !ends("body") && !ends("html"))
}

/// Whether the content is a page that says where it ends.
pub(super) fn is_ended(content: &str) -> bool {
    content.trim_end().to_ascii_lowercase().ends_with("</html>")
}

/// The page of a text that is only a page, or has one between prose.
pub(super) fn bare_page(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let from = lower.find("<!doctype html").or_else(|| lower.find("<html"))?;
    let at_line = text[..from].rsplit('\n').next().is_none_or(|before| before.trim().is_empty());
    let to = lower.rfind("</html>").map(|at| at + "</html>".len()).filter(|to| *to > from);
    let page = &text[from..to.unwrap_or(text.len())];
    (at_line && !page.lines().any(is_fence)).then(|| format!("{}\n", page.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<!doctype html>\n<p class=\"a\">Hi</p>\n";

    #[test]
    fn takes_off_what_is_around_a_page() {
        for content in [
            PAGE.to_owned(),
            format!("```html\n{PAGE}```\n"),
            "&lt;!doctype html&gt;\n&lt;p class=&quot;a&quot;&gt;Hi&lt;/p&gt;\n".to_owned(),
            "<!doctype html>\\n<p class=\\\"a\\\">Hi</p>".to_owned(),
        ] {
            assert_eq!(unwrap(content.clone()), PAGE, "{content}");
        }
    }

    #[test]
    fn tells_what_is_not_a_page() {
        for content in [
            "",
            " \n",
            "<!doctype html>\n",
            "Here is the page.",
            "const a = '<p>';",
            "<body> \n</body>",
            "&lt;p&gt;",
        ] {
            assert!(find_fault(content).is_some(), "{content}");
        }
        for content in [
            PAGE,
            "<body><p>a</p></body>",
            "<script src=a.js></script><body></body>",
            "<body><script src=a.js></script></body>",
            "{% extends 'base.html' %}",
            "<!-- a --><p>",
        ] {
            assert_eq!(find_fault(content), None, "{content}");
        }
    }

    #[test]
    fn knows_a_page_without_its_end() {
        for (content, cut) in [
            ("<html><body><p>", true),
            ("<html lang=en><body></body>", true),
            ("<body><p>", true),
            ("<!doctype html>\n<ht", true),
            ("<p>a</p", true),
            ("<p>1 < 2", false),
            ("<html><body></html>", false),
            (PAGE, false),
        ] {
            assert_eq!(is_cut(content), cut, "{content}");
        }
    }

    #[test]
    fn finds_a_page_without_a_fence() {
        let page = "<!DOCTYPE html>\n<html>\n</html>\n";
        for text in [page.to_owned(), format!("Here it is:\n\n{page}\nEnjoy.")] {
            assert_eq!(bare_page(&text).as_deref(), Some(page), "{text}");
        }
        for text in ["Write <html> first", "no page", "<html>\n```\n</html>"] {
            assert_eq!(bare_page(text), None, "{text}");
        }
    }
}
