//! Reads JSON: syntax, keys that come twice, and JSON with comments.

use std::collections::HashSet;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

/// The line, counted from 1, and the message of what is wrong with the text as JSON. A key
/// that comes twice in an object is wrong: all but the last value would be lost (RFC 8259,
/// section 4). serde_json bounds the nesting.
pub(super) fn find_fault(text: &str) -> Option<(u32, String)> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Unique.deserialize(&mut reader).and_then(|()| reader.end());
    let error = read.err()?;
    Some((u32::try_from(error.line()).unwrap_or(u32::MAX).max(1), error.to_string()))
}

/// The text without comments and without commas before a closing bracket; the other
/// characters keep their lines.
pub(super) fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' => string_length(rest),
            '/' if rest.starts_with("//") => {
                rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
                continue;
            }
            '/' if rest.starts_with("/*") => {
                let end = rest[2..].find("*/").map_or(rest.len(), |length| length + 4);
                plain.extend(rest[..end].chars().filter(|c| *c == '\n'));
                rest = &rest[end..];
                continue;
            }
            '}' | ']' => {
                let kept = plain.trim_end().len();
                if plain[..kept].ends_with(',') {
                    plain.replace_range(kept - 1..kept, " ");
                }
                1
            }
            _ => c.len_utf8(),
        };
        plain.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    plain
}

/// The length of the string with its quotes; up to the end of the text if it is not closed.
fn string_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Reads a value and refuses objects in which a key comes twice.
#[derive(Clone, Copy)]
struct Unique;

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if keys.contains(&key) {
                return Err(A::Error::custom(format_args!("the key {key:?} comes twice")));
            }
            keys.insert(key);
            entries.next_value_seed(self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_comes_twice_is_reported_with_its_line() {
        let text = "{\n  \"a\": 1,\n  \"b\": {\"a\": [1, {\"c\": null}], \"d\": -1.5e3},\n  \"a\": true\n}";
        let (line, message) = find_fault(text).expect("a fault");
        assert_eq!(line, 4, "{message}");
        assert!(message.contains("the key \"a\" comes twice"), "{message}");
        assert_eq!(find_fault("[{\"a\": 1}, {\"a\": 2}]"), None);
    }

    #[test]
    fn what_is_no_json_is_reported() {
        for text in ["", "{", "[1,]", "{'a': 1}", "{} {}", "nul", "// c\n{}"] {
            assert!(find_fault(text).is_some(), "{text}");
        }
        assert!(find_fault(&"[".repeat(100_000)).is_some());
    }

    #[test]
    fn comments_and_last_commas_are_left_out() {
        let text = "{ // one\n \"a\": \"// no \\\" /* no */\", /* two\n */ \"b\": [1, 2, ],\n}";
        let plain = without_comments(text);
        let value: serde_json::Value = serde_json::from_str(&plain).expect("JSON");
        assert_eq!(value["a"], "// no \" /* no */");
        assert_eq!((value["b"][1].as_i64(), plain.lines().count()), (Some(2), 4));
    }
}
