//! Functions of text. Lengths and places count characters.

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::{Arguments, Function};
use crate::expression::{
    error::Fault,
    operators::{contains, text_of},
    session::bound,
};

/// Largest compiled regular expression.
const MAX_REGEX_BYTES: usize = 256 * 1024;
/// Bytes of a pattern that count as one more reading of the text.
const PATTERN_BYTES_A_READING: usize = 8;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("lower", &["text"], 1, |args| Ok(Value::from(args.text(0)?.to_lowercase()))),
    Function::new("upper", &["text"], 1, |args| Ok(Value::from(args.text(0)?.to_uppercase()))),
    Function::new("capitalize", &["text"], 1, capitalize),
    Function::new("trim", &["text", "characters"], 1, trim),
    Function::new("replace", &["text", "from", "to"], 3, replace),
    Function::new("split", &["text", "separator"], 1, split),
    Function::new("lines", &["text"], 1, |args| Ok(args.text(0)?.lines().map(Value::from).collect())),
    Function::new("join", &["list", "separator"], 1, join),
    Function::new("contains", &["value", "part"], 2, |args| {
        contains(args.value(0)?, args.value(1)?).map(Value::Bool)
    }),
    Function::new("starts_with", &["text", "part"], 2, |args| {
        Ok(Value::Bool(args.text(0)?.starts_with(args.text(1)?)))
    }),
    Function::new("ends_with", &["text", "part"], 2, |args| {
        Ok(Value::Bool(args.text(0)?.ends_with(args.text(1)?)))
    }),
    Function::new("pad", &["text", "width", "fill", "side"], 2, pad),
    Function::new("slug", &["text"], 1, |args| Ok(Value::from(slug(args.text(0)?)))),
    Function::new("regex_match", &["text", "pattern"], 2, |args| {
        Ok(Value::Bool(regex(args)?.is_match(args.text(0)?)))
    }),
    Function::new("regex_find", &["text", "pattern"], 2, regex_find),
    Function::new("regex_replace", &["text", "pattern", "replacement"], 3, regex_replace),
];

fn capitalize(args: &Arguments<'_>) -> Result<Value, Fault> {
    let mut characters = args.text(0)?.chars();
    let first: String = characters.next().into_iter().flat_map(char::to_uppercase).collect();
    Ok(Value::from(first + &characters.as_str().to_lowercase()))
}

fn trim(args: &Arguments<'_>) -> Result<Value, Fault> {
    let text = args.text(0)?;
    let trimmed = match args.optional(1) {
        Some(_) => {
            let characters = args.text(1)?;
            text.trim_matches(|character| characters.contains(character))
        }
        None => text.trim(),
    };
    Ok(Value::from(trimmed))
}

fn replace(args: &Arguments<'_>) -> Result<Value, Fault> {
    let (text, from, to) = (args.text(0)?, args.text(1)?, args.text(2)?);
    if from.is_empty() {
        return Err(Fault::Argument("replace needs a text to look for".into()));
    }
    bound(text.len() + text.matches(from).count().saturating_mul(to.len()))?;
    Ok(Value::from(text.replace(from, to)))
}

fn split(args: &Arguments<'_>) -> Result<Value, Fault> {
    let text = args.text(0)?;
    match args.optional(1) {
        None => Ok(text.split_whitespace().map(Value::from).collect()),
        Some(_) if args.text(1)?.is_empty() => Err(Fault::Argument("split needs a separator".into())),
        Some(_) => Ok(text.split(args.text(1)?).map(Value::from).collect()),
    }
}

fn join(args: &Arguments<'_>) -> Result<Value, Fault> {
    let (items, separator) = (args.list(0)?, args.text_or(1, "")?);
    let mut joined = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(&text_of(item));
        bound(joined.len())?;
    }
    Ok(Value::from(joined))
}

fn pad(args: &Arguments<'_>) -> Result<Value, Fault> {
    let (text, width, fill) = (text_of(args.value(0)?), args.integer(1)?, args.text_or(2, " ")?);
    let mut fills = fill.chars();
    let (Some(fill), None) = (fills.next(), fills.next()) else {
        return Err(Fault::Argument("pad needs one character as fill".into()));
    };
    let width = usize::try_from(width).unwrap_or_default();
    bound(width.saturating_mul(fill.len_utf8()))?;
    let padding: String = std::iter::repeat_n(fill, width.saturating_sub(text.chars().count())).collect();
    match args.text_or(3, "left")? {
        "left" => Ok(Value::from(padding + &text)),
        "right" => Ok(Value::from(text + &padding)),
        _ => Err(Fault::Argument("pad needs left or right as side".into())),
    }
}

fn slug(text: &str) -> String {
    let plain = deunicode::deunicode(text).to_lowercase();
    let words = plain.split(|character: char| !character.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

fn regex(args: &Arguments<'_>) -> Result<Regex, Fault> {
    let (text, pattern) = (args.text(0)?, args.text(1)?);
    args.session.charge(text.len().saturating_mul(1 + pattern.len() / PATTERN_BYTES_A_READING))?;
    compile(pattern)
}

/// Compiles a regular expression. The crate searches in linear time.
pub(in crate::expression) fn compile(pattern: &str) -> Result<Regex, Fault> {
    let built = RegexBuilder::new(pattern).size_limit(MAX_REGEX_BYTES).build();
    built.map_err(|_| Fault::Argument("not a regular expression, or too large".into()))
}

/// The first group of the first match, or the match where there is no group; null without one.
fn regex_find(args: &Arguments<'_>) -> Result<Value, Fault> {
    let found = regex(args)?;
    let captures = found.captures(args.text(0)?);
    let part = captures.as_ref().and_then(|captures| captures.get(1).or_else(|| captures.get(0)));
    Ok(part.map_or(Value::Null, |part| Value::from(part.as_str())))
}

fn regex_replace(args: &Arguments<'_>) -> Result<Value, Fault> {
    let (text, replacement, found) = (args.text(0)?, args.text(2)?, regex(args)?);
    let mut replaced = String::new();
    let mut end = 0;
    for captures in found.captures_iter(text) {
        let Some(part) = captures.get(0) else { continue };
        replaced.push_str(&text[end..part.start()]);
        captures.expand(replacement, &mut replaced);
        bound(replaced.len())?;
        end = part.end();
    }
    replaced.push_str(&text[end..]);
    bound(replaced.len())?;
    Ok(Value::from(replaced))
}
