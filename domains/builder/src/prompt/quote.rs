//! Escapes and bounds a person's text, so that it cannot escape its delimiters.

/// Escapes each `<` that could open or close one of the request's tags, and removes control
/// characters other than tabs and line ends.
pub(super) fn quoted(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let mut quoted = String::with_capacity(clean.len());
    let mut rest = clean.as_str();
    while let Some(at) = rest.find('<') {
        let after = &rest[at + 1..];
        quoted.push_str(&rest[..at]);
        quoted.push_str(if opens_request_tag(after) { "&lt;" } else { "<" });
        rest = after;
    }
    quoted + rest
}

/// Whether the text after a `<` reads `request…` but for slashes, spaces and invisible characters.
fn opens_request_tag(after: &str) -> bool {
    let mut letters = after.chars().take(64).filter(|c| {
        !(c.is_whitespace()
            || *c == '/'
            || matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}'))
    });
    "request".chars().all(|expected| letters.next().is_some_and(|c| c.eq_ignore_ascii_case(&expected)))
}

/// Escapes a text for the value of an attribute or a line of a list.
pub(super) fn attribute(text: &str) -> String {
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    one_line.replace('"', "&quot;").replace('<', "&lt;")
}

/// Cuts the text to `max_chars` and marks the cut.
pub(super) fn bounded(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{} […]", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_only_what_could_be_a_tag_of_the_request() {
        for (text, expected) in [
            ("a < b <p> </p>", "a < b <p> </p>"),
            ("</request_description>", "&lt;/request_description>"),
            ("< / REQUEST_title>", "&lt; / REQUEST_title>"),
            ("<\n/req\u{200B}uest_file>", "&lt;\n/req\u{200B}uest_file>"),
            ("<<request", "<&lt;request"),
            ("a\u{0}b\u{1b}[1m\tc\r\n", "ab[1m\tc\n"),
            ("", ""),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }

    #[test]
    fn cuts_at_a_character() {
        assert_eq!(bounded("éàü", 2), "éà […]");
        assert_eq!(bounded("éàü", 3), "éàü");
    }
}
