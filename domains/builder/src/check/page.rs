//! Tokenizes a page as a browser does. It reports only what a browser cannot parse:
//! optional end tags, unquoted attributes, or a stray `&` or `<` in text are not faults.

/// A part of a page in another language, a link, or a syntax error.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PagePart<'a> {
    /// The text of a script without `src` that holds JavaScript, its kind, and its byte
    /// offset.
    Script(&'a str, ScriptKind, usize),
    /// The text of a style element, and its byte offset.
    Style(&'a str, usize),
    /// The address of a script or a style sheet, and the byte offset of its tag.
    Link(&'a str, usize),
    /// A syntax error at a byte offset.
    SyntaxError(&'static str, usize),
}

/// How a browser, or a compiler in the page, reads a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScriptKind {
    /// A script without module syntax.
    Classic,
    /// A module.
    Module,
    /// JSX that a compiler in the page reads.
    Jsx,
}

/// Elements with raw text up to their end tag.
const RAW: [&str; 6] = ["script", "style", "textarea", "title", "xmp", "iframe"];

/// Tokenizes the page and returns the parts to check, in the order of the text.
pub(super) fn scan(page: &str) -> Vec<PagePart<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = page[at..].find('<').map(|offset| at + offset) {
        let rest = &page[open + 1..];
        at = if let Some(comment) = rest.strip_prefix("!--") {
            let end = if comment.starts_with('>') { Some(1) } else { comment.find("-->").map(|end| end + 3) };
            let Some(end) = end else {
                found.push(PagePart::SyntaxError("the comment is never closed", open));
                break;
            };
            open + 4 + end
        } else if rest.starts_with(['!', '?']) {
            let Some(end) = rest.find('>') else {
                found.push(PagePart::SyntaxError("the declaration is never closed", open));
                break;
            };
            open + 2 + end
        } else if rest.trim_start_matches('/').starts_with(|c: char| c.is_ascii_alphabetic()) {
            let Some(end) = read_element(page, open, &mut found) else { break };
            end
        } else {
            open + 1
        };
    }
    found
}

/// Reads a tag and, for raw elements, the text up to the end tag. Returns the offset of the
/// next token; none at the end.
fn read_element<'a>(page: &'a str, open: usize, found: &mut Vec<PagePart<'a>>) -> Option<usize> {
    let (inside, name) = tag_name(page, open);
    let tag = match read_tag(page, inside) {
        Ok(end) => &page[inside..end],
        Err((message, at)) => {
            found.push(PagePart::SyntaxError(message, at.unwrap_or(open)));
            return None;
        }
    };
    let start = inside + tag.len() + 1;
    let address = match name.as_str() {
        "script" => attribute(tag, "src"),
        "link" => attribute(tag, "href").filter(|_| attribute(tag, "rel") == Some("stylesheet")),
        _ => None,
    };
    found.extend(address.map(|address| PagePart::Link(address, open)));
    let is_end = page[open + 1..].starts_with('/');
    if is_end || tag.ends_with('/') && name != "script" || !RAW.contains(&name.as_str()) {
        return Some(start);
    }
    let Some(length) = find_end_tag(&page[start..], &name) else {
        found.push(PagePart::SyntaxError("the element's end tag is missing", open));
        return None;
    };
    let text = &page[start..start + length];
    match name.as_str() {
        "script" => found.extend(script_kind(tag).map(|kind| PagePart::Script(text, kind, start))),
        "style" => found.push(PagePart::Style(text, start)),
        _ => {}
    }
    Some(start + length)
}

/// The offset of a tag's attributes, and its lower-case name.
fn tag_name(page: &str, open: usize) -> (usize, String) {
    let rest = page[open + 1..].trim_start_matches('/');
    let from = page.len() - rest.len();
    let length = rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '>')).unwrap_or(rest.len());
    (from + length, rest[..length].to_ascii_lowercase())
}

/// Reads the attributes. Returns the offset of the tag's `>`, or the syntax error.
fn read_tag(page: &str, from: usize) -> Result<usize, (&'static str, Option<usize>)> {
    let bytes = page.as_bytes();
    let mut at = from;
    let mut after_equals = false;
    let mut has_templates = true;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'>' => return Ok(at),
            b'{' if has_templates && matches!(bytes.get(at + 1), Some(b'{' | b'%')) => {
                let end = template_end(page, at);
                has_templates = end.is_some();
                at = end.unwrap_or(at);
            }
            b'"' | b'\'' if after_equals => {
                let unclosed = ("the quote of an attribute is never closed", Some(at));
                let end = page[at + 1..].find(char::from(byte)).ok_or(unclosed)?;
                at += end + 1;
                after_equals = false;
            }
            b'"' | b'\'' => return Err(("a quote stands where an attribute's name should", Some(at))),
            b'<' => return Err(("the tag is not closed before the next one opens", None)),
            b'=' => after_equals = true,
            _ if after_equals && !byte.is_ascii_whitespace() => {
                at = unquoted_end(page, at);
                after_equals = false;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    Err(("the tag is never closed", None))
}

fn unquoted_end(page: &str, at: usize) -> usize {
    page[at..].find(|c: char| c.is_whitespace() || c == '>').map_or(page.len(), |length| at + length)
}

/// The last byte of a template's expression such as `{{ x }}` that begins here.
fn template_end(page: &str, at: usize) -> Option<usize> {
    let end = if page[at..].starts_with("{{") { "}}" } else { "%}" };
    page[at..].find(end).map(|length| at + length + 1)
}

fn find_end_tag(text: &str, name: &str) -> Option<usize> {
    text.match_indices("</").map(|(at, _)| at).find(|at| {
        let rest = &text.as_bytes()[at + 2..];
        rest.get(..name.len()).is_some_and(|own| own.eq_ignore_ascii_case(name.as_bytes()))
            && rest.get(name.len()).is_none_or(|next| !next.is_ascii_alphanumeric())
    })
}

/// The value of an attribute in the text of a tag.
fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let lower = attributes.to_ascii_lowercase();
    let at = lower.match_indices(name).map(|(at, _)| at).find(|at| {
        lower[..*at].ends_with(|c: char| c.is_whitespace() || matches!(c, '"' | '\''))
            && lower[at + name.len()..].trim_start().starts_with('=')
    })?;
    let value = attributes[at + name.len()..].trim_start().trim_start_matches('=').trim_start();
    match value.chars().next()? {
        quote @ ('"' | '\'') => value[1..].split(quote).next(),
        _ => value.split(|c: char| c.is_whitespace() || c == '>').next(),
    }
}

/// The kind of an inline script by its attributes. None with `src` or a data type.
fn script_kind(attributes: &str) -> Option<ScriptKind> {
    if attributes.to_ascii_lowercase().contains("src=") {
        return None;
    }
    match attribute(attributes, "type").unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "text/javascript" | "application/javascript" => Some(ScriptKind::Classic),
        "module" => Some(ScriptKind::Module),
        "text/babel" | "text/jsx" => Some(ScriptKind::Jsx),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_browsers_accept() {
        for page in [
            "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"x\"><html lang=en><title>A & B < C</title><p>Hi",
            "<!doctype html><?xml version=\"1.0\"?><ul><li>a<li>b</ul><br/><hr /><img src=a.png alt=''><BR>",
            "<p>3 < 4 && 5 > 2, x<5, a <6 &copy &nbsp; &unknown;</p><p class=a id=b>x</P>",
            "<a href=/path/?a=1&b='2' data-x='{\"a\":\"<b>\"}' @click=\"go('x')\" :class=\"{a: b > 1}\" v-if=x>y</a>",
            "<!-- dashes -- and > and <tags --><!--> <textarea><b></textarea><iframe srcdoc=\"<p>\"></iframe>",
            "<div {% if x < 3 %}class=\"a\"{% endif %} {{ attrs(\"x\") }}>{{ x < 3 }}</div>",
            "<script type=\"application/json\">{</script><svg><path d=\"M0\"/></svg>",
            "</span></div><h1>x</h2><b><i>y</b></i><![CDATA[x]]><my-tag></my-tag>",
            "",
            "é < ü",
            "<",
        ] {
            assert_eq!(scan(page), [], "{page}");
        }
    }

    #[test]
    fn syntax_errors_are_reported_with_their_offsets() {
        for (page, message, at) in [
            ("<p><a href=\"x", "the quote of an attribute is never closed", 11),
            ("<p><a href=x", "the tag is never closed", 3),
            ("<p <b>x</b>", "the tag is not closed before the next one opens", 0),
            ("<b onclick=\"f(\"x\")\">", "a quote stands where an attribute's name should", 16),
            ("<p>x<!-- y", "the comment is never closed", 4),
            ("<p><script>let a", "the element's end tag is missing", 3),
            ("<style>p{}</div>", "the element's end tag is missing", 0),
            ("x</p", "the tag is never closed", 1),
            ("<!doctype html", "the declaration is never closed", 0),
        ] {
            assert_eq!(scan(page), [PagePart::SyntaxError(message, at)], "{page}");
        }
    }

    #[test]
    fn finds_the_scripts_and_style_sheets_that_a_page_names() {
        let page = "<link href='a.css' rel=stylesheet><link rel=icon href=b.ico><script data-src=x src = \"c.js\" defer></script>";
        assert_eq!(scan(page), [PagePart::Link("a.css", 0), PagePart::Link("c.js", 60)]);
    }

    #[test]
    fn finds_inline_scripts_and_styles() {
        let page = "<style>p{}</style><SCRIPT type=module>let a = '<p>';</Script>";
        assert_eq!(
            scan(page),
            [PagePart::Style("p{}", 7), PagePart::Script("let a = '<p>';", ScriptKind::Module, 38)]
        );
    }
}
