//! A text with expressions between `{{` and `}}`.

use serde_json::Value;

use super::{
    context::Root,
    error::{Fault, Place, Raised},
    evaluate::evaluate,
    operators::text_of,
    references::{Found, SECRETS, find_paths},
    resolved::{Resolved, SecretHandle, TextPart},
    session::{MAX_TEMPLATE_BYTES, Session, bound, size},
    syntax::{Node, parse},
};

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// A parsed text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    /// An expression, and the byte of the text where it begins.
    Expression(Node, usize),
    Secret(SecretHandle, usize),
}

/// A fault and where in the text it is.
pub(super) type Placed = (Fault, Place);

impl Template {
    /// Whether the text has an expression at all.
    pub(super) fn is_template(text: &str) -> bool {
        text.contains(OPEN)
    }

    /// Parses a text. Reports the faults of all its expressions.
    pub(super) fn parse(source: &str) -> Result<Self, Vec<Placed>> {
        if source.len() > MAX_TEMPLATE_BYTES {
            return Err(vec![(Fault::TooLong { limit: MAX_TEMPLATE_BYTES }, Place::of(source, 0))]);
        }
        let (mut parts, mut faults) = (Vec::new(), Vec::new());
        let mut rest = 0;
        while let Some(open) = source[rest..].find(OPEN).map(|found| rest + found) {
            if open > rest {
                parts.push(Part::Text(source[rest..open].to_owned()));
            }
            let start = open + OPEN.len();
            let Some(end) = end_of(&source[start..]).map(|length| start + length) else {
                faults.push((Fault::Syntax(format!("{CLOSE} is missing")), Place::of(source, open)));
                return Err(faults);
            };
            match part_of(&source[start..end], start) {
                Ok(part) => parts.push(part),
                Err(raised) => faults.push((raised.fault, Place::of(source, start + raised.at))),
            }
            rest = end + CLOSE.len();
        }
        if rest < source.len() {
            parts.push(Part::Text(source[rest..].to_owned()));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        if let [only] = parts.iter().filter(|part| !part.is_space()).collect::<Vec<_>>()[..]
            && !matches!(only, Part::Text(_))
        {
            parts = vec![only.clone()];
        }
        Ok(Self { source: source.to_owned(), parts })
    }

    /// The paths that the text names, with their places.
    pub(super) fn paths(&self) -> Vec<(Found, Place)> {
        let mut paths = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(_) => {}
                Part::Expression(node, offset) => {
                    for found in find_paths(node) {
                        let place = Place::of(&self.source, offset + found.at);
                        paths.push((found, place));
                    }
                }
                Part::Secret(handle, offset) => {
                    let path = vec![SECRETS.to_owned(), handle.name().to_owned()];
                    paths.push((Found { path, optional: false, at: 0 }, Place::of(&self.source, *offset)));
                }
            }
        }
        paths
    }

    /// Evaluates the expressions. One that stands alone keeps the type of its value.
    pub(super) fn resolve(&self, session: &Session<'_>) -> Result<Resolved, Placed> {
        session.start_text();
        if let [Part::Expression(node, offset)] = self.parts.as_slice() {
            let value = match node.is_path() {
                true => self.copy_of(node, *offset, session),
                false => self.value_of(node, *offset, session),
            };
            return value.map(Resolved::Value);
        }
        let (mut parts, mut length) = (Vec::new(), 0);
        for part in &self.parts {
            let (text, offset) = match part {
                Part::Text(text) => (text.clone(), 0),
                Part::Expression(node, offset) => (text_of(&self.value_of(node, *offset, session)?), *offset),
                Part::Secret(handle, _) => {
                    parts.push(TextPart::Secret(handle.clone()));
                    continue;
                }
            };
            length += text.len();
            bound(length).map_err(|fault| (fault, Place::of(&self.source, offset)))?;
            match parts.last_mut() {
                Some(TextPart::Plain(before)) => before.push_str(&text),
                _ => parts.push(TextPart::Plain(text)),
            }
        }
        Ok(Resolved::of_parts(parts))
    }

    /// The value of a path that stands alone. It is not computed, so that it may be as large as what a node
    /// gives.
    fn copy_of(&self, node: &Node, offset: usize, session: &Session<'_>) -> Result<Value, Placed> {
        let value = evaluate(node, session).and_then(|value| {
            session.copy(size(&value)).map(|()| value.into_owned()).map_err(|fault| fault.at(node.at))
        });
        value.map_err(|raised| (raised.fault, Place::of(&self.source, offset + raised.at)))
    }

    fn value_of(&self, node: &Node, offset: usize, session: &Session<'_>) -> Result<Value, Placed> {
        let value = evaluate(node, session).and_then(|value| {
            let bytes = size(&value);
            let checked = bound(bytes).and_then(|()| session.charge(bytes));
            checked.map(|()| value.into_owned()).map_err(|fault| fault.at(node.at))
        });
        value.map_err(|raised| (raised.fault, Place::of(&self.source, offset + raised.at)))
    }
}

impl Part {
    fn is_space(&self) -> bool {
        matches!(self, Self::Text(text) if text.trim().is_empty())
    }
}

/// The length of an expression up to the braces that close it. Braces of objects and of
/// quoted texts do not close it.
fn end_of(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), character) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '}') if depth == 0 && text[at..].starts_with(CLOSE) => return Some(at),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
    }
    None
}

fn part_of(source: &str, offset: usize) -> Result<Part, Raised> {
    let node = parse(source)?;
    let paths = find_paths(&node);
    if let Some(name) = node.alone_secret() {
        return Ok(Part::Secret(SecretHandle::new(name), offset + node.at));
    }
    for Found { path, at, .. } in paths {
        match path.first().map(String::as_str) {
            Some(SECRETS) => return Err(Fault::SecretMisused.at(at)),
            Some(name) if Root::ALL.iter().all(|root| root.name() != name) => {
                return Err(Fault::UnknownName { name: name.to_owned() }.at(at));
            }
            _ => {}
        }
    }
    Ok(Part::Expression(node, offset))
}
