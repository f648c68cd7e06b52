//! Expressions of n8n, which are those of JavaScript, as expressions of ours.
//!
//! A text that begins with `=` is a template; what stands between its braces is an expression. What has no
//! equal here is refused with the reason: it is never left as it is.

use std::{collections::BTreeSet, fmt};

use serde_json::Value;

use super::sight::Sight;
pub(super) use dates::format_of;
use parse::parse;
use write::Writer;

mod dates;
mod methods;
mod parse;
mod paths;
mod token;
mod write;

/// Most bytes of an expression, before and after.
const MAX_BYTES: usize = 4096;
/// Most bytes of a text with expressions.
const MAX_TEXT_BYTES: usize = 64 * 1024;
const OPEN: &str = "{{";

/// Why something is not imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) String);

impl Refused {
    /// A reason.
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What is known of the type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Date,
    Unknown,
}

/// An expression of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// The expression, without braces.
    pub(super) text: String,
    /// The type of its value.
    pub(super) kind: Kind,
    /// Whether it needs no brackets as a part of another one.
    pub(super) is_atom: bool,
    /// Whether it is a path, which may have no value.
    pub(super) is_path: bool,
}

impl Written {
    /// An expression that binds as strongly as a name.
    pub(super) fn atom(text: impl Into<String>, kind: Kind) -> Self {
        Self { text: text.into(), kind, is_atom: true, is_path: false }
    }

    /// The expression as a part of another one.
    pub(super) fn part(&self) -> String {
        if self.is_atom { self.text.clone() } else { format!("({})", self.text) }
    }

    /// The expression, with null where a part of its path is missing.
    #[must_use]
    pub(super) fn lenient(self) -> Self {
        if self.is_path {
            return Self::atom(format!("default({}, null)", self.text), self.kind);
        }
        self
    }
}

/// A text of ours, quoted as a part of an expression.
pub(super) fn quoted(text: &str) -> String {
    // Braces would end the expression around the text.
    Value::from(text).to_string().replace('{', "\\u007b").replace('}', "\\u007d")
}

/// A text without expressions as a template of ours.
pub(super) fn literal(text: &str) -> String {
    text.replace(OPEN, "{{ \"\\u007b\\u007b\" }}")
}

/// Whether a text is a template of n8n.
pub(super) fn is_template(text: &str) -> bool {
    text.starts_with('=')
}

/// A piece of a template.
enum Part<'a> {
    Text(&'a str),
    Source(&'a str),
}

/// The pieces of a template, without its `=`.
fn parts(template: &str) -> Result<Vec<Part<'_>>, Refused> {
    let (mut found, mut rest) = (Vec::new(), template);
    while let Some((before, after)) = rest.split_once(OPEN) {
        let Some((source, next)) = after.split_once("}}") else {
            return Err(Refused::new("an expression has no end"));
        };
        let end = source.len() + braces_after(source, next);
        found.push(Part::Text(before));
        found.push(Part::Source(&after[..end]));
        rest = &after[end + 2..];
    }
    found.push(Part::Text(rest));
    found.retain(|part| !matches!(part, Part::Text("")));
    Ok(found)
}

/// How many of the braces after an expression end objects in it.
pub(super) fn braces_after(source: &str, after: &str) -> usize {
    let open = source.matches('{').count().saturating_sub(source.matches('}').count());
    open.min(after.len() - after.trim_start_matches('}').len())
}

/// An expression of n8n as one of ours, and what is not quite the same.
fn expression(source: &str, sight: &Sight<'_>, notes: &mut BTreeSet<String>) -> Result<Written, Refused> {
    if source.len() > MAX_BYTES {
        return Err(Refused::new(format!("the expression has more than {MAX_BYTES} bytes")));
    }
    let parsed = parse(source)?;
    let written = Writer { sight, notes }.write(&parsed)?;
    if written.text.len() > MAX_BYTES - 8 {
        return Err(Refused::new(format!("the expression has more than {MAX_BYTES} bytes here")));
    }
    Ok(written)
}

/// A text of n8n as one expression: a text without expressions is a quoted one.
pub(super) fn as_expression(
    text: &str,
    sight: &Sight<'_>,
    notes: &mut BTreeSet<String>,
) -> Result<Written, Refused> {
    let Some(template) = text.strip_prefix('=') else { return Ok(Written::atom(quoted(text), Kind::Text)) };
    let parts = parts(template)?;
    let meaningful: Vec<_> =
        parts.iter().filter(|part| !matches!(part, Part::Text(text) if text.trim().is_empty())).collect();
    if let [Part::Source(source)] = meaningful[..] {
        return expression(source, sight, notes);
    }
    let mut joined = Vec::new();
    for part in &parts {
        joined.push(match part {
            Part::Text(text) => quoted(text),
            Part::Source(source) => expression(source, sight, notes)?.part(),
        });
    }
    match joined.len() {
        0 => Ok(Written::atom("\"\"", Kind::Text)),
        1 => Ok(Written::atom(joined.remove(0), Kind::Text)),
        _ => Ok(Written { text: joined.join(" ~ "), kind: Kind::Text, is_atom: false, is_path: false }),
    }
}

/// A text of n8n as a template of ours.
pub(super) fn as_template(
    text: &str,
    sight: &Sight<'_>,
    notes: &mut BTreeSet<String>,
) -> Result<String, Refused> {
    let Some(template) = text.strip_prefix('=') else { return Ok(literal(text)) };
    if template.len() > MAX_TEXT_BYTES {
        return Err(Refused::new(format!("the text has more than {MAX_TEXT_BYTES} bytes")));
    }
    let mut written = String::new();
    for part in parts(template)? {
        match part {
            Part::Text(text) => written.push_str(text),
            Part::Source(source) => {
                let inner = expression(source, sight, notes)?;
                written.push_str(&format!("{{{{ {} }}}}", inner.text));
            }
        }
    }
    Ok(written)
}
