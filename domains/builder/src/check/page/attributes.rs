//! The attributes in the text of a tag.

/// The attributes with their values, in the order of the text. Names are lower-case; an
/// attribute without a value has an empty one. Linear in the length of the text.
pub(in crate::check) fn list_attributes(tag: &str) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    let mut rest = tag.trim_start_matches(is_separator);
    while !rest.is_empty() {
        let length = rest.find(|c: char| is_separator(c) || c == '=').unwrap_or(rest.len()).max(1);
        let name = rest[..length].to_ascii_lowercase();
        let after = rest[length..].trim_start();
        let (value, left) = match after.strip_prefix('=') {
            Some(value) => read_value(value.trim_start()),
            None => ("", &rest[length..]),
        };
        found.push((name, value));
        rest = left.trim_start_matches(is_separator);
    }
    found
}

/// The value at the beginning of the text, and what follows it.
fn read_value(text: &str) -> (&str, &str) {
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        return text[1..].split_once(quote).unwrap_or((&text[1..], ""));
    }
    let end = text.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(text.len());
    text.split_at(end)
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '/' | '>' | '"' | '\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_with_and_without_quotes() {
        let tag = " data-x=\" src=no \" SRC = 'a.js' defer class=b/c onclick=\"f('x')\" = é=ü/";
        let found = list_attributes(tag);
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!(
            found,
            [
                ("data-x", " src=no "),
                ("src", "a.js"),
                ("defer", ""),
                ("class", "b/c"),
                ("onclick", "f('x')"),
                ("=", ""),
                ("é", "ü/"),
            ]
        );
        assert_eq!(list_attributes(" href=\"x"), [("href".to_owned(), "x")]);
    }
}
