//! Tokenizes a page as a browser does. It reports only what a browser cannot parse:
//! optional end tags, unquoted attributes, or a stray `&` or `<` in text are not faults.

mod attributes;

/// The text of a page in its parts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page<'a> {
    /// The scripts, the style sheets and the syntax errors, in the order of the text.
    pub(super) parts: Vec<PagePart<'a>>,
    /// The start tags, in the order of the text.
    pub(super) tags: Vec<Tag<'a>>,
}

/// A start tag.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    /// The name in lower case.
    pub(super) name: String,
    /// The attributes with their values; names are in lower case.
    pub(super) attributes: Vec<(String, &'a str)>,
    /// The byte offset of its `<`.
    pub(super) at: usize,
}

impl<'a> Tag<'a> {
    /// The value of an attribute; empty if it has none.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| *value)
    }
}

/// A part of a page in another language, or a syntax error.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PagePart<'a> {
    /// The text of a script without `src` that holds JavaScript, its kind, and its byte
    /// offset.
    Script(&'a str, ScriptKind, usize),
    /// The text of a style element, and its byte offset.
    Style(&'a str, usize),
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

/// Tokenizes the page.
pub(super) fn read(page: &str) -> Page<'_> {
    let mut found = Page::default();
    let mut at = 0;
    while let Some(open) = page[at..].find('<').map(|offset| at + offset) {
        let rest = &page[open + 1..];
        at = if let Some(comment) = rest.strip_prefix("!--") {
            let end = if comment.starts_with('>') { Some(1) } else { comment.find("-->").map(|end| end + 3) };
            let Some(end) = end else {
                found.parts.push(PagePart::SyntaxError("the comment is never closed", open));
                break;
            };
            open + 4 + end
        } else if rest.starts_with(['!', '?']) {
            let Some(end) = rest.find('>') else {
                found.parts.push(PagePart::SyntaxError("the declaration is never closed", open));
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
fn read_element<'a>(page: &'a str, open: usize, found: &mut Page<'a>) -> Option<usize> {
    let (inside, name) = tag_name(page, open);
    let text = match read_tag(page, inside) {
        Ok(end) => &page[inside..end],
        Err((message, at)) => {
            found.parts.push(PagePart::SyntaxError(message, at.unwrap_or(open)));
            return None;
        }
    };
    let start = inside + text.len() + 1;
    if page[open + 1..].starts_with('/') {
        return Some(start);
    }
    let tag = Tag { name, attributes: attributes::list_attributes(text), at: open };
    let is_raw = RAW.contains(&tag.name.as_str()) && (tag.name == "script" || !text.ends_with('/'));
    let end = if is_raw { read_raw(page, start, &tag, found) } else { Some(start) };
    found.tags.push(tag);
    end
}

/// Reads the text of a raw element that begins here. Returns the offset of its end tag.
fn read_raw<'a>(page: &'a str, start: usize, tag: &Tag<'a>, found: &mut Page<'a>) -> Option<usize> {
    let Some(length) = find_end_tag(&page[start..], &tag.name) else {
        found.parts.push(PagePart::SyntaxError("the element's end tag is missing", tag.at));
        return None;
    };
    let text = &page[start..start + length];
    match tag.name.as_str() {
        "script" => found.parts.extend(script_kind(tag).map(|kind| PagePart::Script(text, kind, start))),
        "style" => found.parts.push(PagePart::Style(text, start)),
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

/// The kind of an inline script. None with `src` or a data type.
fn script_kind(tag: &Tag<'_>) -> Option<ScriptKind> {
    if tag.get("src").is_some() {
        return None;
    }
    match tag.get("type").unwrap_or_default().trim().to_ascii_lowercase().as_str() {
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
            assert_eq!(read(page).parts, [], "{page}");
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
            assert_eq!(read(page).parts, [PagePart::SyntaxError(message, at)], "{page}");
        }
    }

    #[test]
    fn lists_the_start_tags_with_their_attributes() {
        let found =
            read("<link href='a.css' rel=stylesheet></p><script data-src=x src = \"c.js\" defer></script>")
                .tags;
        let names: Vec<_> = found.iter().map(|tag| (tag.name.as_str(), tag.at)).collect();
        assert_eq!(names, [("link", 0), ("script", 38)]);
        assert_eq!(
            (found[0].get("href"), found[1].get("src"), found[1].get("defer")),
            (Some("a.css"), Some("c.js"), Some(""))
        );
        assert_eq!(found[1].get("href"), None);
    }

    #[test]
    fn finds_inline_scripts_and_styles() {
        let page = "<style>p{}</style><SCRIPT type=module>let a = '<p>';</Script>";
        assert_eq!(
            read(page).parts,
            [PagePart::Style("p{}", 7), PagePart::Script("let a = '<p>';", ScriptKind::Module, 38)]
        );
    }
}
