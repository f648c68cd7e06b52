//! Tokenizes a style sheet as a browser does. A browser skips an unknown declaration or
//! rule, so only an error that affects the rules after it is reported.

/// The message and the byte offset of a syntax error.
pub(super) type SyntaxError = (&'static str, usize);

/// The first syntax error of a style sheet.
pub(super) fn find_syntax_error(sheet: &str) -> Option<SyntaxError> {
    let bytes = sheet.as_bytes();
    let mut open: Vec<(u8, usize)> = Vec::new();
    let mut loose = None;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at = match byte {
            b'/' if sheet[at..].starts_with("/*") => match sheet[at + 2..].find("*/") {
                Some(length) => at + length + 4,
                None => return Some(("the comment is never closed", at)),
            },
            b'"' | b'\'' => match string_end(bytes, at) {
                Some(end) => end + 1,
                None => return Some(("the string is never closed", at)),
            },
            b'\\' => at + 2,
            b'(' if is_bare_url(bytes, at) => match sheet[at..].find(')') {
                Some(length) => at + length + 1,
                None => return Some(("`url(` is never closed", at)),
            },
            b'(' | b'[' | b'{' => {
                open.push((byte, at));
                at + 1
            }
            b')' | b']' | b'}' => match open.pop() {
                Some((opener, _)) if closes(opener, byte) => at + 1,
                Some((_, opened)) => return Some((mismatch(bytes[opened]), opened)),
                None => return Some(("a bracket is closed that was never opened", at)),
            },
            _ => at + 1,
        };
        let ends_rule = matches!(byte, b'}' | b';') && open.is_empty();
        let is_comment = byte == b'/' && at > start + 1;
        if ends_rule {
            loose = None;
        } else if loose.is_none() && !byte.is_ascii_whitespace() && !is_comment {
            loose = Some(start);
        }
    }
    let unclosed = open.pop().map(|(opener, at)| (mismatch(opener), at));
    let is_end_mark = |at: &usize| matches!(sheet[*at..].trim(), "-->" | "<!--");
    unclosed.or_else(|| loose.filter(|at| !is_end_mark(at)).map(|at| ("the text is no rule", at)))
}

/// The addresses in `url()` and after `@import` with their byte offsets. Comments are left
/// out, and so are addresses without quotes that hold a parenthesis.
pub(super) fn list_addresses(sheet: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = sheet[at..].find(['u', 'U', '@', '/']).map(|length| at + length) {
        let rest = &sheet[start..];
        at = start + 1;
        if let Some(comment) = rest.strip_prefix("/*") {
            let Some(length) = comment.find("*/") else { break };
            at = start + length + 4;
        } else if let Some(inner) = strip_word(rest, "url(").or_else(|| strip_word(rest, "@import ")) {
            let inner = inner.trim_start();
            let from = sheet.len() - inner.len();
            let end = match inner.chars().next() {
                Some(quote @ ('"' | '\'')) => inner[1..].find(quote).map(|length| (1, length)),
                _ if rest.starts_with('@') => continue,
                _ => inner.find([')', '\n']).map(|length| (0, length)),
            };
            let Some((quote, length)) = end else { break };
            found.push((inner[quote..quote + length].trim(), from));
            at = from + quote + length;
        }
    }
    found
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let is_word = text.get(..word.len()).is_some_and(|own| own.eq_ignore_ascii_case(word));
    is_word.then(|| &text[word.len()..])
}

fn closes(opener: u8, closer: u8) -> bool {
    matches!((opener, closer), (b'(', b')') | (b'[', b']') | (b'{', b'}'))
}

fn mismatch(opener: u8) -> &'static str {
    match opener {
        b'(' => "`(` is never closed",
        b'[' => "`[` is never closed",
        _ => "`{` is never closed",
    }
}

/// The offset of the closing quote; none if the line ends before it.
fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from + 1;
    loop {
        match *bytes.get(at)? {
            b'\\' => at += 2,
            b'\n' => return None,
            byte if byte == bytes[from] => return Some(at),
            _ => at += 1,
        }
    }
}

/// Whether the parenthesis belongs to `url(` with an address that is not quoted.
fn is_bare_url(bytes: &[u8], at: usize) -> bool {
    let is_url = at >= 3 && bytes[at - 3..at].eq_ignore_ascii_case(b"url");
    let next = bytes[at + 1..].iter().find(|byte| !byte.is_ascii_whitespace());
    is_url && !matches!(next, Some(b'"' | b'\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_browsers_accept() {
        for sheet in [
            "",
            "/* empty */\n",
            "@charset \"utf-8\"; @import url(a.css) layer(base);\n@layer reset, base;",
            ":root { --a: ; --b: { x: y }; --c: 0 1px rgb(0 0 0 / 10%) }",
            "@media (width >= 600px) { .card { &:hover { color: red } > p { a: b } } }",
            ".a:not(:has(> img))::before { content: \"\\201C }\"; width: calc(100% - (2 * var(--x))) }",
            ".b { background: url(data:image/svg+xml;utf8,<svg a='b'{></svg>) } .w-1\\/2 { width: 50% }",
            ".sm\\:flex { color red; *zoom: 1 } .é { grid-template-areas: \"a b\" \"c d\" }",
            "a { background: url( 'x)y.png' ) } .x\\{ { a: 'b\\\nc' }",
            "<!-- .x { y: z } -->",
        ] {
            assert_eq!(find_syntax_error(sheet), None, "{sheet}");
        }
    }

    #[test]
    fn addresses_are_found() {
        let sheet = "@import 'a.css';\n@import url(\"b.css\") screen;\n/* url(no.png) */\n\
            a { background: URL( c.png ) , url('d (1).png') } b { background: url() } unclosed: url(\"";
        let found: Vec<_> = list_addresses(sheet).into_iter().map(|(address, _)| address).collect();
        assert_eq!(found, ["a.css", "b.css", "c.png", "d (1).png", ""]);
        assert_eq!(list_addresses(sheet)[0].1, 8);
    }

    #[test]
    fn errors_that_affect_later_rules_are_reported() {
        for (sheet, message, at) in [
            (".a { color: red;\n.b { color: blue; }\n", "`{` is never closed", 3),
            (".a { color: red; } }", "a bracket is closed that was never opened", 19),
            (".a { width: calc(1px; }", "`(` is never closed", 16),
            (".a[href { }", "`[` is never closed", 2),
            (".a { content: \"x\n; }", "the string is never closed", 14),
            ("a{} /* x", "the comment is never closed", 4),
            ("a{} .b { background: url(x; }", "`url(` is never closed", 24),
            ("Here is the style sheet.", "the text is no rule", 0),
            ("a{}\nThat is all", "the text is no rule", 4),
            ("a{ x: y \\", "`{` is never closed", 1),
        ] {
            assert_eq!(find_syntax_error(sheet), Some((message, at)), "{sheet}");
        }
    }
}
